"""What the networks that we ship promise, measured."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import spandrel

from lib_upscalers.training import measure
from lib_upscalers.training.export import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

ENTRIES: list[dict[str, Any]] = json.loads((WEIGHTS / "weights.json").read_text())["networks"]
NETWORKS = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])


@lru_cache
def load(file: str) -> spandrel.ImageModelDescriptor[torch.nn.Module]:
    found = spandrel.ModelLoader().load_from_file(WEIGHTS / file)
    assert isinstance(found, spandrel.ImageModelDescriptor)
    return found.eval()


def enlarger(entry: dict[str, Any]) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    return measure.through(load(entry["file"]).model)


def test_names_and_files_are_unique_and_every_file_has_its_entry() -> None:
    files = [entry["file"] for entry in ENTRIES]

    assert len({entry["name"] for entry in ENTRIES}) == len(ENTRIES)
    assert sorted(files) == sorted(path.name for path in WEIGHTS.glob("*.safetensors"))


@NETWORKS
def test_the_file_is_the_one_that_was_measured(entry: dict[str, Any]) -> None:
    data = (WEIGHTS / entry["file"]).read_bytes()

    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert len(data) <= 1_000_000
    assert entry["licence"] == "MIT"


@NETWORKS
def test_the_entry_says_what_spandrel_finds(entry: dict[str, Any]) -> None:
    found = load(entry["file"])

    assert found.architecture.id == entry["architecture"]
    assert found.scale == entry["scale"]
    assert found.input_channels == found.output_channels == entry["channels"]
    assert sum(each.numel() for each in found.model.parameters()) == entry["parameters"]


@NETWORKS
def test_it_beats_lanczos_on_drawings_it_has_not_seen(entry: dict[str, Any]) -> None:
    examples = measure.held_out(entry["scale"], each=2, side=128)

    gains = measure.gains(enlarger(entry), examples, entry["scale"])

    assert np.mean(gains) > 1.5
    assert min(gains) > 0


@NETWORKS
def test_it_beats_lanczos_on_set5(entry: dict[str, Any], shared_data: Path) -> None:
    examples = measure.benchmark(shared_data / "set5", entry["scale"])
    enlarge = enlarger(entry)

    assert np.mean(measure.gains(enlarge, examples, entry["scale"])) > 1.0
    for example in examples:
        shift = enlarge(example.small).mean((0, 1)) - example.small.mean((0, 1))
        assert np.abs(shift).max() < 0.3


@NETWORKS
def test_flat_colours_stay_flat(entry: dict[str, Any]) -> None:
    colours = [(r, g, b) for r in (0, 90, 255) for g in (0, 140, 255) for b in (0, 200, 255)]
    for colour in colours:
        flat = np.broadcast_to(np.array(colour, np.uint8), (20, 24, 3))
        error = enlarger(entry)(flat).astype(int) - colour
        assert np.abs(error).max() <= 1, colour


@NETWORKS
@pytest.mark.parametrize("size", [(8, 8), (8, 31), (17, 9)])
def test_small_and_odd_sizes_come_out_exact(entry: dict[str, Any], size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)

    large = enlarger(entry)(noise)

    assert large.shape == (size[0] * entry["scale"], size[1] * entry["scale"], 3)
