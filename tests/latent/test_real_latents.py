"""Real latent spaces of every shape: small autoencoders of our own, where they have been made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lib_upscalers.errors import ModelFileError
from lib_upscalers.geometry import Size
from lib_upscalers.latent import LATENT_MODES, upscale_latent
from lib_upscalers.latent.learned import find_weights, load_network
from lib_upscalers.latent.network_card import read_card
from lib_upscalers.latent.packing import packed, unpacked
from lib_upscalers.latent.preview import preview
from lib_upscalers.latent.spaces import SPACES
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder
from lib_upscalers.models.reading import read_state
from lib_upscalers.resampling.resample import resample
from lib_upscalers.training.measure import psnr
from tests.latent import autoencoders
from tests.latent.fakes import FakeContext

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.latent import Codec

LAB, TRIP = "Latent (Lab)", "Latent (TAESD)"
NAMES = [*autoencoders.NAMES, "flux2"]
each_space = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def codec(name: str, request: pytest.FixtureRequest) -> Codec:
    if name == "flux2":
        data: Path = request.getfixturevalue("shared_data")
        folder = data / "taef2"
        return load_tiny_autoencoder(folder / "taef2_encoder.pth", folder / "taef2_decoder.pth")
    try:
        return autoencoders.load(name)
    except OSError:
        return pytest.skip(f"no {name}: python -m tests.latent.autoencoders --only {name}")


@cache
def drawings(name: str) -> torch.Tensor:
    """Return pictures; of a published autoencoder, which is slow, one says enough."""
    return autoencoders.drawings(1 if name == "flux2" else 3, 7_000_000_000)


def shaped(name: str, latents: torch.Tensor) -> torch.Tensor:
    """Return latents as a sampler has them: packed, or with a time axis."""
    known = SPACES[name]
    latents = packed(latents, 4 * latents.shape[1]) if known.packed else latents
    return latents[:, :, None] if known.frames else latents


def plain(name: str, samples: torch.Tensor) -> torch.Tensor:
    known = SPACES[name]
    samples = samples[:, :, 0] if known.frames else samples
    return unpacked(samples, known.space.channels)


def worth(name: str, codec: Codec, latents: torch.Tensor) -> float:
    """Return the mean PSNR in dB of what latents decode to, against the drawings."""
    with torch.no_grad():
        made = (codec.decode(latents).clamp(0, 1) * 255).round().to(torch.uint8)
    truth = (drawings(name) * 255).to(torch.uint8)
    rows = (each.permute(0, 2, 3, 1).numpy() for each in (made, truth))
    return float(np.mean([psnr(first, second, 2) for first, second in zip(*rows, strict=True)]))


def enlarged(name: str, codec: Codec, mode: str, *folders: Path) -> float:
    """Return what a mode is worth on halved drawings, in dB."""
    context = FakeContext(SPACES[name].space, codec, folders)
    with torch.no_grad():
        small = shaped(name, codec.encode(resample(drawings(name), Size(128, 128), "Box")))
    size = Size(2 * small.shape[-1], 2 * small.shape[-2])
    replaced: list[str] = []
    result = upscale_latent(
        small, size, mode, context=context, on_fallback=lambda each: replaced.append(each.used)
    )
    assert not replaced
    assert result.ndim == small.ndim
    return worth(name, codec, plain(name, result))


@pytest.mark.slow
@each_space
def test_the_round_trip_is_the_pixel_route_from_the_same_latent(name: str, codec: Codec) -> None:
    """What a halved drawing loses in the autoencoder, 4 to 8 dB, no way from its latent mends."""
    with torch.no_grad():
        small = codec.encode(resample(drawings(name), Size(128, 128), "Box"))
        seen = codec.decode(small).clamp(0, 1)
        pixels = codec.encode(resample(seen, Size(256, 256), "Lanczos").clamp(0, 1))
    best, trip = worth(name, codec, pixels), enlarged(name, codec, TRIP)
    assert abs(best - trip) < 1, f"{name}: {best:.2f}, {trip:.2f} dB"
    for mode in ("Latent (bilinear)", "Latent (nearest-exact)", "Latent (Catmull-Rom)"):
        assert trip > enlarged(name, codec, mode) + 3, mode


@pytest.mark.slow
@each_space
def test_a_network_beats_every_interpolation_by_four_decibels(name: str, codec: Codec) -> None:
    folder = autoencoders.folder() / "networks"
    space = SPACES[name].space
    try:
        path = find_weights(space, (), [folder, folder / "undecided"])
    except ModelFileError:
        pytest.skip(f"no network: python -m tests.latent.autoencoders --only {name} --fit 10")
    assert load_network(path, space).channels == space.channels
    ours = enlarged(name, codec, LAB, folder, folder / "undecided")
    plain_modes = [mode for mode, entry in LATENT_MODES.items() if entry.within is None]
    values = {mode: enlarged(name, codec, mode) for mode in plain_modes}
    best = max(values, key=values.__getitem__)
    assert ours > values[best] + 4, f"{name}: {ours:.2f} dB, {best} {values[best]:.2f} dB"
    card = read_card(read_state(path))
    if card is not None and card.figures is not None:
        assert card.figures.network > card.figures.bilinear + 4


@pytest.mark.slow
@each_space
def test_a_comparison_finds_the_factor_itself(name: str, codec: Codec) -> None:
    shown = preview(
        lambda pixels: shaped(name, codec.encode(pixels)),
        lambda samples: codec.decode(plain(name, samples)),
        drawings(name)[:1, :, :100, :90],
        Size(180, 200),
        "Latent (Mitchell)",
    )
    assert shown.shape == (1, 3, 200, 180)
