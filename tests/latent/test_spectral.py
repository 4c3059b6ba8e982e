"""The spectral mode and the transform under it."""

from __future__ import annotations

import math

import torch

from lib_upscalers.geometry import Size
from lib_upscalers.latent import upscale_latent
from lib_upscalers.latent.dct import cosine, inverse_cosine
from tests.cases import each_case


def fourier(samples: torch.Tensor, size: Size) -> torch.Tensor:
    return upscale_latent(samples, size, "Latent (Fourier)")


def wave(side: int, k: int) -> torch.Tensor:
    """Return half waves that fit between reflecting borders."""
    return torch.cos(math.pi * k * (torch.arange(side, dtype=torch.float64) + 0.5) / side).float()


@each_case("count", [1, 2, 3, 8, 31, 300])
def test_the_transform_is_the_definition(count: int) -> None:
    values = torch.randn(3, count, generator=torch.Generator().manual_seed(0))
    matrix = torch.stack([wave(count, k) for k in range(count)]) * math.sqrt(2 / count)
    matrix[0] *= math.sqrt(1 / 2)
    torch.testing.assert_close(cosine(values), values @ matrix.T, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(inverse_cosine(cosine(values)), values, rtol=1e-4, atol=1e-5)


@each_case("source, target", [(8, 16), (9, 14), (12, 12), (7, 50), (20, 11)])
@each_case("k", [0, 1, 4, 6])
def test_every_wave_goes_on(source: int, target: int, k: int) -> None:
    samples = wave(source, k).expand(1, 1, 5, source)
    result = fourier(samples, Size(target, 9))
    expected = wave(target, k).expand(1, 1, 9, target)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)


def test_shrinking_removes_what_does_not_fit() -> None:
    result = fourier(wave(32, 20).expand(1, 1, 4, 32), Size(16, 4))
    torch.testing.assert_close(result, torch.zeros_like(result), rtol=0, atol=1e-5)


def test_a_slope_does_not_ring_at_the_border() -> None:
    """Wrapped around, a slope is a jump there; reflected, it is none."""
    slope = torch.linspace(-1, 1, 32).expand(1, 1, 4, 32)
    result = fourier(slope, Size(64, 4))[0, 0, 0]
    assert result.min() > -1.05
    assert result.max() < 1.05
    assert bool((result.diff()[2:-2] > 0).all())


@each_case("scale", [2, 3, 1.75])
def test_there_and_back(scale: float) -> None:
    samples = torch.randn(1, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    large = fourier(samples, Size(int(16 * scale), int(12 * scale)))
    torch.testing.assert_close(fourier(large, Size(16, 12)), samples, rtol=1e-4, atol=1e-5)
