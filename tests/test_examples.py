"""The scripts in examples/ run, and the documentation shows each of them."""

from __future__ import annotations

import runpy
import signal
import sys
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lib_upscalers import Picture, Size, read_picture, write_picture

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


class Run(Protocol):
    """Runs an example with arguments; returns what it writes."""

    def __call__(self, script: str, *arguments: str) -> str: ...


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs an example in the folder, with a user's data folder of its own."""
    monkeypatch.chdir(folder)
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(folder / "data"))

    def run_script(script: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")
        return capsys.readouterr().out

    return run_script


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a picture in it."""
    ramp = np.linspace(0, 255, 40 * 32 * 3).reshape(32, 40, 3)
    write_picture(Picture(ramp.astype(np.uint8)), tmp_path / "in.png")
    return tmp_path


def test_one_picture(run: Run, folder: Path) -> None:
    assert "40x32 -> 80x64" in run("one_picture.py", "in.png", "out.png")
    assert read_picture(folder / "out.png").size == Size(80, 64)


def test_an_array(run: Run) -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        assert "(64, 96, 3) -> (128, 192, 3) uint8" in run("array.py")
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_folder(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit, match="1"):
        run("folder.py", ".", "results", "100")
    assert "broken.png" in capsys.readouterr().err
    assert [path.name for path in (folder / "results").iterdir()] == ["in.png"]
    assert read_picture(folder / "results" / "in.png").size == Size(100, 80)


def test_a_comparison(run: Run, folder: Path) -> None:
    lines = run("comparison.py", "in.png", "report.html").splitlines()
    names = [line.split(" PSNR")[0].strip() for line in lines]
    assert names == ["Nearest", "Lanczos", "Lab Fast 2x"]
    assert "upscaler-lab-viewer" in (folder / "report.html").read_text("utf-8")


def test_a_latent(run: Run, folder: Path) -> None:
    save_file({"samples": torch.randn(1, 16, 8, 10)}, folder / "in.safetensors")
    run("latent.py", "in.safetensors", "out.safetensors")
    assert load_file(folder / "out.safetensors")["samples"].shape == (1, 16, 12, 15)


def test_a_network_of_ones_own(run: Run, folder: Path) -> None:
    assert "tiles in" in run("own_network.py", "in.png", "out.png")
    assert read_picture(folder / "out.png").size == Size(80, 64)


def test_each_is_run_here_and_shown_in_the_documentation() -> None:
    here = Path(__file__).read_text("utf-8")
    shown = (ROOT / "docs" / "how-to" / "python.md").read_text("utf-8")
    assert SCRIPTS
    missing = [
        name
        for name in SCRIPTS
        if f'run("{name}"' not in here or f"example {name[:-3]} " not in shown
    ]
    assert not missing
