"""What the networks that we ship promise, measured."""

from __future__ import annotations

import hashlib
import itertools
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import spandrel

from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.loader import load_network
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.policy import Job
from lib_upscalers.training import measure
from lib_upscalers.training.drawing.damage import DAMAGES
from lib_upscalers.training.export import WEIGHTS
from tests.cases import each_case

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENTRIES: list[dict[str, Any]] = json.loads((WEIGHTS / "weights.json").read_text())["networks"]
ENLARGING = [entry for entry in ENTRIES if entry["scale"] > 1]
NETWORKS = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])


DARK_TO_LIGHT = (0, 90, 140, 255)


@lru_cache
def enlarger(file: str) -> measure.Enlarge:
    host = StandaloneHost(device_name="cpu")
    job = Job(host.device(), host.free_memory, precision="fp32")
    network = load_network(WEIGHTS / file)
    return lambda small: run_network(network, small, job).pixels


def gain(entry: dict[str, Any], examples: Sequence[measure.Example]) -> float:
    """Return by how many dB of Y-PSNR a network is better than Lanczos."""
    return float(np.mean(measure.gains(enlarger(entry["file"]), examples, entry["scale"])))


def test_names_and_files_are_unique_and_every_file_has_its_entry() -> None:
    files = [entry["file"] for entry in ENTRIES]

    assert len({entry["name"] for entry in ENTRIES}) == len(ENTRIES)
    assert sorted(files) == sorted(path.name for path in WEIGHTS.glob("lab_*.safetensors"))


@NETWORKS
def test_the_file_is_the_one_that_was_measured(entry: dict[str, Any]) -> None:
    data = (WEIGHTS / entry["file"]).read_bytes()

    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert len(data) <= 3_000_000
    assert entry["licence"] == "MIT"


@NETWORKS
def test_the_entry_says_what_spandrel_finds(entry: dict[str, Any]) -> None:
    found = spandrel.ModelLoader().load_from_file(WEIGHTS / entry["file"])

    assert isinstance(found, spandrel.ImageModelDescriptor)
    assert found.architecture.id == entry["architecture"]
    assert found.scale == entry["scale"]
    assert found.input_channels == found.output_channels == entry["channels"]
    assert sum(each.numel() for each in found.model.parameters()) == entry["parameters"]


@pytest.mark.slow
@each_case("entry", ENTRIES)
def test_drawings_are_as_its_card_says(entry: dict[str, Any]) -> None:
    """One test for all networks, since drawing is what takes its time."""
    scale, material, figures = entry["scale"], entry["material"], entry["figures"]
    kept = measure.held_out(scale, material)
    if scale == 1:
        said = figures["heldout_drawings_psnr_y"]
        assert said >= 40
        found = float(np.mean(measure.scores(enlarger(entry["file"]), kept, 1)))
    else:
        said = figures["heldout_drawings_gain_db"]
        # Of crisp drawings a sixteenth of the pixels tells little.
        assert said >= (1 if (scale, material) == (4, "drawings") else 2)
        found = gain(entry, kept)
    assert found == pytest.approx(said, abs=0.03)
    for name, kind in DAMAGES.items() if material == "drawings" else ():
        examples = measure.held_out(scale, material, harm=kind.apply)
        assert gain(entry, examples) == pytest.approx(figures[f"{name}_gain_db"], abs=0.03), name


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENLARGING, ids=lambda entry: entry["name"])
def test_on_set5_it_is_as_its_card_says_and_keeps_colours(
    entry: dict[str, Any], shared_data: Path
) -> None:
    examples = measure.benchmark(shared_data / "set5", entry["scale"])
    enlarge = enlarger(entry["file"])
    said = entry["figures"]["set5_psnr_y"]

    # One for drawings takes a photograph's softness for a fault.
    if entry["material"] == "all":
        assert said > entry["figures"]["lanczos_set5_psnr_y"]
    assert np.mean(measure.scores(enlarge, examples, entry["scale"])) == pytest.approx(said, 1e-3)
    for example in examples:
        shift = enlarge(example.small).mean((0, 1)) - example.small.mean((0, 1))
        assert np.abs(shift).max() < 0.3


@pytest.mark.slow
@NETWORKS
def test_flat_colours_stay_flat(entry: dict[str, Any]) -> None:
    for colour in itertools.product(DARK_TO_LIGHT, repeat=3):
        flat = np.broadcast_to(np.array(colour, np.uint8), (20, 24, 3)).copy()
        error = enlarger(entry["file"])(flat).astype(int) - colour
        assert np.abs(error).max() <= 1, colour


@NETWORKS
def test_black_stays_black_and_white_white_up_to_the_corners(entry: dict[str, Any]) -> None:
    for level in (0, 255):
        flat = np.full((24, 20, 3), level, np.uint8)
        assert (enlarger(entry["file"])(flat) == level).all(), level


@NETWORKS
@pytest.mark.parametrize("slope", [0.5, 2, 5])
def test_smooth_shades_get_no_grid(entry: dict[str, Any], slope: float) -> None:
    scale = entry["scale"]
    across = np.arange(36) * slope + 10
    small = np.broadcast_to(across[:, None], (24, 36, 3)).round().astype(np.uint8)
    ideal = ((np.arange(36 * scale) + 0.5) / scale - 0.5) * slope + 10

    for turned in (small, small.transpose(1, 0, 2)):
        made = enlarger(entry["file"])(turned.copy()).astype(float)
        lines = made if turned is small else made.transpose(1, 0, 2)
        error = (lines - ideal[:, None])[6 * scale : -6 * scale, 6 * scale : -6 * scale]
        phases = [error[i::scale, j::scale].mean() for i in range(scale) for j in range(scale)]
        assert np.ptp(phases) <= 1


@NETWORKS
@pytest.mark.parametrize("size", [(8, 8), (8, 31), (17, 9)])
def test_small_and_odd_sizes_come_out_exact(entry: dict[str, Any], size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)

    large = enlarger(entry["file"])(noise)

    assert large.shape == (size[0] * entry["scale"], size[1] * entry["scale"], 3)
