"""What every latent mode promises, whichever it is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn.functional import interpolate

from lib_upscalers import latent as library
from lib_upscalers.geometry import Size
from lib_upscalers.latent import LATENT_MODES, Finishers, LatentMode
from lib_upscalers.latent.mode_registry import latent_mode
from lib_upscalers.tiling.tensor_memory import LiveMemory
from tests.cases import each_case
from tests.latent.fakes import FakeContext, toy_context

if TYPE_CHECKING:
    from pathlib import Path

MODES = list(LATENT_MODES)
OFF = Finishers()
each_mode = each_case("mode", MODES)
# Networks are not exact: what a picture of one colour becomes is tested with trained ones.
EXACT = [name for name, mode in LATENT_MODES.items() if mode.within is None]
each_exact_mode = each_case("mode", EXACT)
DTYPES = (torch.float16, torch.bfloat16, torch.float32)
CHANNELS = (4, 16, 32, 128)


class Contexts:
    """Where the toy networks lie; one for each number of channels is made when it is needed."""

    folder: Path

    @classmethod
    def of(cls, channels: int) -> FakeContext:
        return toy_context(channels, cls.folder)


@pytest.fixture(scope="module", autouse=True)
def _networks(tmp_path_factory: pytest.TempPathFactory) -> None:
    Contexts.folder = tmp_path_factory.mktemp("networks")


def upscale_latent(
    samples: torch.Tensor, size: Size, mode: str, finishers: Finishers = OFF
) -> torch.Tensor:
    """Enlarge where every mode works."""
    context = Contexts.of(samples.shape[1])
    return library.upscale_latent(samples, size, mode, finishers, context=context)


def latent(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).to(dtype)


def assert_close(first: torch.Tensor, second: torch.Tensor, tolerance: float = 2e-5) -> None:
    torch.testing.assert_close(first, second, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
@each_case("dtype", DTYPES)
@each_case("frames", [None, 3])
@each_case("channels", CHANNELS)
@each_mode
def test_any_latent_keeps_its_kind(
    mode: str, channels: int, frames: int | None, dtype: torch.dtype
) -> None:
    shape = (2, channels, 6, 5) if frames is None else (2, channels, frames, 6, 5)
    samples = latent(*shape, dtype=dtype)
    result = upscale_latent(samples, Size(11, 9), mode)
    assert result.shape == (*shape[:-2], 9, 11)
    assert result.dtype is dtype
    assert result.device == samples.device
    assert result.is_contiguous()
    assert bool(torch.isfinite(result).all())


@each_mode
def test_half_precision_is_the_rounded_result(mode: str) -> None:
    samples = latent(1, 4, 8, 7, dtype=torch.float16)
    result = upscale_latent(samples, Size(13, 19), mode)
    assert torch.equal(result, upscale_latent(samples.float(), Size(13, 19), mode).half())


@each_mode
def test_autocast_changes_nothing(mode: str) -> None:
    samples, size = latent(1, 4, 8, 7), Size(13, 19)
    finishers = Finishers(sharpen=1, match=True, renoise=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = upscale_latent(samples, size, mode, finishers)
    assert torch.equal(inside, upscale_latent(samples, size, mode, finishers))


@each_case("value", [0.0, 3.3, -1e4])
@each_case("size", [Size(23, 17), Size(5, 3)])
@each_exact_mode
def test_constant_stays_constant(mode: str, size: Size, value: float) -> None:
    result = upscale_latent(torch.full((1, 4, 9, 11), value), size, mode)
    assert_close(result, torch.full_like(result, value), 1e-5)


@each_case("dtype", [*DTYPES, torch.float64])
@each_mode
def test_scale_1_is_a_copy(mode: str, dtype: torch.dtype) -> None:
    samples = latent(2, 4, 3, 7, 9, dtype=dtype)
    result = upscale_latent(samples, Size(9, 7), mode)
    assert torch.equal(result, samples)
    assert result.data_ptr() != samples.data_ptr()


@each_case("size", [Size(14, 18), Size(13, 17), Size(22, 9), Size(5, 7)])
@each_case("dims", [(-1,), (-2,), (-1, -2)])
@each_exact_mode
def test_flips_commute(mode: str, dims: tuple[int, ...], size: Size) -> None:
    # Sides are odd: there no output lies in the middle of two inputs, of which "nearest" takes one.
    samples = latent(1, 4, 9, 7)
    after = upscale_latent(samples, size, mode).flip(dims)
    assert_close(upscale_latent(samples.flip(dims), size, mode), after)


@each_case("size", [Size(14, 18), Size(13, 17), Size(5, 7)])
@each_case("mode", [name for name in MODES if not LATENT_MODES[name].directional])
def test_quarter_turns_commute(mode: str, size: Size) -> None:
    samples = latent(1, 4, 9, 7)
    after = upscale_latent(samples, size, mode).rot90(1, (-2, -1))
    turned = Size(size.height, size.width)
    assert_close(upscale_latent(samples.rot90(1, (-2, -1)), turned, mode), after)


def test_a_directional_mode_says_so() -> None:
    samples = latent(1, 4, 9, 7)
    for name, mode in LATENT_MODES.items():
        if mode.directional and name in EXACT:
            after = upscale_latent(samples, Size(14, 18), name).rot90(1, (-2, -1))
            before = upscale_latent(samples.rot90(1, (-2, -1)), Size(18, 14), name)
            assert (after - before).abs().max() > 1e-3, "it is not directional after all"


@each_case("size", [Size(13, 17), Size(4, 5)])
@each_mode
def test_a_batch_is_a_loop(mode: str, size: Size) -> None:
    samples = latent(3, 4, 9, 7)
    every = [upscale_latent(each[None], size, mode)[0] for each in samples]
    assert_close(upscale_latent(samples, size, mode), torch.stack(every), 1e-5)


@each_mode
def test_frames_are_independent(mode: str) -> None:
    samples = latent(2, 4, 3, 9, 7)
    every = [upscale_latent(each, Size(13, 17), mode) for each in samples.unbind(2)]
    assert_close(upscale_latent(samples, Size(13, 17), mode), torch.stack(every, 2), 1e-5)


@each_mode
def test_any_strides(mode: str) -> None:
    whole = latent(1, 9, 7, 8)
    strided = whole.permute(0, 3, 1, 2)[:, ::2]
    expected = upscale_latent(strided.contiguous(), Size(13, 17), mode)
    assert torch.equal(upscale_latent(strided, Size(13, 17), mode), expected)
    one = latent(1, 4, 1, 1).expand(1, 4, 5, 5)
    if mode in EXACT:
        assert_close(upscale_latent(one, Size(9, 8), mode), one[..., :1, :1].expand(1, 4, 8, 9))


@pytest.mark.slow
@each_case("dtype", DTYPES)
@each_mode
def test_inference_tensors(mode: str, dtype: torch.dtype) -> None:
    size, finishers = Size(13, 17), Finishers(sharpen=1, match=True, renoise=1)
    with torch.inference_mode():
        samples = latent(1, 4, 9, 7, dtype=dtype)
        inside = upscale_latent(samples, size, mode, finishers)
        copy = upscale_latent(samples, Size(7, 9), mode, finishers)
    assert torch.equal(upscale_latent(samples, size, mode, finishers), inside)
    assert torch.equal(upscale_latent(samples, Size(7, 9), mode, finishers), copy)


@each_mode
def test_the_latent_is_left_alone(mode: str) -> None:
    samples = latent(1, 4, 9, 7).requires_grad_()
    before = samples.detach().clone()
    everything = Finishers(blend_with=MODES[0], blend=0.5, sharpen=1, match=True, renoise=1)
    for size in (Size(13, 17), Size(7, 9)):
        result = upscale_latent(samples, size, mode, everything)
        assert torch.equal(samples, before)
        assert not result.requires_grad


@each_mode
def test_any_size(mode: str) -> None:
    numbers = random.Random(mode)  # noqa: S311 - which sizes are tried is no secret
    for _ in range(12):
        sides = [numbers.choice([1, 2, 3, numbers.randint(1, 300)]) for _ in range(4)]
        samples = latent(1, 2, sides[0], sides[1]) * 1e4
        result = upscale_latent(samples, Size(sides[2], sides[3]), mode)
        assert result.shape == (1, 2, sides[3], sides[2])
        assert bool(torch.isfinite(result).all()), sides


@each_case("dtype", DTYPES)
@each_mode
def test_large_values_stay_finite(mode: str, dtype: torch.dtype) -> None:
    samples = (torch.randint(0, 2, (1, 4, 20, 21)) * 1.2e5 - 6e4).to(dtype)
    for finishers in (Finishers(), Finishers(match=True), Finishers(sharpen=1)):
        result = upscale_latent(samples, Size(42, 40), mode, finishers)
        assert bool(torch.isfinite(result).all())


@pytest.mark.slow
@each_case("dtype", DTYPES)
@each_case("shape", [(1, 4, 64, 64), (2, 16, 48, 40), (1, 4, 3, 40, 48)])
@each_exact_mode
def test_memory_is_bounded(mode: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    samples = latent(*shape, dtype=dtype)
    size = Size(2 * shape[-1], 2 * shape[-2])
    # Weights are kept from the first time on, and are not the latent's.
    upscale_latent(samples, size, mode)
    with LiveMemory() as memory:
        result = upscale_latent(samples, size, mode)
    assert memory.peak <= 6 * result.numel() * result.element_size()


@pytest.mark.slow
@each_case("other", ["Latent (bislerp)", "Latent (Fourier)"])
@each_exact_mode
def test_memory_of_a_blend_is_bounded(mode: str, other: str) -> None:
    samples, size = latent(1, 4, 3, 40, 48, dtype=torch.float16), Size(96, 80)
    finishers = Finishers(blend_with=other, blend=0.5)
    upscale_latent(samples, size, mode, finishers)
    with LiveMemory() as memory:
        result = upscale_latent(samples, size, mode, finishers)
    assert memory.peak <= 6 * result.numel() * result.element_size()


@pytest.mark.slow
@each_case("other", ["Latent (bislerp)", "Latent (Fourier)", "Latent (Lab)"])
@each_mode
def test_a_blend_is_the_weighted_mean(mode: str, other: str) -> None:
    samples, size = latent(1, 5, 9, 7), Size(13, 17)
    first, second = (upscale_latent(samples, size, name) for name in (mode, other))
    blended = upscale_latent(samples, size, mode, Finishers(blend_with=other, blend=0.25))
    assert_close(blended, first.lerp(second, 0.25))


@each_case("size", [Size(18, 22), Size(15, 31)])
@each_mode
def test_twins_are_equal(mode: str, size: Size) -> None:
    samples = latent(1, 4, 11, 9)
    result = upscale_latent(samples, size, mode)
    for name, antialias in LATENT_MODES[mode].twins:
        twin = interpolate(samples, (size.height, size.width), mode=name, antialias=antialias)
        assert_close(result, twin)


def test_every_mode_is_another() -> None:
    samples = latent(1, 4, 11, 9)
    results = [upscale_latent(samples, Size(15, 31), mode) for mode in MODES]
    for i, first in enumerate(results):
        for second in results[:i]:
            assert (first - second).abs().max() > 1e-3


def test_twins_belong_to_one_mode() -> None:
    twins = [twin for _, mode in LATENT_MODES.items() for twin in mode.twins]
    assert len(twins) == len(set(twins))


def test_entries_are_complete() -> None:
    for name, mode in LATENT_MODES.items():
        assert isinstance(mode, LatentMode)
        assert name == mode.name == f"Latent ({name[8:-1]})"
        assert mode.explanation.endswith(".")
        assert len(mode.explanation) <= 100
        assert "\n" not in mode.explanation
        assert mode.clean_from is None or 0 <= mode.clean_from <= 1


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="is taken"):
        latent_mode(MODES[0], "kernel", "Again.")(lambda samples, _: samples)


@each_case("mode", [*LATENT_MODES])
def test_float64_is_a_float_dtype(mode: str) -> None:
    samples = latent(1, 4, 6, 5, dtype=torch.float64)
    result = upscale_latent(samples, Size(9, 11), mode)
    assert result.dtype is torch.float64
    assert torch.equal(result, upscale_latent(samples.float(), Size(9, 11), mode).double())
