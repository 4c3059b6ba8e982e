"""Latents and names that no mode can do anything with, and values that are no numbers."""

from __future__ import annotations

import logging
import math

import pytest
import torch

from lib_upscalers.errors import InputError, TargetError, UnknownNameError
from lib_upscalers.geometry import Size
from lib_upscalers.latent import LATENT_MODES, Finishers, upscale_latent
from tests.cases import each_case

MODES = list(LATENT_MODES)
each_mode = each_case("mode", MODES)
KERNEL = "Latent (bilinear)"
FOURIER = "Latent (Fourier)"


def latent(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
@each_case("value", [math.nan, math.inf, -math.inf])
@each_case("scale", [2, 1.5, 0.5])
@each_mode
def test_what_is_not_finite_stays_local(mode: str, scale: float, value: float) -> None:
    samples = latent(2, 4, 24, 24)
    broken = samples.clone()
    broken[0, 1, 12, 9] = value
    side = int(24 * scale)
    size = Size(side, side)
    result = upscale_latent(broken, size, mode)
    bad = ~torch.isfinite(result)
    where = bad.nonzero()
    assert len(where), "it is passed through"
    low, high = 9 * scale, 10 * scale
    assert int(where[:, 0].max()) == 0
    assert set(where[:, 1].tolist()) == {1}
    assert where[:, 3].min() >= math.floor(low)
    assert where[:, 3].max() <= math.ceil(high) - 1
    assert where[:, 2].min() >= math.floor(12 * scale)
    assert where[:, 2].max() <= math.ceil(13 * scale) - 1
    assert bool(result[bad].isnan().all()) == math.isnan(value)
    used = "Latent (Catmull-Rom)" if LATENT_MODES[mode].spreads else mode
    clean = upscale_latent(samples, size, used)
    far = max(1, int(6 * scale))
    torch.testing.assert_close(result[1], clean[1])
    torch.testing.assert_close(result[0, :, :, -far:], clean[0, :, :, -far:])


def test_fourier_falls_back_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    broken = latent(1, 4, 12, 12)
    broken[0, 0, 0, 0] = math.nan
    with caplog.at_level(logging.WARNING, "lib_upscalers"):
        upscale_latent(broken, Size(24, 24), KERNEL)
        assert not caplog.records
        upscale_latent(broken, Size(24, 24), FOURIER)
    assert [FOURIER in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.slow
def test_a_latent_of_nothing_but_nan() -> None:
    nothing = torch.full((1, 4, 5, 6), math.nan)
    everything = Finishers(sharpen=1, match=True, renoise=1)
    for mode in MODES:
        assert bool(upscale_latent(nothing, Size(9, 9), mode, everything).isnan().all())


def test_nan_survives_a_copy() -> None:
    broken = latent(1, 4, 5, 6)
    broken[0, 0, 2, 2] = math.nan
    result = upscale_latent(broken, Size(6, 5), KERNEL)
    assert torch.equal(result.isnan(), broken.isnan())


@each_case("shape", [(0, 4, 8, 8), (1, 0, 8, 8), (1, 4, 0, 8), (1, 4, 0, 8, 8)])
@each_mode
def test_empty_latents(mode: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="no side 0"):
        upscale_latent(torch.zeros(shape), Size(16, 16), mode)


@each_case(
    "samples",
    [
        torch.zeros(4, 8, 8),
        torch.zeros(1, 1, 1, 4, 8, 8),
        torch.zeros(1, 4, 8, 8, dtype=torch.int64),
        torch.zeros(1, 4, 8, 8, dtype=torch.complex64),
        torch.zeros(1, 4, 8, 8, dtype=torch.bool),
    ],
)
def test_what_is_no_latent(samples: torch.Tensor) -> None:
    with pytest.raises(InputError, match=r"Expected a latent of float values.*but got"):
        upscale_latent(samples, Size(16, 16), KERNEL)


@each_case("size", [Size(0, 4), Size(4, 0), Size(-3, 4)])
@each_mode
def test_targets_of_nothing(mode: str, size: Size) -> None:
    with pytest.raises(TargetError, match="at least 1x1"):
        upscale_latent(latent(1, 4, 8, 8), size, mode)


@each_case("name, near", [("Latent (bislrp)", "bislerp"), ("latent (lanczos 3)", "Lanczos3")])
def test_unknown_modes_suggest_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=near):
        upscale_latent(latent(1, 4, 8, 8), Size(16, 16), name)
    finishers = Finishers(blend_with=name, blend=0.5)
    with pytest.raises(UnknownNameError, match=near):
        upscale_latent(latent(1, 4, 8, 8), Size(16, 16), KERNEL, finishers)
