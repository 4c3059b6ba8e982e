"""The latent networks that come with the library."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from lib_upscalers.geometry import Size
from lib_upscalers.latent import LatentSpace, upscale_latent
from lib_upscalers.latent.learned import BUILT_IN, find_weights, load_network
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder
from lib_upscalers.resampling.resample import resample
from tests.latent.fakes import FakeContext

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES: list[dict[str, Any]] = json.loads((BUILT_IN / "latent.json").read_text())["networks"]
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=[entry["space"] for entry in ENTRIES])


def space(entry: dict[str, Any]) -> LatentSpace:
    return LatentSpace(entry["space"], entry["channels"], entry["factor"])


@each_entry
def test_a_network_is_the_one_that_is_listed(entry: dict[str, Any]) -> None:
    path = BUILT_IN / entry["file"]
    assert find_weights(space(entry), (), ()) == path
    assert path.stat().st_size <= 6 * 2**20
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    network = load_network(path, space(entry))
    assert sum(each.numel() for each in network.parameters()) == entry["parameters"]  # type: ignore[attr-defined]


def test_nothing_else_is_shipped() -> None:
    files = {path.name for path in BUILT_IN.glob("latent_*")}
    assert files == {entry["file"] for entry in ENTRIES}


@each_entry
def test_a_network_takes_latents_of_all_sizes_and_packed_ones(entry: dict[str, Any]) -> None:
    context = FakeContext(space(entry))
    generator = torch.Generator().manual_seed(0)
    for channels, height, width in ((1, 1, 1), (1, 5, 8), (4, 4, 6)):
        samples = torch.randn(1, channels * entry["channels"], height, width, generator=generator)
        for size in (Size(2 * width, 2 * height), Size(3 * width + 1, height)):
            result = upscale_latent(samples, size, "Latent (Lab)", context=context)
            assert result.shape == (1, samples.shape[1], size.height, size.width)
            assert bool(torch.isfinite(result).all())


@pytest.mark.slow
def test_pictures_come_out_clean(shared_data: Path) -> None:
    """On the smallest picture of Set5: far above every interpolation, near the round trip."""
    folder = shared_data / "taef2"
    codec = load_tiny_autoencoder(folder / "taef2_encoder.pth", folder / "taef2_decoder.pth")
    with Image.open(shared_data / "set5" / "3_x2_HR.png") as image:
        pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None] / 255
    small = resample(pixels, Size(pixels.shape[-1] // 2, pixels.shape[-2] // 2), "Bicubic")
    context = FakeContext(LatentSpace("flux2", 32, 8))
    with torch.inference_mode():
        samples = codec.encode(small.clamp(0, 1))
        size = Size(2 * samples.shape[-1], 2 * samples.shape[-2])
        error = {
            mode: codec.decode(upscale_latent(samples, size, mode, context=context)) - pixels
            for mode in ("Latent (Lab)", "Latent (bilinear)")
        }
    ours, plain = (10 * math.log10(1 / float(each.square().mean())) for each in error.values())
    assert ours > plain + 6
