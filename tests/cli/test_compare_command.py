"""`upscalers compare`, as a person calls it."""

from __future__ import annotations

import csv
import json
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


def test_a_comparison_with_everything(
    in_png: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {kind: tmp_path / f"out.{kind}" for kind in ("report", "grid", "csv", "json")}
    outputs["grid"] = outputs["grid"].with_suffix(".png")
    options = [part for kind, path in outputs.items() for part in (f"--{kind}", str(path))]
    assert main(["compare", in_png, "--with", "Nearest, Lanczos", "--test", "2", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["UPSCALER", "SECONDS"]
    assert [line.split()[0] for line in lines[1:]] == ["Nearest", "Lanczos"]
    assert "<upscaler-lab-viewer>" in outputs["report"].read_text(encoding="utf-8")
    assert read_picture(outputs["grid"]).size.width > 64
    rows = list(csv.DictReader(outputs["csv"].read_text(encoding="utf-8").splitlines()))
    assert float(rows[0]["psnr"]) > 0
    assert len(json.loads(outputs["json"].read_text(encoding="utf-8"))) == 1


def test_one_that_fails_is_told_and_the_others_are_done(
    in_png: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", in_png, "--with", "Nearest,no such,Box", "--size", "40x30"]) == 1
    out, err = capsys.readouterr()
    assert "no such" in err
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["Nearest", "Box"]


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


@pytest.mark.parametrize(
    "options",
    [
        ["--with", "Nearest"],
        ["--with", "Nearest,Nearest"],
        ["--with", "Nearest,Box", "--size", "12"],
        ["--with", "Nearest,Box", "--scale", "-1"],
        ["--with", "Nearest,Box", "--test", "2", "--kernel", "no such"],
        ["--with", "Nearest,Box", "--test", "2", "--jpeg", "101"],
    ],
)
def test_wrong_usage_is_told(
    in_png: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", in_png, *options]) == 2
    assert "Expected" in capsys.readouterr().err
