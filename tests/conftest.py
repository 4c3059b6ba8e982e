"""What several test files share."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Have programs write English, whatever the language of this computer."""
    os.environ["LANGUAGE"] = "en"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test pictures and networks that are not ours to ship."""
    named = os.environ.get("UPSCALER_LAB_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there are no test data in {folder}; UPSCALER_LAB_DATA can name another one")
    return folder


@pytest.fixture(autouse=True)
def _like_any_cpu(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """Let no result depend on whether this computer's CPU is fast in bf16."""

    def has_none(device: object) -> bool:
        return False

    monkeypatch.setattr("lib_upscalers.tiling.half_precision.has_native_bf16", has_none)
    # Nor on whether ncnn is installed and faster.
    monkeypatch.setattr("lib_upscalers.tiling.ncnn_trial._FASTER", math.inf)


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, which is the user's, too."""
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20260101)


@pytest.fixture
def torch_rng() -> torch.Generator:
    """The same for tensors."""
    import torch

    return torch.Generator().manual_seed(20260101)
