"""Seeing what a mode does, and going by way of pictures, with an autoencoder of a few lines."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from lib_upscalers.errors import InputError, TargetError, UnknownNameError
from lib_upscalers.geometry import Size
from lib_upscalers.latent import Finishers, upscale_latent
from lib_upscalers.latent.preview import preview
from lib_upscalers.latent.round_trip import round_trip
from lib_upscalers.resampling.resample import resample

NEAREST = "Latent (nearest-exact)"


def encode(pixels: torch.Tensor) -> torch.Tensor:
    """Return latents of 192 channels that hold everything."""
    return pixel_unshuffle(pixels, 8) * 2 - 1


def decode(samples: torch.Tensor) -> torch.Tensor:
    return pixel_shuffle((samples + 1) / 2, 8)


def pictures(height: int, width: int, count: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("height", "width"), [(16, 24), (8, 8), (17, 30), (1, 3)])
def test_the_same_size_gives_the_picture_back(height: int, width: int) -> None:
    pixels = pictures(height, width)
    result = preview(encode, decode, pixels, Size(width, height), NEAREST)
    torch.testing.assert_close(result, pixels, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [Size(48, 32), Size(36, 24), Size(50, 31), Size(8, 8)], ids=str)
def test_the_size_is_exact(size: Size) -> None:
    pixels = pictures(16, 24, 2)
    result = preview(encode, decode, pixels, size, "Latent (Lanczos3)")
    assert result.shape == (2, 3, size.height, size.width)
    assert result.min() >= 0
    assert result.max() <= 1


def test_it_is_the_latent_enlarged() -> None:
    pixels, finishers = pictures(16, 24), Finishers(sharpen=1, renoise=1)
    result = preview(encode, decode, pixels, Size(48, 32), NEAREST, finishers, seeds=4)
    samples = upscale_latent(encode(pixels), Size(6, 4), NEAREST, finishers, seeds=4)
    assert torch.equal(result, decode(samples).clamp(0, 1))


def test_bad_pictures_and_sizes() -> None:
    pixels = pictures(16, 24)
    with pytest.raises(InputError, match="Expected pictures"):
        preview(encode, decode, pixels[0], Size(48, 32), NEAREST)
    with pytest.raises(InputError, match="Expected pictures"):
        preview(encode, decode, pixels.to(torch.uint8), Size(48, 32), NEAREST)
    with pytest.raises(InputError, match="16 times smaller"):
        preview(encode, decode, pixels, Size(48, 32), NEAREST, factor=16)
    with pytest.raises(TargetError, match="at least 1x1"):
        preview(encode, decode, pixels, Size(0, 32), NEAREST)
    with pytest.raises(UnknownNameError, match="nearest-exact"):
        preview(encode, decode, pixels, Size(48, 32), "Latent (nearest)")


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("size", [Size(6, 4), Size(4, 3), Size(3, 2), Size(1, 1)], ids=str)
def test_a_round_trip_enlarges_the_picture(size: Size, dtype: torch.dtype) -> None:
    samples = encode(pictures(16, 24)).to(dtype)

    def decode_exactly(values: torch.Tensor) -> torch.Tensor:
        return decode(values.float())

    result = round_trip(encode, decode_exactly, samples, size)
    pixels = resample(decode_exactly(samples).clamp(0, 1), size.scaled(8), "Lanczos").clamp(0, 1)
    assert result.dtype is dtype
    assert torch.equal(result, encode(pixels).to(dtype))


def test_a_round_trip_takes_any_upscaler() -> None:
    def blacken(pixels: torch.Tensor, size: Size) -> torch.Tensor:
        return pixels.new_zeros(len(pixels), 3, size.height, size.width)

    black = round_trip(encode, decode, encode(pictures(16, 24)), Size(6, 4), blacken)
    assert torch.equal(black, -torch.ones(1, 192, 4, 6))


def test_parts_that_do_not_belong_together() -> None:
    def halve(pixels: torch.Tensor) -> torch.Tensor:
        return pixel_unshuffle(pixels, 2)

    with pytest.raises(InputError, match="of one model"):
        round_trip(halve, decode, encode(pictures(16, 24)), Size(6, 4))
    with pytest.raises(TargetError, match="at least 1x1"):
        round_trip(encode, decode, encode(pictures(16, 24)), Size(0, 4))
