"""What is done to an enlarged latent."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch.nn.functional import interpolate

from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Size
from lib_upscalers.latent import LATENT_MODES, Finishers, upscale_latent
from lib_upscalers.latent.dct import cosine
from lib_upscalers.tiling.tensor_memory import LiveMemory
from tests.cases import each_case

MODES = list(LATENT_MODES)
PLAIN = "Latent (bilinear)"
FINISHERS = {
    "blend": Finishers(blend_with="Latent (bislerp)", blend=0.3),
    "sharpen": Finishers(sharpen=0.7),
    "match": Finishers(match=True),
    "renoise": Finishers(renoise=1),
    "all": Finishers(blend_with="Latent (Fourier)", blend=0.5, sharpen=1, match=True, renoise=1),
}
each_finisher = each_case("finishers", FINISHERS.values())


def latent(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def natural(height: int, width: int, fall: float, channels: int = 8) -> torch.Tensor:
    """Return fields whose power falls with the frequency to the power of `fall`."""
    down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    distance = torch.hypot(down, across.expand(height, -1))
    distance[0, 0] = math.inf
    spectrum = torch.fft.rfft2(latent(1, channels, height, width)) * distance ** (-fall / 2)
    return torch.fft.irfft2(spectrum, s=(height, width))


def power(samples: torch.Tensor) -> torch.Tensor:
    """Return the power of every frequency, scaled so that size does not matter."""
    spectrum = cosine(cosine(samples).mT).mT
    return spectrum.square() / (samples.shape[-1] * samples.shape[-2])


@each_case("mode", MODES)
def test_by_default_nothing_is_done(mode: str) -> None:
    samples = latent(1, 4, 9, 7)
    plain = upscale_latent(samples, Size(13, 17), mode)
    off = Finishers(blend_with=PLAIN, blend=0, sharpen=0, match=False, renoise=0)
    assert not off.active
    assert torch.equal(upscale_latent(samples, Size(13, 17), mode, off, seeds=5), plain)


@pytest.mark.slow
@each_case("dtype", [torch.float16, torch.bfloat16, torch.float32])
@each_case("shape", [(2, 4, 8, 9), (2, 16, 3, 8, 9), (1, 128, 5, 4)])
@each_finisher
def test_any_latent_keeps_its_kind(
    finishers: Finishers, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    samples = latent(*shape).to(dtype)
    result = upscale_latent(samples, Size(19, 15), PLAIN, finishers)
    assert result.shape == (*shape[:-2], 15, 19)
    assert result.dtype is dtype
    assert bool(torch.isfinite(result).all())
    assert not torch.equal(result, upscale_latent(samples, Size(19, 15), PLAIN))


@pytest.mark.slow
@each_finisher
def test_items_and_frames_are_independent(finishers: Finishers) -> None:
    samples, size = latent(3, 4, 2, 8, 9), Size(19, 15)
    together = upscale_latent(samples, size, PLAIN, finishers, seeds=[7, 9, 11])
    for i, seed in enumerate((7, 9, 11)):
        alone = upscale_latent(samples[i : i + 1], size, PLAIN, finishers, seeds=seed)
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-5, atol=1e-5)
    counted = upscale_latent(samples, size, PLAIN, finishers, seeds=3)
    listed = upscale_latent(samples, size, PLAIN, finishers, seeds=[3, 4, 5])
    assert torch.equal(counted, listed)


@each_finisher
def test_constant_stays_constant(finishers: Finishers) -> None:
    for value in (0.0, 2.5, -1e4):
        result = upscale_latent(torch.full((1, 4, 8, 9), value), Size(19, 15), PLAIN, finishers)
        torch.testing.assert_close(result, torch.full_like(result, value), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@each_finisher
def test_any_size(finishers: Finishers) -> None:
    for height, width in ((1, 1), (1, 5), (2, 3), (40, 1)):
        for size in (Size(1, 1), Size(7, 2), Size(64, 90)):
            samples = latent(1, 4, height, width)
            result = upscale_latent(samples, size, PLAIN, finishers)
            assert bool(torch.isfinite(result).all()), (height, width, size)


@each_case("name", ["sharpen", "match", "blend"])
def test_flips_commute(name: str) -> None:
    samples, size = latent(1, 4, 9, 7), Size(14, 18)
    for dims in ((-1,), (-2,)):
        after = upscale_latent(samples, size, PLAIN, FINISHERS[name]).flip(dims)
        before = upscale_latent(samples.flip(dims), size, PLAIN, FINISHERS[name])
        torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@each_case("dtype", [torch.float16, torch.float32])
@each_case("name", ["sharpen", "match", "renoise"])
def test_memory_is_bounded(name: str, dtype: torch.dtype) -> None:
    samples = latent(1, 4, 64, 64).to(dtype)
    upscale_latent(samples, Size(128, 128), PLAIN, FINISHERS[name])
    with LiveMemory() as memory:
        result = upscale_latent(samples, Size(128, 128), PLAIN, FINISHERS[name])
    assert memory.peak <= 6 * result.numel() * result.element_size()


@each_case("mode", MODES)
@each_case("size", [Size(36, 32), Size(9, 8), Size(27, 13)])
def test_match_restores_mean_and_variance(mode: str, size: Size) -> None:
    samples = latent(2, 4, 16, 18) * torch.tensor([1, 2, 0.1, 30]).view(1, 4, 1, 1) + 3
    result = upscale_latent(samples, size, mode, Finishers(match=True))
    for made, wanted in zip(
        torch.std_mean(result, dim=(-2, -1), correction=0),
        torch.std_mean(samples, dim=(-2, -1), correction=0),
        strict=True,
    ):
        torch.testing.assert_close(made, wanted, rtol=1e-3, atol=1e-3)


def test_match_goes_by_the_frame() -> None:
    samples = latent(1, 4, 2, 12, 12) * torch.tensor([1, 5]).view(1, 1, 2, 1, 1)
    result = upscale_latent(samples, Size(24, 24), PLAIN, Finishers(match=True))
    made, wanted = (each.std((-2, -1), correction=0) for each in (result, samples))
    torch.testing.assert_close(made, wanted, rtol=1e-3, atol=1e-3)


def test_sharpen_lifts_detail_by_its_amount() -> None:
    samples = natural(32, 32, 2)
    plain = upscale_latent(samples, Size(64, 64), PLAIN)
    gains = [
        power(upscale_latent(samples, Size(64, 64), PLAIN, Finishers(sharpen=amount)))
        / power(plain)
        for amount in (0.5, 1)
    ]
    for gain, most in zip(gains, (1.5, 2), strict=True):
        band = gain[..., 16:30, 16:30]
        assert band.median().sqrt() == pytest.approx(most, rel=0.1)
        assert gain[..., 1, 1].sqrt().mean() == pytest.approx(1, rel=0.05)


@each_case("other", MODES[1:4])
def test_a_blend_lies_between(other: str) -> None:
    samples, size = latent(1, 4, 9, 7), Size(14, 18)
    first, second = (upscale_latent(samples, size, mode) for mode in (PLAIN, other))
    for ratio in (0.25, 1):
        finishers = Finishers(blend_with=other, blend=ratio)
        result = upscale_latent(samples, size, PLAIN, finishers)
        torch.testing.assert_close(result, first * (1 - ratio) + second * ratio)


def test_one_seed_is_one_result() -> None:
    samples, size = latent(1, 4, 9, 7), Size(14, 18)
    noisy = [
        upscale_latent(samples, size, PLAIN, Finishers(renoise=1), seeds=seed)
        for seed in (1, 1, 2, -5, 2**31 + 1)
    ]
    assert torch.equal(noisy[0], noisy[1])
    for i, second in enumerate(noisy[2:], 2):
        for first in noisy[1:i]:
            assert (first - second).abs().max() > 0.01


def test_noise_disturbs_no_other_random_numbers() -> None:
    state = torch.random.get_rng_state()
    upscale_latent(latent(1, 4, 9, 7), Size(14, 18), PLAIN, Finishers(renoise=1))
    assert torch.equal(torch.random.get_rng_state(), state)


@each_case("size", [Size(48, 40), Size(31, 29), Size(24, 40)])
def test_noise_leaves_the_small_latents_frequencies(size: Size) -> None:
    samples, mode = natural(20, 24, 2), "Latent (Fourier)"
    plain = upscale_latent(samples, size, mode)
    noisy = upscale_latent(samples, size, mode, Finishers(renoise=1))
    added = power(noisy - plain)
    torch.testing.assert_close(
        added[..., :20, :24], torch.zeros_like(added[..., :20, :24]), rtol=0, atol=1e-6
    )
    assert (added[..., 20:, :] > 0).float().mean() > 0.99
    assert (added[..., 24:] > 0).float().sum() == added[..., 24:].numel()


def test_what_was_not_enlarged_gets_no_noise() -> None:
    samples = latent(1, 4, 20, 24)
    for size in (Size(24, 20), Size(12, 10)):
        plain = upscale_latent(samples, size, PLAIN)
        noisy = upscale_latent(samples, size, PLAIN, Finishers(renoise=1))
        torch.testing.assert_close(noisy, plain, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@each_case("fall", [0, 1, 2, 3])
def test_noise_goes_on_as_the_spectrum_falls(fall: float) -> None:
    """A field is shrunk, enlarged and renoised: the lost band has the power that it had."""
    field = natural(128, 128, fall)
    small = upscale_latent(field, Size(64, 64), "Latent (Fourier)")
    again = upscale_latent(small, Size(128, 128), "Latent (Fourier)", Finishers(renoise=1))
    lost, given = (power(each)[..., 64:, 64:].mean() for each in (field, again))
    assert 10 * abs(math.log10(float(given / lost))) < 2


def test_noise_follows_its_strength() -> None:
    samples = natural(24, 24, 2)
    plain = upscale_latent(samples, Size(48, 48), PLAIN)
    full, half = (
        upscale_latent(samples, Size(48, 48), PLAIN, Finishers(renoise=strength)) - plain
        for strength in (1, 0.5)
    )
    torch.testing.assert_close(half * 2, full, rtol=1e-4, atol=1e-4)


def test_the_order_is_match_before_noise() -> None:
    samples = natural(24, 24, 2)
    both = Finishers(match=True, renoise=1)
    result = upscale_latent(samples, Size(48, 48), PLAIN, both)
    matched = upscale_latent(samples, Size(48, 48), PLAIN, Finishers(match=True))
    noise = upscale_latent(samples, Size(48, 48), PLAIN, Finishers(renoise=1)) - upscale_latent(
        samples, Size(48, 48), PLAIN
    )
    torch.testing.assert_close(result, matched + noise, rtol=1e-4, atol=1e-4)


@each_case("name", ["blend", "sharpen", "renoise"])
@each_case("value", [-0.1, 2.1, math.nan, math.inf])
def test_numbers_out_of_range(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"Expected {name} from 0 to"):
        dataclasses.replace(Finishers(blend_with=PLAIN), **{name: value})


def test_a_blend_needs_a_second_mode() -> None:
    with pytest.raises(InputError, match="name the second mode"):
        Finishers(blend=0.5)


def test_a_seed_an_item() -> None:
    with pytest.raises(InputError, match="seed for each of 2 items, but got 3"):
        upscale_latent(latent(2, 4, 8, 8), Size(16, 16), PLAIN, seeds=[1, 2, 3])


def test_bilinear_loses_variance_that_match_gives_back() -> None:
    samples = latent(1, 4, 32, 32)
    lost = interpolate(samples, (64, 64), mode="bilinear").std() / samples.std()
    matched = upscale_latent(samples, Size(64, 64), PLAIN, Finishers(match=True))
    assert lost < 0.7
    assert matched.std() / samples.std() == pytest.approx(1, rel=0.01)
