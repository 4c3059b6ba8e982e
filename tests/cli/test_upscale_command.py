"""The command line as a person uses it."""

from __future__ import annotations

import argparse
import ast
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.cli import engine_arguments
from lib_upscalers.cli.arguments import fit_request, size_request
from lib_upscalers.cli.command import make_parser
from lib_upscalers.cli.ending import ALL_DONE, INTERRUPTED, SOME_FAILED, WRONG_USAGE
from lib_upscalers.cli.main import commands, main
from lib_upscalers.geometry import Size
from lib_upscalers.resampling.resample import KERNELS
from tests.cases import each_case
from tests.offenders import fail_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the networks or the memory of the person who runs it."""
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("UPSCALER_LAB_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)


def _draw(path: str, size: tuple[int, int] = (9, 7), mode: str = "RGB") -> np.ndarray:
    channels = len(Image.new(mode, (1, 1)).getbands())
    shape = (size[1], size[0], channels) if channels > 1 else (size[1], size[0])
    pixels = np.random.default_rng(7).integers(0, 256, shape, np.uint8)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels, mode).save(path)
    return pixels


def _read(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def _size(path: str) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_the_precision_in_which_a_network_ran_is_stated(capsys: Capture) -> None:
    _draw("in.png")
    endings = {"Lab Fast 2x": " s, fp32\n", "Lanczos": " s\n"}
    for name, ending in endings.items():
        assert main(["upscale", "in.png", f"{name}.png", "-u", name]) == ALL_DONE
        assert capsys.readouterr().err.endswith(ending), name


def test_a_picture_is_enlarged(capsys: Capture) -> None:
    pixels = _draw("in.png")
    assert main(["upscale", "in.png", "out.png", "-u", "Nearest", "--scale", "3"]) == ALL_DONE
    assert np.array_equal(_read("out.png"), pixels.repeat(3, 0).repeat(3, 1))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "in.png -> out.png: 9x7 -> 27x21" in shown.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--scale", "2"], (18, 14)),
        (["--scale", "1.5"], (14, 10)),
        (["--scale", "3x"], (27, 21)),
        (["--scale", "0.5"], (4, 4)),
        ([], (18, 14)),
        (["--size", "20x30"], (20, 30)),
        (["--size", "18x"], (18, 14)),
        (["--size", "x14"], (18, 14)),
        (["--size", "90X"], (90, 70)),
        (["--fit", "20x30"], (20, 16)),
        (["--fit", "90x14"], (18, 14)),
    ],
)
def test_the_size_is_exact(arguments: list[str], expected: tuple[int, int]) -> None:
    _draw("in.png")
    assert main(["upscale", "in.png", "out.png", "-u", "Lanczos", *arguments]) == ALL_DONE
    assert _size("out.png") == expected


def test_a_size_of_another_shape_is_named(capsys: Capture) -> None:
    _draw("in.png")
    for size, named in (("18x30", True), ("18x14", False), ("19x", False)):
        options = ["-u", "Box", "--size", size, "--overwrite"]
        assert main(["upscale", "in.png", "out.png", *options]) == ALL_DONE
        assert ("Stretched from 9x7 to 18x30" in capsys.readouterr().err) is named, size


def test_a_result_that_is_there_is_not_called_done(capsys: Capture) -> None:
    _draw("in.png")
    assert main(["upscale", "in.png", "out/", "-u", "Box"]) == ALL_DONE
    capsys.readouterr()
    for more, named in (((), True), (("--skip-existing",), False)):
        assert main(["upscale", "in.png", "out/", "-u", "Lanczos", *more]) == ALL_DONE
        shown = capsys.readouterr().err
        assert ("--overwrite replaces it" in shown) is named, more
        assert ("1 there already" in shown) is named, more


def test_whoever_names_no_upscaler_learns_which_it_was(capsys: Capture) -> None:
    _draw("in.png")
    assert main(["upscale", "in.png", "out.png"]) == ALL_DONE
    assert "9x7 -> 18x14, Lab Fast 2x, " in capsys.readouterr().err


def test_a_network_file_that_is_missing_and_a_gif_have_remedies(capsys: Capture) -> None:
    _draw("in.png")
    for arguments, remedy in (
        (["out.png", "-u", "gone/4x.PTH"], "there is no file gone/4x.PTH: check its path"),
        (["out.gif"], ".webp or .png holds all frames"),
    ):
        assert main(["upscale", "in.png", *arguments]) == WRONG_USAGE
        assert remedy in capsys.readouterr().err


def test_the_list_names_the_files_that_are_no_networks(capsys: Capture) -> None:
    Path("nets").mkdir()
    Path("nets/empty.pth").touch()
    assert main(["list", "--models", "nets"]) == ALL_DONE
    shown = capsys.readouterr()
    assert "empty" not in shown.out
    assert "Left out: empty.pth. " in shown.err
    for number in range(7):
        Path(f"nets/more{number}.pth").touch()
    assert main(["list", "--models", "nets"]) == ALL_DONE
    shown = capsys.readouterr()
    assert shown.err.count("Left out: ") == 5
    assert "3 more files" in shown.err
    assert main(["list", "--models", "nets", "--verbose"]) == ALL_DONE
    assert capsys.readouterr().err.count("Left out: ") == 8


def test_help_names_the_program_as_it_was_started(capsys: Capture) -> None:
    for arguments in (["upscale", "--help"], ["--help"]):
        with pytest.raises(SystemExit):
            main(arguments, program="python run.py cli")
        shown = capsys.readouterr().out
        assert "\n  python run.py cli upscale in.png out.png" in shown
        assert "usage: python run.py cli" in shown
        assert "  upscalers " not in shown
        assert "`upscalers " not in shown


@pytest.mark.parametrize(
    "text", ["", "x", "12", "axb", "12x-4", "1.5x2", "12x34x5", "1234567890x1"]
)
def test_a_size_that_is_none(text: str, capsys: Capture) -> None:
    _draw("in.png")
    with pytest.raises(SystemExit) as caught:
        main(["upscale", "in.png", "out.png", "--size", text])
    assert caught.value.code == WRONG_USAGE
    assert "expected a size such as 1920x1080" in capsys.readouterr().err


def test_a_side_that_is_left_out_follows_the_shape_and_is_never_0() -> None:
    assert size_request("1x").resolve(Size(1000, 3)) == Size(1, 1)
    assert size_request("x10").resolve(Size(1000, 20)) == Size(500, 10)


def test_a_side_that_is_left_out_is_rounded_to_the_nearest() -> None:
    assert size_request("10x").resolve(Size(3, 2)) == Size(10, 7)
    assert size_request("x10").resolve(Size(2, 3)) == Size(7, 10)
    assert size_request("10x").resolve(Size(3, 1)) == Size(10, 3)


def test_what_fits_has_the_shape_and_no_side_too_long() -> None:
    for text in ("100x50", "33x100", "7x5"):
        box = size_request(text).resolve(Size(1, 1))
        for picture in (Size(640, 480), Size(3, 1000), Size(1, 1)):
            found = fit_request(text).resolve(picture)
            assert found.width == box.width or found.height == box.height
            assert found.width <= box.width
            assert found.height <= box.height
            assert found.has_shape_of(picture)


def test_a_box_to_fit_into_has_two_sides(capsys: Capture) -> None:
    _draw("in.png")
    with pytest.raises(SystemExit) as caught:
        main(["upscale", "in.png", "out.png", "--fit", "1920x"])
    assert caught.value.code == WRONG_USAGE
    assert "use --size" in capsys.readouterr().err


@each_case(
    "arguments, named",
    [
        (["upscale", "in.png", "out.png", "--sclae", "3"], "did you mean --scale?"),
        (["compare", "in.png", "--reprot=a.html"], "did you mean --report?"),
        (["models", "list", "--jason"], "did you mean --json?"),
        (["latent", "add", "--int", "x", "--anway", "a"], "did you mean --anyway?"),
        (["benchmark", "--with", "Lanczos"], "unrecognized arguments: --with"),
    ],
)
def test_a_misspelt_option_shows_the_usage_of_its_command(
    arguments: list[str], named: str, capsys: Capture
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == WRONG_USAGE
    error = capsys.readouterr().err
    assert named in error
    assert error.startswith(f"usage: upscalers {arguments[0]} ")


@each_case(
    "arguments, named",
    [
        (["upscal", "in.png", "out.png"], "did you mean upscale?"),
        (["models", "serch", "anime"], "did you mean search?"),
        (["upscale", "in.png", "out.png", "--format", "jepg"], "did you mean jpg?"),
        (["in.png", "out.png"], "expected upscale or another of list, compare, "),
        (["models"], "expected an action: search, show, get, list"),
        (["latent"], "expected an action: fit, share, add, tiny"),
    ],
)
def test_a_misspelt_or_missing_name_gets_those_that_there_are(
    arguments: list[str], named: str, capsys: Capture
) -> None:
    _draw("in.png")
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == WRONG_USAGE
    assert named in capsys.readouterr().err


@pytest.mark.parametrize("command", ["list", "benchmark", "doctor", "upscale"])
def test_a_folder_of_networks_that_is_missing_is_refused(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--models", "nothere"])
    assert caught.value.code == WRONG_USAGE
    assert "expected a folder with networks, but 'nothere' is none" in capsys.readouterr().err


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "1000", "inf"])
def test_a_scale_without_sense(scale: str, capsys: Capture) -> None:
    _draw("in.png")
    code = main(["upscale", "in.png", "out.png", "-u", "Nearest", f"--scale={scale}"])
    assert code == WRONG_USAGE
    assert "Expected a scale" in capsys.readouterr().err
    assert not Path("out.png").exists()


def test_an_unknown_upscaler_suggests_the_nearest(capsys: Capture) -> None:
    _draw("in.png")
    assert main(["upscale", "in.png", "out.png", "--upscaler", "Lanzcos"]) == WRONG_USAGE
    error = capsys.readouterr().err
    assert "'Lanzcos'" in error
    assert "did you mean 'Lanczos'" in error
    assert len(error.strip().splitlines()) == 1


def test_what_was_typed_is_looked_at_before_the_files(capsys: Capture) -> None:
    _draw("in.png")
    assert main(["upscale", "in.png", "missing.png", "out", "-u", "Lanzcos"]) == WRONG_USAGE
    error = capsys.readouterr().err
    assert "did you mean 'Lanczos'" in error
    assert "missing.png" not in error
    with pytest.raises(SystemExit):
        main(["upscale", "in.png", "out.png", "--scale", "1,5"])
    assert "expected a number such as 2 or 1.5, but got '1,5'" in capsys.readouterr().err


def test_an_unknown_kernel_suggests_the_nearest(capsys: Capture) -> None:
    _draw("in.png")
    assert main(["upscale", "in.png", "out.png", "--kernel", "Mitchel"]) == WRONG_USAGE
    assert "'Mitchell'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["upscale"],
        ["upscale", "in.png"],
        ["enlarge", "in.png", "out.png"],
        ["upscale", "in.png", "out.png", "--tile", "0"],
        ["upscale", "in.png", "out.png", "--overlap", "-1"],
        ["upscale", "in.png", "out.png", "--scale", "2", "--size", "4x4"],
        ["upscale", "in.png", "out.png", "--scale", "two"],
        ["upscale", "in.png", "out.png", "--quality", "101"],
        ["upscale", "in.png", "out.png", "--dpi", "0"],
        ["upscale", "in.png", "out.png", "--dpi", "70000"],
        ["compare", "in.png", "--with", "Lanczos", "--json", "-"],
        ["upscale", "in.png", "out.png", "--format", "exe"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == WRONG_USAGE
    assert "usage: upscalers" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there(device: str, capsys: Capture) -> None:
    _draw("in.png")
    network = _first_network()
    code = main(["upscale", "in.png", "out.png", "-u", network, "--device", device])
    assert code == WRONG_USAGE
    assert device in capsys.readouterr().err
    assert not Path("out.png").exists()


def _first_network() -> str:
    from lib_upscalers import StandaloneHost, Upscaler

    choices = Upscaler(StandaloneHost()).choices()
    return next(choice.name for choice in choices if choice.kind == "network")


def test_the_built_in_network_is_the_default(capsys: Capture) -> None:
    _draw("in.png", (40, 30))
    assert main(["upscale", "in.png", "out.png", "--verbose"]) == ALL_DONE
    assert _size("out.png") == (80, 60)
    assert _first_network() in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--tile", "32", "--overlap", "4"],
        ["--padding", "wrap"],
        ["--precision", "bf16"],
        ["--scale", "3", "--passes", "reduced", "--kernel", "Mitchell", "--linear-light"],
        ["--device", "cpu"],
    ],
)
def test_a_network_takes_options(options: list[str]) -> None:
    _draw("in.png", (48, 40))
    assert main(["upscale", "in.png", "out.png", *options]) == ALL_DONE
    factor = 3 if "--scale" in options else 2
    assert _size("out.png") == (48 * factor, 40 * factor)


def _broken(path: str) -> None:
    Path(path).write_bytes(b"this is not a picture")


def test_one_bad_file_does_not_stop_the_others(capsys: Capture) -> None:
    _draw("in/a.png")
    _broken("in/b.png")
    _draw("in/sub/c.png")
    assert main(["upscale", "in", "out", "-u", "Box", "--recursive"]) == SOME_FAILED
    error = capsys.readouterr().err
    assert _size("out/a.png") == _size("out/sub/c.png") == (18, 14)
    assert not Path("out/b.png").exists()
    assert str(Path("in/b.png")) in error
    assert "2 of 3 done, 1 failed." in error
    assert "Traceback" not in error


def test_a_traceback_is_shown_on_demand(capsys: Capture) -> None:
    _broken("in.png")
    assert main(["upscale", "in.png", "out.png", "-u", "Box", "-v"]) == SOME_FAILED
    assert "Traceback" in capsys.readouterr().err


def test_a_bad_picture_costs_no_earlier_result() -> None:
    _broken("in.png")
    _draw("out.png")
    before = Path("out.png").read_bytes()
    assert main(["upscale", "in.png", "out.png", "-u", "Box", "--overwrite"]) == SOME_FAILED
    assert Path("out.png").read_bytes() == before


def test_overwriting_is_a_decision(capsys: Capture) -> None:
    _draw("in.png")
    _draw("out.png", (3, 3))
    before = Path("out.png").read_bytes()
    assert main(["upscale", "in.png", "out.png", "-u", "Box"]) == SOME_FAILED
    assert "--overwrite" in capsys.readouterr().err
    assert Path("out.png").read_bytes() == before
    assert main(["upscale", "in.png", "out.png", "-u", "Box", "--overwrite"]) == ALL_DONE
    assert _size("out.png") == (18, 14)


def test_too_many_pixels(capsys: Capture) -> None:
    _draw("in.png")
    arguments = ["upscale", "in.png", "out.png", "-u", "Box"]
    assert main([*arguments, "--max-pixels", "62"]) == SOME_FAILED
    assert "in.png has 63" in capsys.readouterr().err
    assert main([*arguments, "--max-pixels", "63"]) == ALL_DONE


def test_an_output_that_cannot_be_written(capsys: Capture) -> None:
    _draw("in.png")
    Path("taken").write_text("a file, no folder", encoding="utf-8")
    assert main(["upscale", "in.png", "taken/out.png", "-u", "Box"]) == SOME_FAILED
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "fault of this program" not in error


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tiff", "bmp"])
def test_formats(ending: str) -> None:
    _draw("in/a.png")
    _draw("in/b.bmp")
    assert main(["upscale", "in", "out", "-u", "Box", "--format", ending]) == ALL_DONE
    assert sorted(path.name for path in Path("out").glob("*.*")) == [f"a.{ending}", f"b.{ending}"]
    for path in Path("out").glob("*.*"):
        with Image.open(path) as image:
            assert image.format == {"jpg": "JPEG"}.get(ending, ending.upper())


def test_transparency_is_kept() -> None:
    pixels = _draw("in.png", mode="RGBA")
    assert main(["upscale", "in.png", "out.png", "-u", "Nearest"]) == ALL_DONE
    assert np.array_equal(_read("out.png")[..., 3], pixels[..., 3].repeat(2, 0).repeat(2, 1))


def test_quiet_shows_nothing_but_errors(capsys: Capture) -> None:
    _draw("in.png")
    assert main(["upscale", "in.png", "out.png", "-u", "Box", "--quiet"]) == ALL_DONE
    assert capsys.readouterr() == ("", "")
    assert main(["upscale", "in.png", "out.png", "-u", "Box", "--quiet"]) == SOME_FAILED
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["list"], ["upscale", "--list"], ["--list"]])
def test_the_list_names_every_kernel_and_network(arguments: list[str], capsys: Capture) -> None:
    assert main(arguments) == ALL_DONE
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].split() == ["NAME", "SCALE", "ARCHITECTURE", "SIZE", "LICENCE"]
    missing = [name for name in [*KERNELS, _first_network()] if name not in shown.out]
    assert not missing, f"the list leaves out {missing}"
    assert shown.err == ""


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def _fault(*_: object, **__: object) -> None:
    raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize(
    ("happens", "code", "text"),
    [(_interrupt, INTERRUPTED, "Stopped."), (_fault, SOME_FAILED, "a fault of this program")],
)
def test_nothing_half_made_is_left(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    happens: Callable[..., None],
    code: int,
    text: str,
) -> None:
    _draw("in.png")
    monkeypatch.setattr(Image.Image, "save", happens)
    assert main(["upscale", "in.png", "new/out.jpg", "-u", "Box"]) == code
    assert text in capsys.readouterr().err
    assert not list(Path("new").rglob("*"))


def test_the_log_is_left_as_it_was() -> None:
    logger = logging.getLogger("lib_upscalers")
    before = logger.handlers[:], logger.level, logger.propagate
    assert main(["list", "--verbose"]) == ALL_DONE
    assert (logger.handlers[:], logger.level, logger.propagate) == before


@pytest.mark.slow
def test_it_works_as_a_module_and_in_a_pipe() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lib_upscalers", "list"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        error = process.stderr.read()
    assert (process.returncode, error) == (ALL_DONE, b"")


def each_parser(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for group in parser._actions:
        if isinstance(group, argparse._SubParsersAction):
            for child in group.choices.values():
                yield from each_parser(child)


def test_help_explains_every_option() -> None:
    for command in each_parser(make_parser(commands(), "1.0", "")):
        for action in command._actions:
            assert action.help or action.dest == "command", action.dest
        text = command.format_help()
        assert text.isascii(), "a terminal of any encoding can show it"
        assert max(map(len, text.splitlines())) <= 100


def test_every_option_is_read() -> None:
    """As a field of a command's options that something uses, or straight from the arguments."""
    read: set[object] = set()
    for file in (ROOT / "lib_upscalers" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                read.add(node.attr)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
                read |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    unread = {
        f"{command.prog}: {action.dest}"
        for command in each_parser(make_parser(commands(), "1.0", ""))
        for action in command._actions
        if action.dest not in (*read, "help", "version")
        and not action.dest.startswith(engine_arguments._PREFIX)
    }
    fail_for(unread, "Expected options that the program reads; use or delete these")
