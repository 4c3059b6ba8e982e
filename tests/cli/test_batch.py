"""Many pictures, bad names, full disks and signals: what a run does, states and leaves."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lib_upscalers import read_picture
from lib_upscalers.cli.main import main
from lib_upscalers.file_writing import remove_stale_parts, writing_path
from lib_upscalers.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

Capture = pytest.CaptureFixture[str]
BOX = ("-u", "Box", "--scale", "2")
pytestmark = pytest.mark.usefixtures("own_folders")


def draw(*names: str, size: tuple[int, int] = (6, 4), mode: str = "RGB") -> None:
    for number, name in enumerate(names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, 40 * number + 20 if mode == "L" else None).save(name)


def run(*arguments: str) -> int:
    return main(["upscale", *arguments])


def results(folder: str = "out") -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.*"))


def never(*_: object, **__: object) -> None:
    raise AssertionError("the work has begun")


@contextmanager
def before_the_work(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> Generator[None]:
    """Act whenever a picture was read and is to be enlarged."""
    enlarge = Upscaler.run

    def acting(self: Upscaler, *arguments: object) -> object:
        act()
        return enlarge(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Upscaler, "run", acting)
        yield


class TestAgain:
    def test_what_is_there_is_done_before(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png", "in/deep/c.png")
        assert run("in", "out", "-r", *BOX) == 0
        assert "3 of 3 done." in capsys.readouterr().err
        before = {name: Path("out", name).stat().st_mtime_ns for name in results()}
        assert run("in", "out", "-r", *BOX) == 0
        assert capsys.readouterr().err == "3 done before, 0 done now, 0 failed.\n"
        draw("in/d.png")
        assert run("in", "out", "-r", *BOX) == 0
        assert "3 done before, 1 done now, 0 failed." in capsys.readouterr().err
        after = {name: Path("out", name).stat().st_mtime_ns for name in before}
        assert after == before

    def test_a_file_of_another_size_is_named_and_stays(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX, "--skip-existing") == 0
        assert run("in", "out", "-u", "Box", "--scale", "3", "-q") == 0
        error = capsys.readouterr().err
        assert "is 12x8 and not 18x12" in error
        assert "1 more" in error
        assert "--overwrite" in error
        assert read_picture("out/a.png").size.width == 12
        assert run("in", "out", "-u", "Box", "--scale", "3", "--overwrite") == 0
        assert read_picture("out/a.png").size.width == 18

    def test_a_picture_that_lies_down_has_the_size_that_is_expected(self, capsys: Capture) -> None:
        Path("in").mkdir()
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (6, 4)).save("in/a.jpg", exif=exif)
        for _ in range(2):
            assert run("in", "out", *BOX) == 0
        assert "differently" not in capsys.readouterr().err

    def test_parts_of_killed_runs_are_removed(self) -> None:
        draw("in/a.png")
        assert run("in", "out", *BOX) == 0
        with writing_path("out/x.png", overwrite=True) as part:
            name = part.name
        assert name.count("-") == 2
        dead = Path("out", name.replace(f"-{os.getpid()}-", "-4194399-"))
        dead.write_bytes(b"half")
        assert run("in", "out", *BOX) == 0
        assert not dead.exists()
        assert remove_stale_parts("out") == 0


class TestNames:
    def test_what_leads_to_no_picture_says_what_it_is(self, capsys: Capture) -> None:
        Path("empty").mkdir()
        Path("link.png").symlink_to("nothing.png")
        for name, words in (
            ("nothere.png", "no file or folder nothere.png"),
            ("emtpy", "there is no emtpy: did you mean empty?"),
            ("https://example.org/a.png", "the address https://example.org/a.png"),
            ("*.nothing", "no file matches"),
            ("empty", "holds none"),
            ("link.png", "a link to a file that is not there"),
            ("a.png/b.png", "there is no file or folder"),
            ("x" * 300 + ".png", "cannot be opened (File name too long)"),
            ("~nobody-at-all/a.png", "there is no file or folder ~nobody"),
        ):
            for output in ("x.png", "out/"):
                assert run(name, output, *BOX) == 1, name
                error = capsys.readouterr().err
                assert words in error, (name, error)
                assert "fault" not in error
                assert "Expected a folder for" not in error
                assert not Path("out").exists()

    def test_one_bad_name_stops_no_other(self, capsys: Capture) -> None:
        draw("~x.png", "ok.png", "in/a.png")
        long = "é" * 125 + ".dib"
        Image.new("RGB", (3, 3)).save(f"in/{long}")
        assert run("~x.png", "ok.png", "in", "~nobody/a.png", "out", "-f", "webp", *BOX) == 1
        names = results()
        assert len(names) == 4
        assert {"~x.webp", "ok.webp", "a.webp"} < set(names)
        assert max(len(os.fsencode(name)) for name in names) <= 255
        assert "4 of 5 done, 1 failed." in capsys.readouterr().err
        assert run("in", "out", "-f", "webp", *BOX) == 0, "the short name is found again"

    def test_an_output_may_be_called_like_a_home(self) -> None:
        draw("a.png")
        assert run("a.png", "~out.png", *BOX) == 0
        assert Path("~out.png").is_file()

    def test_names_that_some_file_systems_take_for_one(self, capsys: Capture) -> None:
        draw(
            "in/a.png",
            "in/A.PNG",
            "in/a-2.png",
            "in/\u00e9.png",
            "in/e\u0301.png",
            "in/E\u0301.png",
        )
        if len(list(Path("in").iterdir())) < 6:
            pytest.skip("this file system takes them for one, too")
        assert run("in", "out", *BOX) == 0
        assert len({name.casefold() for name in results()}) == 6
        assert run("in", "out", *BOX) == 0
        assert "6 done before, 0 done now" in capsys.readouterr().err

    def test_options_may_stand_between_names(self) -> None:
        draw("a.png", "b.png")
        assert run("a.png", "--scale", "2", "b.png", "-u", "Box", "out/") == 0
        assert results() == ["a.png", "b.png"]

    def test_a_missing_picture_beside_a_wrong_output_is_named(self, capsys: Capture) -> None:
        draw("a.png")
        assert run("nothere.png", "a.png", "x.png", *BOX) == 1
        error = capsys.readouterr().err
        assert "there is no file or folder nothere.png" in error
        assert "Expected a folder for the results" in error


class TestStatements:
    def test_files_of_other_formats_are_counted_by_ending(self, capsys: Capture) -> None:
        draw("in/a.png", "in/deep/b.png")
        for name in ("a.psd", "b.PSD", "c.docx", "noending", ".hidden"):
            Path("in", name).write_bytes(b"x")
        assert run("in", "out", *BOX) == 0
        error = capsys.readouterr().err
        assert "left out 4 files" in error
        assert "2 .psd, 1 without an ending, 1 .docx" in error
        assert "1 sub-folder" in error
        assert "--recursive" in error
        assert run("in", "out", *BOX, "-q") == 0
        assert capsys.readouterr().err == ""
        assert run("out", "larger", *BOX) == 0
        assert "left out" not in capsys.readouterr().err, "the journal is ours"

    def test_what_a_result_lacks_is_in_its_line(self, capsys: Capture) -> None:
        frames = [Image.new("RGB", (6, 4), (90 * number, 0, 0)) for number in range(3)]
        frames[0].save("anim.gif", save_all=True, append_images=frames[1:])
        draw("alpha.png", mode="RGBA")
        assert run("anim.gif", "alpha.png", "out", "-f", "jpg", *BOX) == 0
        error = capsys.readouterr().err
        assert "An animation of 3 frames: the first is taken." in error
        assert "Transparency is laid on white" in error

    @pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
    def test_results_state_the_resolution_that_was_asked_for(self, ending: str) -> None:
        draw("plain.png")
        pages = [Image.new("RGB", (6, 4), (90 * number, 0, 0)) for number in range(2)]
        pages[0].save("pages.tif", save_all=True, append_images=pages[1:], dpi=(72, 72))
        assert run("plain.png", "pages.tif", "out", "-f", ending, *BOX, "--dpi", "300") == 0
        for name in ("plain", "pages"):
            with Image.open(f"out/{name}.{ending}") as image:
                assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01), name
        assert run("plain.png", "pages.tif", "out", "-f", ending, *BOX) == 0
        with Image.open(f"out/pages.{ending}") as image:
            assert image.info["dpi"] == pytest.approx((72, 72), abs=0.01), "its own, without it"

    @pytest.mark.parametrize("ending", ["webp", "bmp"])
    def test_a_resolution_that_a_format_lacks_is_named(self, ending: str, capsys: Capture) -> None:
        draw("plain.png")
        assert run("plain.png", f"out.{ending}", *BOX, "--dpi", "300") == 0
        assert f"A .{ending} file holds no resolution here" in capsys.readouterr().err

    @pytest.mark.parametrize("ending", ["webp", "avif", "png"])
    def test_a_resolution_that_an_animation_lacks_is_named(
        self, ending: str, capsys: Capture
    ) -> None:
        frames = [Image.new("RGB", (6, 4), (90 * number, 0, 0)) for number in range(3)]
        frames[0].save("anim.gif", save_all=True, append_images=frames[1:])
        assert run("anim.gif", f"out.{ending}", *BOX, "--dpi", "300") == 0
        shown = capsys.readouterr().err
        assert "All 3 frames." in shown
        assert ("holds no resolution here" in shown) is (ending != "png")

    def test_a_cut_picture_is_read_on_request(self, capsys: Capture) -> None:
        pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save("whole.jpg", quality=95)
        data = Path("whole.jpg").read_bytes()
        Path("cut.jpg").write_bytes(data[: len(data) * 9 // 10])
        assert run("cut.jpg", "out.png", *BOX) == 1
        assert not Path("out.png").exists()
        assert "--partial reads what can be decoded" in capsys.readouterr().err
        assert run("cut.jpg", "out.png", *BOX, "--partial") == 0
        assert "cut short" in capsys.readouterr().err

    def test_python_warnings_are_for_programmers(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        draw("a.png")
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            with before_the_work(monkeypatch, lambda: warnings.warn("odd", stacklevel=2)):
                assert run("a.png", "b.png", *BOX) == 0
                assert "odd" not in capsys.readouterr().err
                assert run("a.png", "c.png", *BOX, "-v") == 0
        shown = capsys.readouterr().err
        assert "UserWarning: odd" in shown
        assert __file__ not in shown


class TestBeforeTheWork:
    def test_limits_of_formats(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setattr(Upscaler, "run", never)
        draw("wide.png", size=(9000, 2))
        for ending, scale in (("webp", "2"), ("jpg", "8"), ("bmp", "4"), ("avif", "8")):
            assert run("wide.png", f"out.{ending}", "-u", "Box", "--scale", scale) == 1
            assert "Expected sides of at most" in capsys.readouterr().err, ending
        assert run("wide.png", "out.tif", "-u", "Box", "--size", "500000x100") == 1
        monkeypatch.setattr("lib_upscalers.targets.MOST_SCALE", 1e9)
        assert run("wide.png", "out.tif", "-u", "Box", "--size", "90000x90000") == 1
        assert "4 GiB" in capsys.readouterr().err

    def test_folders_that_cannot_be_written(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        monkeypatch.setattr(Upscaler, "run", never)
        draw("a.png", "b.png")
        Path("taken").write_bytes(b"x")
        assert run("a.png", "b.png", "taken/sub/", *BOX) == 1
        assert capsys.readouterr().err.count("taken is a file") == 1, "one sentence"
        Path("closed").mkdir()
        monkeypatch.setattr(os, "access", lambda path, *_: Path(path).name != "closed")
        assert run("a.png", "b.png", "closed/sub", *BOX) == 1
        assert "must not be written to" in capsys.readouterr().err
        assert not list(Path("closed").iterdir())

    def test_free_space(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png", "in/c.png", size=(60, 40))
        usage = shutil.disk_usage(".")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50))
        monkeypatch.setattr(Upscaler, "run", never)
        assert run("in", "out", *BOX) == 1
        error = capsys.readouterr().err
        assert error.count("free space") == 1, "one sentence"
        assert "2 left" in error
        assert not Path("out").exists()

    def test_one_large_picture_leaves_room_for_the_others(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        draw("in/a.png", size=(2000, 900))
        draw("in/b.png")
        usage = shutil.disk_usage(".")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5 << 20))
        assert run("in", "out", "-f", "bmp", *BOX) == 1
        assert "1 of 2 done, 1 failed." in capsys.readouterr().err


class TestDuringTheWork:
    def test_a_full_disk_stops_the_run(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        draw(*(f"in/{number}.png" for number in range(5)))
        begun: list[int] = []

        link = os.link

        def fill(source: Path, target: Path) -> None:
            if Path(target).name != "0.png":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            link(source, target)

        monkeypatch.setattr(os, "link", fill)
        with before_the_work(monkeypatch, lambda: begun.append(1)):
            assert run("in", "out", "-q", *BOX) == 1
        error = capsys.readouterr().err
        assert 2 <= len(begun) <= 5
        assert "1 of 5 done, 1 failed, 3 left: the same command goes on" in error
        assert len(error.splitlines()) == 2
        assert results() == ["0.png"]

    def test_a_file_that_appears_meanwhile_stays(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        draw("in/a.png", "in/b.png")

        def appear() -> None:
            if not Path("out/a.png").exists():
                Path("out/a.png").write_bytes(b"precious")

        with before_the_work(monkeypatch, appear):
            assert run("in", "out", *BOX) == 1
        error = capsys.readouterr().err
        assert "--overwrite" in error
        assert "1 of 2 done, 1 failed." in error
        assert Path("out/a.png").read_bytes() == b"precious"
        assert results() == ["a.png", "b.png"]

    def test_a_signal_ends_the_run_and_leaves_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        draw("in/a.png", "in/b.png", "in/c.png")
        for name, code in (("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)):
            number = getattr(signal, name, None)
            if number is None or signal.getsignal(number) is signal.SIG_IGN:  # as under nohup
                continue
            before = signal.getsignal(number)
            raised: list[int] = []

            def send(number: int = number, raised: list[int] = raised) -> None:
                raised.append(number)
                if len(raised) == 2:
                    signal.raise_signal(number)

            with before_the_work(monkeypatch, send):
                assert run("in", "out", *BOX) == code, name
            assert signal.getsignal(number) == before
            error = capsys.readouterr().err
            assert "1 of 3 done, 2 left: the same command goes on" in error
            assert "Stopped." in error
            assert results() == ["a.png"]
            shutil.rmtree("out")

    def test_a_signal_that_is_ignored_stays_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if not hasattr(signal, "SIGHUP"):
            pytest.skip("only where there is a SIGHUP")
        draw("a.png")
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with before_the_work(monkeypatch, lambda: signal.raise_signal(signal.SIGHUP)):
                assert run("a.png", "b.png", *BOX) == 0
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_folders_of_a_result_that_fails_go_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        draw("a.png")

        def fail() -> None:
            raise MemoryError

        with before_the_work(monkeypatch, fail):
            assert run("a.png", "new/deep/", *BOX) == 1
        assert not Path("new").exists()


class TestMemory:
    def test_a_kernel_without_memory_names_the_sizes(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        draw("a.png")
        for error in (
            MemoryError("Unable to allocate 412. MiB for an array"),
            MemoryError(),
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"),
            ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        ):

            def fail(*_: object, _error: Exception = error, **__: object) -> None:
                raise _error

            with monkeypatch.context() as patch:
                patch.setattr("lib_upscalers.upscaling.upscaler._resample", fail)
                assert run("a.png", "b.png", *BOX) == 1
            text = capsys.readouterr().err
            assert "Expected memory to enlarge 6x4 to 12x8 by Box" in text, error
            assert "fault of this program" not in text

    def test_reading_and_writing_without_memory(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise MemoryError

        draw("a.png")
        for name, words in (("read_picture", "to read a.png, 6x4"), ("write_picture", "12x8")):
            with monkeypatch.context() as patch:
                patch.setattr(f"lib_upscalers.pictures.files.{name}", fail)
                assert run("a.png", "b.png", *BOX) == 1
            text = capsys.readouterr().err
            assert words in text
            assert "fault of this program" not in text

    def test_a_comparison_without_memory(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise MemoryError

        draw("a.png", size=(32, 32))
        for place, words in (
            ("lib_upscalers.upscaling.upscaler._resample", "32x32 to 64x64 by Box"),
            ("lib_upscalers.compare.comparison.measure", "64x64 by Box"),
            ("lib_upscalers.compare.subject.read_picture", "a.png, 32x32"),
            ("lib_upscalers.compare.report.html_report", "to write out.html"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(place, fail)
                arguments = ["compare", "a.png", "--with", "Box,Nearest", "--report", "out.html"]
                assert main([*arguments, "--overwrite"]) == 1, place
            text = capsys.readouterr().err
            assert words in text, place
            assert "fault of this program" not in text, place

    def test_training_without_memory(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path
    ) -> None:
        loader = tmp_path / "vae.py"
        loader.write_text(
            "from tests.latent.fakes import ToyCodec\n"
            "def load(device):\n    return ToyCodec(4).encode, ToyCodec(4).decode\n"
        )

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] . can't allocate memory")

        words = ["latent", "fit", "--space", "toy", "--device", "cpu", "--loader", f"{loader}:load"]
        for place, purpose in (
            ("training.latent.fit._Job._make_pairs", "train on 4 channels"),
            ("training.latent.teacher.Teacher.probe", "for the autoencoder on cpu"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(f"lib_upscalers.{place}", fail)
                assert main(words) == 1, place
            text = capsys.readouterr().err
            assert purpose in text, place
            assert "fault of this program" not in text, place


def test_what_a_person_gets_wrong_is_no_fault_of_the_program(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png")
    Path("folder").mkdir()
    Path("broken.py").write_text("import nothing_of_that_name\n")
    Path("raises.py").write_text("def load(device):\n    raise RuntimeError('no weights')\n")
    fit = ("latent", "fit", "--space", "toy", "--device", "cpu")
    one = ("upscale", "a.png", "b.png")
    two = ("compare", "a.png", "--with")
    for arguments in (
        (*one, "-u", "folder"),
        (*one, "-u", ""),
        (*one, "-u", "a.png"),
        (*one, "-u", "x" * 5000),
        (*one, "-u", "~nobody/x.pth"),
        (*one, "-u", "Box", "--scale", "1e300"),
        (*one, "-u", "Box", "--size", "999999999x"),
        (*one, "--device", ""),
        (*one, "--device", "cuda:99"),
        ("upscale", "folder", "a.png", "out"),
        ("upscale", "", "out.png"),
        ("upscale", "a.png", "folder/../a.png"),
        (*two, ","),
        (*two, "Box,folder"),
        (*two, "Box,~nobody/x"),
        (*two, "Box,Nearest", "--grid", "folder"),
        (*two, "Box,Nearest", "--report", "a.png/x.html"),
        (*two, "no such,not this"),
        ("compare", "nothere.png", "--with", "Box,Nearest"),
        ("compare", "folder", "--with", "Box,Nearest"),
        (*fit, "--loader", "broken.py:load"),
        (*fit, "--loader", "raises.py:load"),
        (*fit, "--loader", "raises.py"),
        (*fit, "--loader", "folder:load"),
        (*fit, "--autoencoder", "folder", "a.png"),
    ):
        code = main(list(arguments))
        error = capsys.readouterr().err
        assert code in (1, 2), arguments
        assert "fault of this program" not in error, (arguments, error)
        assert "Traceback" not in error, arguments


def test_a_machine_without_a_home_is_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    """As in a container with a user that it does not know."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("UPSCALER_LAB_MODELS", "~nobody-at-all/models")
    draw("a.png")
    assert run("a.png", "b.png", *BOX) == 0
    assert run("a.png", "c.png", "-u", "Lab Fast 2x") == 0
    assert "home" not in capsys.readouterr().err
