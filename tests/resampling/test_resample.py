from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lib_upscalers.errors import Cancelled, InputError, TargetError, UnknownNameError
from lib_upscalers.geometry import Size
from lib_upscalers.resampling import resample as resample_module
from lib_upscalers.resampling.kernels import KERNELS
from lib_upscalers.resampling.resample import resample, resample_pixels, resample_with_alpha
from lib_upscalers.resampling.separable import Axis, along, by_taps, find_taps, nearest
from tests.cases import each_case
from tests.resampling.resample_reference import REFERENCES, resample_plane

WEIGHING = [name for name in KERNELS if not KERNELS[name].picks]
PILLOW = {
    "Nearest": Image.Resampling.NEAREST,
    "Box": Image.Resampling.BOX,
    "Bilinear": Image.Resampling.BILINEAR,
    "Bicubic": Image.Resampling.BICUBIC,
    "Lanczos": Image.Resampling.LANCZOS,
}
each_kernel = each_case("kernel", list(KERNELS))
each_weighing = each_case("kernel", WEIGHING)


def sizes(seed: int, count: int, most: int) -> list[tuple[Size, Size]]:
    """Pairs of sizes, up and down, even and odd, thin and not."""
    numbers = np.random.default_rng(seed)

    def side() -> int:
        return min(most, round(most ** numbers.random()) + int(numbers.integers(3)))

    return [(Size(side(), side()), Size(side(), side())) for _ in range(count)]


def noise(rng: np.random.Generator, size: Size, channels: int = 3) -> np.ndarray:
    return rng.integers(0, 256, (size.height, size.width, channels), dtype=np.uint8)


def test_every_kernel_has_a_reference() -> None:
    assert set(WEIGHING) == set(REFERENCES)


@each_weighing
def test_kernels_agree_with_their_definition(kernel: str) -> None:
    weigh, support = REFERENCES[kernel]
    distances = np.linspace(-5, 5, 1001) + 1e-9
    ours = KERNELS[kernel].weigh(distances)
    theirs = np.array([weigh(distance) for distance in distances])
    assert KERNELS[kernel].support == support
    assert np.allclose(ours, theirs, atol=1e-7)
    assert not ours[np.abs(distances) > support].any()


@pytest.mark.slow
@each_weighing
@each_case("antialias", [True, False])
def test_agrees_with_a_slow_reference(
    kernel: str, antialias: bool, rng: np.random.Generator
) -> None:
    for source, target in sizes(1, 12, 40):
        plane = rng.standard_normal((source.height, source.width))
        ours = resample(torch.from_numpy(plane), target, kernel, antialias=antialias)
        theirs = resample_plane(plane, target.width, target.height, kernel, antialias=antialias)
        assert ours.shape == theirs.shape
        assert np.allclose(ours, theirs, atol=2e-5), (source, target)


@pytest.mark.slow
@each_case("kernel", list(PILLOW))
@each_case("seed", range(4))
def test_agrees_with_pillow(kernel: str, seed: int, rng: np.random.Generator) -> None:
    """On noise of full range, which overshoots everywhere, up and down."""
    for source, target in sizes(seed, 25, 300):
        pixels = noise(rng, source)
        theirs = np.asarray(
            Image.fromarray(pixels).resize((target.width, target.height), PILLOW[kernel])
        )
        ours = resample_pixels(pixels, target, kernel)
        difference = np.abs(ours.astype(int) - theirs).max()
        assert difference <= (0 if kernel == "Nearest" else 1), (source, target)


@pytest.mark.slow
def test_nearest_is_pillows_for_every_pair_of_lengths() -> None:
    row = np.arange(300, dtype=np.uint16)
    for source in range(1, 301, 7):
        image = Image.fromarray(row[None, :source].astype(np.int32))
        for target in range(1, 301):
            theirs = np.asarray(image.resize((target, 1), Image.Resampling.NEAREST))[0]
            assert (row[nearest(source, target)] == theirs).all(), (source, target)


@pytest.mark.slow
@each_kernel
def test_a_constant_stays_constant(kernel: str) -> None:
    for source, target in sizes(2, 20, 300):
        tensor = torch.full((2, source.height, source.width), 3.7)
        assert torch.allclose(resample(tensor, target, kernel), torch.tensor(3.7), atol=3e-6)
    for value in range(0, 256, 5):
        pixels = np.full((13, 7, 3), value, np.uint8)
        for linear in (False, True):
            result = resample_pixels(pixels, Size(10, 19), kernel, linear_light=linear)
            assert (result == value).all()


@each_kernel
@each_case("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@each_case("leading", [(), (3,), (1, 4), (2, 16, 3), (1, 4, 1, 2), (0, 4)])
def test_shape_dtype_and_values_for_every_kind_of_tensor(
    kernel: str, dtype: torch.dtype, leading: tuple[int, ...], torch_rng: torch.Generator
) -> None:
    tensor = torch.randn(*leading, 12, 9, generator=torch_rng).to(dtype)
    result = resample(tensor, Size(20, 7), kernel)
    assert result.shape == (*leading, 7, 20)
    assert result.dtype == dtype
    assert torch.isfinite(result).all()
    exact = resample(tensor.double(), Size(20, 7), kernel)
    coarse = torch.finfo(dtype).eps if dtype != torch.float64 else 1e-6
    assert torch.allclose(result.double(), exact, rtol=coarse, atol=coarse)


@each_kernel
def test_the_same_size_is_the_identity(kernel: str, rng: np.random.Generator) -> None:
    tensor = torch.from_numpy(rng.standard_normal((2, 5, 7))).to(torch.float16)
    result = resample(tensor, Size(7, 5), kernel)
    assert torch.equal(result, tensor)
    assert result.data_ptr() != tensor.data_ptr()
    for dtype in (np.uint8, np.uint16, np.float32):
        pixels = (rng.random((5, 7, 3)) * 250).astype(dtype)
        same = resample_pixels(pixels, Size(7, 5), kernel, linear_light=True)
        assert (same == pixels).all()
        assert not np.shares_memory(same, pixels)


@each_kernel
def test_an_axis_that_keeps_its_size_is_left_alone(kernel: str, rng: np.random.Generator) -> None:
    row = rng.standard_normal((1, 40))
    tensor = torch.from_numpy(np.repeat(row, 6, axis=0))
    result = resample(tensor, Size(17, 6), kernel)
    assert torch.allclose(result, result[:1])
    again = resample(torch.from_numpy(row), Size(17, 1), kernel)
    assert torch.allclose(result[:1], again)


@each_kernel
@each_case("source, target", [((24, 10), (48, 30)), ((30, 33), (10, 11))])
def test_flips_commute(
    kernel: str, source: tuple[int, int], target: tuple[int, int], torch_rng: torch.Generator
) -> None:
    tensor = torch.randn(2, *source, generator=torch_rng)
    size = Size(target[1], target[0])
    for dims in ((1,), (2,), (1, 2)):
        before = resample(tensor.flip(dims), size, kernel)
        assert torch.allclose(before, resample(tensor, size, kernel).flip(dims), atol=2e-6)


@each_case("kernel", [name for name in WEIGHING if name != "Box"])
def test_flips_commute_at_any_scale(kernel: str, torch_rng: torch.Generator) -> None:
    for source, target in sizes(3, 20, 120):
        tensor = torch.randn(source.height, source.width, generator=torch_rng)
        before = resample(tensor.flip(0, 1), target, kernel)
        after = resample(tensor, target, kernel).flip(0, 1)
        assert torch.allclose(before, after, atol=1e-5), (source, target)


@each_kernel
def test_transposition_commutes(kernel: str, torch_rng: torch.Generator) -> None:
    for source, target in sizes(4, 10, 80):
        tensor = torch.randn(3, source.height, source.width, generator=torch_rng)
        turned = resample(tensor.mT, Size(target.height, target.width), kernel)
        assert torch.allclose(turned.mT, resample(tensor, target, kernel), atol=1e-5)


@each_kernel
def test_layout_does_not_matter(kernel: str, torch_rng: torch.Generator) -> None:
    tensor = torch.randn(2, 4, 10, 12, generator=torch_rng)
    expected = resample(tensor, Size(25, 7), kernel)
    wide = torch.zeros(2, 4, 20, 36)
    wide[..., ::2, ::3] = tensor
    views = (tensor.to(memory_format=torch.channels_last), wide[..., ::2, ::3])
    for view in views:
        assert not view.is_contiguous()
        assert torch.allclose(resample(view, Size(25, 7), kernel), expected, atol=1e-6)


@each_weighing
def test_weights_are_finite_and_leave_no_pixel_out(kernel: str) -> None:
    for source, target in [(1, 300), (300, 1), (299, 300), (300, 299), (7, 5), (5, 7), (64, 9)]:
        taps = find_taps(Axis(source, target, kernel))
        assert np.allclose(taps.weights.sum(axis=1), 1)
        assert taps.start.min() >= 0
        assert (taps.start + taps.weights.shape[1]).max() <= source
        seen = np.zeros(source)
        index = taps.start[:, None] + np.arange(taps.weights.shape[1])
        np.add.at(seen, index, np.abs(taps.weights))
        assert (seen > 0).all(), (source, target)


@each_weighing
def test_both_ways_of_summing_agree(kernel: str, torch_rng: torch.Generator) -> None:
    """What runs on a GPU is tried on the CPU here."""
    for source, target in [(12, 40), (40, 12), (33, 33 * 4), (100, 3)]:
        axis = Axis(source, target, kernel)
        for inner in (1, 3, 9):
            values = torch.randn(2, source, inner, generator=torch_rng)
            bands = along(values, 1, axis, torch.float32)
            assert torch.allclose(by_taps(values, axis), bands, atol=3e-6)


@pytest.mark.gpu
@each_kernel
def test_a_gpu_agrees_with_the_cpu(kernel: str, torch_rng: torch.Generator) -> None:
    tensor = torch.randn(2, 4, 30, 40, generator=torch_rng)
    for size in (Size(80, 60), Size(13, 17)):
        there = resample(tensor.cuda(), size, kernel)
        assert there.is_cuda
        assert torch.allclose(there.cpu(), resample(tensor, size, kernel), atol=1e-5)


def test_autocast_changes_nothing(torch_rng: torch.Generator) -> None:
    tensor = torch.randn(1, 4, 30, 40, generator=torch_rng)
    expected = resample(tensor, Size(80, 60), "Lanczos")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(resample(tensor, Size(80, 60), "Lanczos"), expected)


def test_inference_mode_leaves_nothing_behind(torch_rng: torch.Generator) -> None:
    """Cached weights from a run without gradients serve one with gradients."""
    with torch.inference_mode():
        locked = torch.randn(1, 4, 23, 29, generator=torch_rng)
        expected = resample(locked, Size(61, 59), "Mitchell")
    free = locked.clone().requires_grad_()
    result = resample(free, Size(61, 59), "Mitchell")
    result.sum().backward()
    assert torch.equal(result.detach(), expected)
    assert torch.equal(resample(locked, Size(61, 59), "Mitchell"), expected)


@each_kernel
def test_gradients_are_the_transposed_weights(kernel: str, torch_rng: torch.Generator) -> None:
    tensor = torch.randn(2, 9, 11, generator=torch_rng, requires_grad=True)
    other = torch.randn(2, 9, 11, generator=torch_rng)
    weights = torch.randn(2, 20, 6, generator=torch_rng)
    (resample(tensor, Size(6, 20), kernel) * weights).sum().backward()
    assert tensor.grad is not None
    along_gradient = (tensor.grad * other).sum()
    assert torch.allclose(
        along_gradient, (resample(other, Size(6, 20), kernel) * weights).sum(), atol=1e-3
    )


@each_case("size", [Size(0, 5), Size(5, 0), Size(-3, 5), Size(5, -1)])
def test_a_target_without_pixels_is_refused(size: Size) -> None:
    with pytest.raises(TargetError, match="at least 1x1"):
        resample(torch.zeros(1, 4, 4), size, "Lanczos")
    with pytest.raises(TargetError, match="at least 1x1"):
        resample_pixels(np.zeros((4, 4, 3), np.uint8), size, "Lanczos")


@each_case(
    "tensor", [torch.zeros(4), torch.zeros(3, 4, 4, dtype=torch.int32), torch.zeros(3, 0, 4)]
)
def test_what_cannot_be_resampled_is_refused(tensor: torch.Tensor) -> None:
    with pytest.raises(InputError, match="Expected"):
        resample(tensor, Size(5, 5), "Lanczos")


@each_case(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 0), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4, 3), np.float64),
    ],
)
def test_pixels_that_are_none_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match="Expected"):
        resample_pixels(pixels, Size(5, 5), "Lanczos")


def test_an_unknown_kernel_is_named_with_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="Lanczos"):
        resample(torch.zeros(1, 4, 4), Size(4, 4), "Lanzcos")
    with pytest.raises(UnknownNameError, match="Mitchell"):
        resample_pixels(np.zeros((4, 4, 3), np.uint8), Size(4, 4), "Mitchel")


@pytest.mark.slow
@each_kernel
@each_case("linear", [False, True])
def test_strips_equal_the_whole(
    kernel: str, linear: bool, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source, target in sizes(5, 6, 60):
        for channels in (1, 3):
            pixels = noise(rng, source, channels).astype(np.float32) / 255
            whole = resample_pixels(pixels, target, kernel, linear_light=linear)
            with monkeypatch.context() as patch:
                patch.setattr(resample_module, "_STRIP_BYTES", 1500)
                strips = resample_pixels(pixels, target, kernel, linear_light=linear)
            assert np.allclose(strips, whole, atol=1e-5), (source, target)


@each_weighing
@each_case("channels", [1, 2, 3, 4, 5])
def test_pixels_and_tensors_go_through_one_engine(
    kernel: str, channels: int, rng: np.random.Generator
) -> None:
    """Away from black and white nothing is clipped, and both ways are the same arithmetic."""
    pixels = (0.4 + 0.2 * rng.random((14, 17, channels))).astype(np.float32)
    planes = resample(torch.from_numpy(pixels).permute(2, 0, 1), Size(40, 9), kernel)
    result = resample_pixels(pixels, Size(40, 9), kernel)
    assert np.allclose(result, planes.permute(1, 2, 0).numpy(), atol=1e-6)


@each_weighing
@each_case("dtype", [np.uint8, np.uint16])
@each_case("wanted", [np.uint8, np.uint16, np.float32])
def test_whole_numbers_are_the_rounded_float_result(
    kernel: str, dtype: type, wanted: type, rng: np.random.Generator
) -> None:
    white = np.iinfo(dtype).max
    pixels = rng.integers(0, white + 1, (21, 18, 3), dtype=dtype)
    for size in (Size(50, 33), Size(7, 8)):
        exact = resample_pixels((pixels / white).astype(np.float32), size, kernel)
        result = resample_pixels(pixels, size, kernel, dtype=wanted)
        assert result.dtype == wanted
        step = 1 if wanted == np.float32 else np.iinfo(wanted).max
        half = 2e-6 if wanted == np.float32 else 0.52
        assert np.abs(result / np.float64(1) - exact * np.float64(step)).max() <= half


def test_nearest_converts_depths() -> None:
    pixels = np.array([[[0], [255]]], np.uint8)
    assert resample_pixels(pixels, Size(4, 1), "Nearest", dtype=np.uint16).ravel().tolist() == [
        *(0, 0, 65535, 65535)
    ]
    assert resample_pixels(pixels, Size(2, 1), "Box", dtype=np.float32).ravel().tolist() == [0, 1]


def decoded(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@each_case("kernel", ["Bilinear", "B-spline", "Hermite"])
@each_case("dtype", [np.uint8, np.uint16, np.float32])
def test_linear_light_mixes_light(kernel: str, dtype: type, rng: np.random.Generator) -> None:
    """With kernels that never overshoot, so that nothing is clipped on the way."""
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (rng.random((13, 11, 1)) * white).astype(dtype)
    light = decoded(pixels[..., 0].astype(np.float64) / white)
    for size in (Size(30, 29), Size(4, 5)):
        expected = encoded(resample_plane(light, size.width, size.height, kernel)) * white
        result = resample_pixels(pixels, size, kernel, linear_light=True)[..., 0]
        allowed = 2e-5 if dtype == np.float32 else 0.5 + 1e-5 * white
        assert np.abs(result.astype(np.float64) - expected).max() <= allowed


def test_a_chessboard_seen_from_afar_is_half_the_light() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None]
    assert (resample_pixels(board, Size(8, 8), "Box") == 128).all()
    assert (resample_pixels(board, Size(8, 8), "Box", linear_light=True) == 188).all()


class Listener:
    def __init__(self, stop_after: int | None = None) -> None:
        self.steps: list[tuple[int, int]] = []
        self.stop_after = stop_after

    def update(self, step: int, total: int, text: str = "") -> None:
        self.steps.append((step, total))

    def check_cancelled(self) -> None:
        if self.stop_after is not None and len(self.steps) >= self.stop_after:
            raise Cancelled


@each_case("kernel", ["Nearest", "Lanczos"])
def test_progress_is_told_and_can_cancel(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample_module, "_STRIP_BYTES", 2000)
    pixels = np.zeros((40, 40, 3), np.uint8)
    listener = Listener()
    resample_pixels(pixels, Size(80, 80), kernel, progress=listener)
    assert len(listener.steps) > 3
    assert listener.steps == sorted(listener.steps)
    assert listener.steps[-1] == (80, 80)
    impatient = Listener(stop_after=2)
    with pytest.raises(Cancelled):
        resample_pixels(pixels, Size(80, 80), kernel, progress=impatient)
    assert len(impatient.steps) == 2


MEASURE = """
import numpy as np
from pathlib import Path
from lib_upscalers.geometry import Size
from lib_upscalers.resampling.resample import resample_pixels
# VmHWM, which a new program does not inherit from the one that started it.
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
pixels = np.zeros({shape}, np.uint8)
pixels[:] = 7
resample_pixels(pixels[:64, :64], Size(128, 128), "Lanczos")
before = peak()
result = resample_pixels(pixels, Size{target}, "Lanczos", linear_light={linear})
print(peak() - before - result.nbytes)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to know its memory")
@each_case(
    "shape, target, linear",
    [
        ((1500, 1500, 3), (3000, 3000), False),
        ((6000, 1500, 3), (3000, 40), True),
    ],
)
def test_scratch_memory_is_small(
    shape: tuple[int, ...], target: tuple[int, int], linear: bool
) -> None:
    """The first would be 108 MB as floats, and the second 216 MB after its first axis."""
    script = MEASURE.format(shape=shape, target=target, linear=linear)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 80e6


@each_case("linear", [False, True])
@each_case("dtype", ["uint8", "uint16", "float32"])
@each_kernel
def test_where_all_is_opaque_transparency_changes_nothing(
    kernel: str, dtype: str, linear: bool
) -> None:
    white = 1 if dtype == "float32" else np.iinfo(dtype).max
    # So far from black and white that no kernel goes beyond them, where it would be cut.
    pixels = ((np.random.default_rng(4).random((9, 7, 3)) / 4 + 0.4) * white).astype(dtype)
    opaque = np.full((9, 7), white, dtype)
    for size in (Size(7, 9), Size(17, 12), Size(5, 20)):
        colours, alpha = resample_with_alpha(pixels, opaque, size, kernel, linear_light=linear)
        expected = resample_pixels(pixels, size, kernel, linear_light=linear)
        assert colours.dtype == alpha.dtype == dtype
        assert np.abs(alpha - white).max() <= (1e-6 if dtype == "float32" else 0)
        # Premultiplied and divided again, in float32.
        error = np.abs(colours.astype(np.float64) - expected)
        assert error.max() <= white * 1e-4 + (dtype != "float32")


@each_kernel
def test_a_constant_colour_stays_whatever_its_transparency_does(kernel: str) -> None:
    pixels = np.full((9, 7, 3), (200, 30, 90), np.uint8)
    alpha = np.random.default_rng(4).integers(0, 256, (9, 7), np.uint8)
    alpha[:3] = 0
    colours, _ = resample_with_alpha(pixels, alpha, Size(17, 12), kernel)
    assert np.abs(colours.astype(int) - (200, 30, 90)).max() <= 1
