"""`upscalers compare`, as a person calls it."""

from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path

import pytest

from lib_upscalers import read_picture, write_picture
from lib_upscalers.cli.main import main
from tests.compare.fakes import picture


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture
def in_png(tmp_path: Path) -> str:
    """A picture to compare on."""
    path = tmp_path / "in.png"
    write_picture(picture(), path)
    return str(path)


@pytest.mark.slow
def test_a_comparison_with_everything(
    in_png: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {kind: tmp_path / f"out.{kind}" for kind in ("report", "grid", "csv", "json")}
    outputs["grid"] = outputs["grid"].with_suffix(".png")
    options = [part for kind, path in outputs.items() for part in (f"--{kind}", str(path))]
    assert main(["compare", in_png, "--with", "Nearest, Lanczos", "--test", "2", *options]) == 0
    shown = capsys.readouterr()
    assert "+: higher is better" in shown.err
    lines = shown.out.splitlines()
    assert lines[0].split()[:2] == ["UPSCALER", "SECONDS"]
    assert [line.split()[0] for line in lines[1:]] == ["Nearest", "Lanczos"]
    assert "<upscaler-lab-viewer>" in outputs["report"].read_text(encoding="utf-8")
    assert read_picture(outputs["grid"]).size.width > 64
    rows = list(csv.DictReader(outputs["csv"].read_text(encoding="utf-8").splitlines()))
    assert float(rows[0]["psnr"]) > 0
    assert len(json.loads(outputs["json"].read_text(encoding="utf-8"))) == 1


def test_the_engines_settings_are_used_and_stored(in_png: str, tmp_path: Path) -> None:
    results = []
    for options in ([], ["--linear-light", "--network-kernel", "Mitchell"]):
        grid, table = tmp_path / "grid.png", tmp_path / "table.json"
        arguments = ["compare", in_png, "--with", "Lanczos,Box", "--overwrite", *options]
        assert main([*arguments, "--grid", str(grid), "--json", str(table)]) == 0
        (session,) = json.loads(table.read_text(encoding="utf-8"))
        results.append((json.loads(session["settings"]).get("engine"), read_picture(grid).pixels))
    (plain, first), (given, second) = results
    assert not plain
    assert given == {"kernel": "Mitchell", "linear_light": True}
    assert (first != second).any()


def test_one_that_fails_is_told_and_the_others_are_done(
    in_png: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no network")
    assert main(["compare", in_png, "--with", f"Nearest,{broken},Box", "--size", "40x30"]) == 1
    out, err = capsys.readouterr()
    assert "broken.pth" in err
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["Nearest", "Box"]


def test_a_misspelt_upscaler_is_named_before_the_work(
    in_png: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", in_png, "--with", "Nearest,Lanzcos"]) == 2
    out, err = capsys.readouterr()
    assert "did you mean 'Lanczos'" in err
    assert not out


def test_a_file_that_fails_is_no_wrong_usage(
    in_png: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in `upscalers upscale`: what was typed is right, the file is not."""
    broken, missing = tmp_path / "broken.png", tmp_path / "missing.png"
    broken.write_bytes(b"no picture")
    for name, more in ((broken, ()), (missing, ()), (in_png, ("--size", "9000x"))):
        with_one = ["--with", "Nearest", *more]
        results = [
            main(["compare", str(name), *with_one]),
            main(["upscale", str(name), str(tmp_path / "out.png"), "-u", "Nearest", *more]),
        ]
        assert results == [1, 1], name
        assert "Traceback" not in capsys.readouterr().err


def test_missing_folders_are_made(in_png: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep"
    outputs = {"report": "a.html", "grid": "b.png", "csv": "c.csv", "json": "d.json"}
    options = [part for kind, name in outputs.items() for part in (f"--{kind}", str(folder / name))]
    assert main(["compare", in_png, "--with", "Nearest", *options]) == 0
    assert {each.name for each in folder.iterdir()} == {*outputs.values()}


def test_a_folder_is_for_a_test(
    in_png: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(in_png).parent / "folder"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        write_picture(picture(20, 20), folder / name)
    (folder / "broken.png").write_bytes(b"no picture")
    table = tmp_path / "out.csv"
    arguments = ["compare", str(folder), "--with", "Nearest,Box"]
    assert main(arguments) == 2
    assert "--test" in capsys.readouterr().err
    assert main([*arguments, "--test", "2", "--csv", str(table)]) == 1
    assert "broken.png" in capsys.readouterr().err
    assert len(table.read_text(encoding="utf-8").splitlines()) == 1 + 4


def test_wrong_usage_is_told(in_png: str, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (
        ["--with", "Nearest,Nearest"],
        ["--with", "Nearest,Box", "--size", "12"],
        ["--with", "Nearest,Box", "--size", "0x"],
        ["--with", "Nearest,Box", "--test", "2", "--kernel", "no such"],
        ["--with", "Nearest,Box", "--test", "2", "--jpeg", "101"],
        *(["--with", "Nearest,Box", f"--scale={scale}"] for scale in ("-1", "0", "inf", "nan")),
    ):
        try:
            code = main(["compare", in_png, *options])
        except SystemExit as stop:
            code = stop.code
        error = capsys.readouterr().err
        assert code == 2, options
        assert "xpected" in error, options
        assert "Traceback" not in error, options


def test_one_side_is_enough(in_png: str, capsys: pytest.CaptureFixture[str]) -> None:
    for text, size in (("100x", "100x75"), ("x30", "40x30"), ("50X40", "50x40")):
        out = Path(in_png).with_name("out.json")
        options = ["--with", "Nearest,Box", "--size", text, "--json", str(out), "--overwrite"]
        assert main(["compare", in_png, *options]) == 0
        (session,) = json.loads(out.read_text(encoding="utf-8"))
        assert f"{session['width']}x{session['height']}" == size
    capsys.readouterr()


def test_nothing_is_replaced_that_is_not_ours(
    in_png: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither an input, by whatever name, nor any file without --overwrite."""
    network = tmp_path / "network.pth"
    network.write_bytes(b"precious")
    there = tmp_path / "there.html"
    there.write_bytes(b"precious")
    link = tmp_path / "link.html"
    link.symlink_to(in_png)
    before = Path(in_png).read_bytes()
    names = f"Nearest,Box,{network}"
    for option in ("report", "grid", "csv", "json"):
        for target in (in_png, link, network):
            code = main(
                ["compare", in_png, "--with", names, f"--{option}", str(target), "--overwrite"]
            )
            assert code == 1, (option, target)
            assert "input" in capsys.readouterr().err
        assert main(["compare", in_png, "--with", "Box,Nearest", f"--{option}", str(there)]) == 1
        assert "--overwrite" in capsys.readouterr().err
    assert Path(in_png).read_bytes() == before
    assert network.read_bytes() == there.read_bytes() == b"precious"
    assert (
        main(["compare", in_png, "--with", "Box,Nearest", "--csv", str(there), "--overwrite"]) == 0
    )
    assert there.read_bytes() != b"precious"


def test_outputs_are_checked_before_the_work(
    in_png: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.setattr("lib_upscalers.cli.compare._Comparing.compare", never)
    same = str(tmp_path / "same.csv")
    for options in (
        ["--csv", same, "--json", same],
        ["--csv", same, "--json", str(tmp_path / "x" / ".." / "SAME.csv")],
        ["--grid", str(tmp_path / "grid.txt")],
        ["--report", str(Path(in_png) / "out.html")],
        ["--report", str(tmp_path)],
    ):
        assert main(["compare", in_png, "--with", "Nearest,Box", *options]) in (1, 2), options
        assert "Expected" in capsys.readouterr().err, options


def test_a_full_disk_costs_no_earlier_report(
    in_png: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "out.html"
    report.write_bytes(b"precious")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    arguments = ["compare", in_png, "--with", "Nearest,Box", "--report", str(report), "--overwrite"]
    assert main(arguments) == 1
    assert "free some space" in capsys.readouterr().err
    assert report.read_bytes() == b"precious"
    assert not list(tmp_path.glob(".*.part"))


def test_open_starts_the_app_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    class App:
        def __init__(self, command: list[str]) -> None:
            started.append(command)
            self.interrupted = False

        def __enter__(self) -> object:
            return self

        def __exit__(self, *_: object) -> None: ...

        def wait(self) -> int:
            if not self.interrupted:
                self.interrupted = True
                raise KeyboardInterrupt
            return 2

    monkeypatch.setattr("lib_upscalers.cli.compare.subprocess.Popen", App)
    report = str(tmp_path / "out.html")
    assert main(["compare", "--open", report, "--models", str(tmp_path), "--device", "cpu"]) == 2
    (command,) = started
    assert command[1:5] == ["-m", "lib_upscalers.app", "--open", report]
    assert command[5:] == ["--models", str(tmp_path), "--device", "cpu"]


def test_open_goes_with_nothing_else(in_png: str, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([in_png], ["--with", "Nearest,Lanczos"], ["--csv", "out.csv"]):
        assert main(["compare", "--open", "out.html", *more]) == 2
        assert "--open alone" in capsys.readouterr().err
    for more in ([], [in_png], ["--with", "Nearest,Lanczos"]):
        assert main(["compare", *more]) == 2
        assert "--open FILE" in capsys.readouterr().err
