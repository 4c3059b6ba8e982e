"""Folders with a journal: going on, sharing, foreign files, failures, and what is done again."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from lib_upscalers.cli.main import main
from lib_upscalers.jobs.journal import Journal
from lib_upscalers.jobs.journal_view import JOURNAL_NAME, JournalView, entry_name
from lib_upscalers.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from collections.abc import Callable

Capture = pytest.CaptureFixture[str]
BOX = ("-u", "Box", "--scale", "2")
pytestmark = pytest.mark.usefixtures("own_folders")


def draw(*names: str, size: tuple[int, int] = (6, 4), colour: str = "black") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, colour).save(name)


def run(*arguments: str) -> int:
    return main(["upscale", *arguments])


def summary(capsys: Capture) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def when(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Act before each picture is enlarged."""
    enlarge = Upscaler.run

    def acting(self: Upscaler, *arguments: object) -> object:
        act()
        return enlarge(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Upscaler, "run", acting)


def never(*_: object) -> None:
    raise AssertionError("the work has begun")


def widths() -> dict[str, int]:
    found: dict[str, int] = {}
    for path in sorted(Path("out").glob("*.*")):
        with Image.open(path) as image:
            found[path.name] = image.width
    return found


class TestAgain:
    def test_what_is_done_costs_nothing(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX) == 0
        monkeypatch.setattr(Upscaler, "run", never)
        for more in ((), ("--overwrite",), ("--tile", "64"), ("--device", "cpu"), ("-q",)):
            assert run("in", "out", *BOX, *more) == 0, more
        error = capsys.readouterr().err
        assert error.count("2 done before, 0 done now, 0 failed.") == 4

    def test_what_changed_is_done_again(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png", "in/c.png")
        assert run("in", "out", *BOX) == 0
        draw("in/b.png", size=(8, 4))
        Path("out/c.png").unlink()
        assert run("in", "out", *BOX) == 0
        assert summary(capsys) == "1 done before, 2 done now, 0 failed."
        assert widths() == {"a.png": 12, "b.png": 16, "c.png": 12}

    def test_settings_that_change_pixels_do_all_again(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX) == 0
        for changed in (
            ("-u", "Lanczos", "--scale", "2"),
            ("-u", "Lanczos", "--scale", "3"),
            ("-u", "Lanczos", "--size", "18x"),
            ("-u", "Lanczos", "--size", "18x", "--linear-light"),
            ("-u", "Lanczos", "--size", "18x", "--linear-light", "--quality", "80"),
        ):
            capsys.readouterr()
            assert run("in", "out", *changed) == 0, changed
            assert summary(capsys) == "2 of 2 done.", changed
        assert run("in", "out", *changed, "--no-resume") == 0
        assert summary(capsys) == "2 of 2 done."

    def test_failures_are_tried_again_unless_told_otherwise(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        Path("in/b.png").write_bytes(b"no picture")
        stamp = Path("in/b.png").stat().st_mtime_ns
        for more, words in (
            ((), "1 of 2 done, 1 failed."),
            ((), "1 done before, 0 done now, 1 failed."),
            (("--no-retry-failed",), "1 done before, 0 done now, 0 failed, 1 failed before."),
        ):
            assert run("in", "out", *BOX, *more) == 1, more
            assert summary(capsys) == words
        draw("in/b.png")
        os.utime("in/b.png", ns=(stamp, stamp + 5))
        assert run("in", "out", *BOX, "--no-retry-failed") == 0
        assert summary(capsys) == "1 done before, 1 done now, 0 failed."

    def test_a_result_that_somebody_changed_stays(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX) == 0
        Path("out/a.png").write_bytes(b"retouched")
        for more in ((), ("--no-resume",), ("--scale", "3")):
            assert run("in", "out", *BOX, *more) == 0
            assert "1 there already" in summary(capsys), more
            assert Path("out/a.png").read_bytes() == b"retouched"
        assert run("in", "out", *BOX, "--overwrite") == 0
        assert widths() == {"a.png": 12, "b.png": 12}

    def test_a_copied_folder_is_known_by_its_contents(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX) == 0
        for path in Path("out").glob("*.png"):
            os.utime(path, ns=(1, 1))
        assert run("in", "out", *BOX) == 0
        assert summary(capsys) == "2 done before, 0 done now, 0 failed."

    def test_another_picture_of_the_same_name_does_not_replace_a_result(
        self, capsys: Capture
    ) -> None:
        draw("in/a.png", "in/b.png")
        draw("other/a.png", "other/c.png", size=(5, 5), colour="red")
        assert run("in", "out", *BOX) == 0
        assert run("other", "out", *BOX) == 1
        error = capsys.readouterr().err
        assert "is the result of" in error
        assert "1 of 2 done, 1 failed." in error
        assert widths() == {"a.png": 12, "b.png": 12, "c.png": 10}

    def test_a_moved_folder_of_pictures_is_recognised(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX) == 0
        Path("in").rename("elsewhere")
        assert run("elsewhere", "out", *BOX) == 0
        assert summary(capsys) == "2 done before, 0 done now, 0 failed."

    def test_names_of_every_kind(self, capsys: Capture) -> None:
        names = [b"a\\b.png", "猫 'x\".png".encode(), b"line\nbreak.png"]
        if sys.platform == "linux":
            names.append(b"\xff\xfe.png")
        for name in names:
            draw("in/x.png")
            Path("in/x.png").rename(os.fsdecode(b"in/" + name))
        assert run("in", "out", *BOX) == 0
        assert run("in", "out", *BOX) == 0
        assert summary(capsys) == f"{len(names)} done before, 0 done now, 0 failed."
        assert entry_name(Path("a\\udcff")) != entry_name(Path("a\udcff"))


class TestWithoutJournal:
    def test_skip_existing_keeps_none(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        draw("out/a.png", size=(1, 1))
        assert run("in", "out", *BOX, "--skip-existing") == 0
        assert "1 done before, 1 done now, 0 failed." in capsys.readouterr().err
        assert sorted(each.name for each in Path("out").iterdir()) == ["a.png", "b.png"]

    def test_one_picture_keeps_none(self) -> None:
        draw("a.png")
        assert run("a.png", "out/", *BOX) == 0
        assert [each.name for each in Path("out").iterdir()] == ["a.png"]

    def test_a_dry_run_writes_nothing(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX, "--dry-run") == 0
        error = capsys.readouterr().err
        assert f"a.png -> {Path('out', 'a.png')}: 6x4 -> 12x8\n" in error
        assert "2 to do, 0 to skip" in error
        assert not Path("out").exists()
        assert run("in/a.png", "in/b.png", "out", *BOX) == 0
        draw("in/c.png")
        before = Path("out", JOURNAL_NAME).read_bytes()
        capsys.readouterr()
        assert run("in", "out", *BOX, "--dry-run") == 0
        error = capsys.readouterr().err
        assert "c.png ->" in error
        assert "1 to do, 2 to skip" in error
        assert Path("out", JOURNAL_NAME).read_bytes() == before
        assert not Path("out/c.png").exists()

    def test_a_dry_run_waits_for_nothing(self, capsys: Capture) -> None:
        draw("in/a.png")
        assert run("in", "out", *BOX, "--watch", "--dry-run") == 0
        assert "1 to do, 0 to skip" in capsys.readouterr().err
        assert not Path("out").exists()

    def test_a_dry_run_names_what_cannot_be_done(self, capsys: Capture) -> None:
        draw("in/a.png")
        Path("in/b.png").write_bytes(b"no picture")
        assert run("in", "out", "-u", "Box", "--size", "12x20", "--dry-run") == 1
        error = capsys.readouterr().err
        assert "6x4 -> 12x20. Stretched" in error
        assert "b.png is in no format" in error
        assert "1 to do, 0 to skip, 1 cannot be done" in error
        assert run("in", "out", "-u", "Bxo", "--dry-run") == 2
        assert "did you mean 'Box'" in capsys.readouterr().err


class TestSharing:
    @pytest.mark.slow
    def test_the_claims_of_a_live_run_are_left_to_it(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The other run is a journal that is open here; it gives its claims back when closed."""
        draw(*(f"in/{number}.png" for number in range(4)))
        assert run("in", "out", *BOX) == 0
        with JournalView(Path("out")) as view:
            row = view.row("2.png")
        assert row is not None
        Path("out/2.png").unlink()
        other = Journal(Path("out"))
        with other.transaction():
            other.put(type(row)(**{**row.__dict__, "state": "working", "owner": other.owner}))
        seen: list[bool] = []
        closing = threading.Timer(1.0, other.close)
        closing.start()
        when(monkeypatch, lambda: seen.append(closing.is_alive()))
        capsys.readouterr()
        assert run("in", "out", *BOX) == 0
        closing.join()
        assert seen == [False], "it waits for the other run, then does what that left"
        assert summary(capsys) == "3 done before, 1 done now, 0 failed."

    def test_the_claims_of_a_dead_run_are_void(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX) == 0
        Path("out/a.png").unlink()
        connection = sqlite3.connect(Path("out", JOURNAL_NAME))
        for host, pid, seen in (("here", 4194399, time.time()), ("far", 1, time.time() - 999)):
            connection.execute("DELETE FROM owners")
            named = "" if host == "far" else None
            from lib_upscalers.file_locks import this_host

            connection.execute(
                "INSERT INTO owners VALUES ('x', ?, ?, ?)", (named or this_host(), pid, seen)
            )
            connection.execute(
                "UPDATE pictures SET state = 'working', owner = 'x' WHERE output = 'a.png'"
            )
            connection.commit()
            capsys.readouterr()
            assert run("in", "out", *BOX) == 0
            assert summary(capsys) == "1 done before, 1 done now, 0 failed.", host
            Path("out/a.png").unlink()
        connection.close()

    def test_a_result_whose_run_died_before_the_last_entry_is_done(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX) == 0
        connection = sqlite3.connect(Path("out", JOURNAL_NAME))
        connection.execute("UPDATE pictures SET state = 'written', owner = 'dead'")
        connection.commit()
        connection.close()
        Path("out/b.png").unlink()
        assert run("in", "out", *BOX) == 0
        assert summary(capsys) == "1 done before, 1 done now, 0 failed."

    @pytest.mark.slow
    def test_two_runs_at_once_do_everything_once(self, capsys: Capture) -> None:
        draw(*(f"in/{number:02}.png" for number in range(24)), size=(60, 60))
        command = [sys.executable, "-m", "lib_upscalers", "upscale", "in", "out", *BOX, "--json"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        several = [
            subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
            for _ in range(2)
        ]
        counts = [json.loads(each.communicate()[0]) for each in several]
        assert [each.returncode for each in several] == [0, 0]
        assert sum(each["done"] for each in counts) == 24
        for each in counts:
            others = each["done_by_another_run"] + each["done_before"]
            assert each["done"] + others == 24
            assert each["left"] == each["failed"] == each["there_already"] == 0
        assert len(widths()) == 24


class TestDamage:
    def test_a_damaged_journal_is_set_aside(self, capsys: Capture) -> None:
        draw(*(f"in/{number}.png" for number in range(40)))
        assert run("in", "out", *BOX, "-q") == 0
        journal = Path("out", JOURNAL_NAME)
        data = bytearray(journal.read_bytes())
        data[4096:] = os.urandom(len(data) - 4096)
        journal.write_bytes(data)
        capsys.readouterr()
        assert run("in", "out", *BOX) == 0
        error = capsys.readouterr().err
        assert "is damaged" in error
        assert "40 there already" in error

    def test_a_journal_that_the_loss_of_power_has_blanked_is_set_aside(
        self, capsys: Capture
    ) -> None:
        draw("in/a.png", "in/b.png")
        assert run("in", "out", *BOX, "-q") == 0
        journal = Path("out", JOURNAL_NAME)
        journal.write_bytes(bytes(journal.stat().st_size))
        assert run("in", "out", *BOX) == 0
        assert "2 there already" in capsys.readouterr().err

    def test_another_programs_file_stays(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        Path("out").mkdir()
        Path("out", JOURNAL_NAME).write_bytes(b"precious" * 1000)
        assert run("in", "out", *BOX) == 1
        assert "journal" in capsys.readouterr().err
        assert Path("out", JOURNAL_NAME).read_bytes() == b"precious" * 1000
        assert run("in", "out", *BOX, "--skip-existing") == 0


class TestSummary:
    def test_as_json(self, capsys: Capture) -> None:
        draw("in/a.png", "in/b.png")
        Path("in/b.png").write_bytes(b"no picture")
        assert run("in", "out", *BOX, "--json") == 1
        captured = capsys.readouterr()
        found = json.loads(captured.out)
        assert (found["pictures"], found["done"], found["failed"], found["left"]) == (2, 1, 1, 0)
        assert found["errors"][0]["name"] == str(Path("in/b.png"))
        assert "Expected" in found["errors"][0]["error"]
        assert found["megapixels"] > 0


@pytest.mark.slow
def test_watching_does_what_comes(tmp_path: Path) -> None:
    draw("in/a.png")
    command = [sys.executable, "-m", "lib_upscalers", "upscale", "in", "out", *BOX, "--watch"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
    try:
        for name in ("a.png", "b.png"):
            draw(f"in/{name}")
            deadline = time.monotonic() + 600
            while not Path("out", name).exists():
                assert time.monotonic() < deadline, name
                time.sleep(0.1)
    finally:
        process.terminate()
        _, error = process.communicate()
    assert process.returncode == 143
    assert "Waiting for further pictures" in error
    assert "2 of 2 done" in error
    assert not list(Path("out").glob(".*"))


@pytest.mark.slow
def test_lines_are_not_lost_while_pictures_are_decoded() -> None:
    """What TIFF's library prints goes to the log, and with it what others print at that time."""
    for number in range(12):
        draw(f"in/{number:02}.tif", size=(400, 400))
    command = [sys.executable, "-m", "lib_upscalers", "upscale", "in", "out", *BOX]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert len(done.stderr.splitlines()) == 13
