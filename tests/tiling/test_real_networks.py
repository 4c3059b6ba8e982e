"""Trained networks in tiles against the whole picture: they look farther than random ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.models.loader import load_network
from lib_upscalers.tiling.loop import run_network
from tests.tiling.test_loop import JOB
from tests.tiling.test_statistics import no_memory

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.network import Network
    from lib_upscalers.tiling.loop import Enlarged

WIDTH, HEIGHT = 100, 70


def network(folder: Path, name: str) -> Network:
    path = folder / "networks" / f"{name}.safetensors"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    return load_network(path)


def photograph(folder: Path) -> np.ndarray:
    with Image.open(folder / "set5" / "2_x2_HR.png") as picture:
        return np.asarray(picture.convert("RGB"))[60 : 60 + HEIGHT, 40 : 40 + WIDTH]


def compared(network: Network, pixels: np.ndarray) -> tuple[Enlarged, np.ndarray]:
    """Run tiles of 64 pixels that no memory allows to raise; return them and their error."""
    whole = run_network(network, pixels, replace(JOB, tile=256))
    assert whole.tiles == 1
    tiles = run_network(network, pixels, replace(JOB, tile=64, free_memory=no_memory))
    assert tiles.tiles > 1
    return tiles, np.abs(tiles.pixels.astype(int) - whole.pixels.astype(int))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["4x_realesr-animevideov3", "2x_span_ch48"])
def test_convolutional_networks_show_no_seam(shared_data: Path, name: str) -> None:
    real = network(shared_data, name)
    tiles, error = compared(real, photograph(shared_data))
    assert (error > 1).mean() <= 1e-4
    assert 12 <= tiles.note.reach <= 30
    assert (tiles.note.shared, tiles.note.band) == (0, 0)


@pytest.mark.slow
def test_real_cugan_shares_its_four_means(shared_data: Path) -> None:
    real = network(shared_data, "2x_realcugan_se_conservative")
    tiles, error = compared(real, photograph(shared_data))
    assert (error > 2).mean() <= 1e-3
    assert (tiles.note.shared, tiles.note.band) == (4, 0)
    assert "4 shared statistics" in tiles.note.text
