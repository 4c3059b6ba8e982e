"""The measures: properties of all, and values against independent references."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.compare.align import luma, middle_region
from lib_upscalers.compare.measuring import matching_regions, measure
from lib_upscalers.compare.metrics import METRICS
from lib_upscalers.geometry import Region, Size
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.progress import NULL
from lib_upscalers.resampling.resample import resample_pixels
from tests.cases import each_case

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

REFERENCED = [name for name, each in METRICS.items() if each.needs_reference]
each_name = each_case("name", METRICS)


def _smooth(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    coarse = rng.uniform(0.1, 0.9, (height // 4, width // 4, 1)).astype(np.float32)
    plane = resample_pixels(coarse, Size(width, height), "Bicubic")[..., 0]
    return (16 + 219 * plane).astype(np.float32)


def _noisy(rng: np.random.Generator, plane: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(plane + rng.normal(0, 9, plane.shape), 16, 235).astype(np.float32)


@each_name
def test_values_stay_in_the_range_that_is_told(name: str, rng: np.random.Generator) -> None:
    each = METRICS[name]
    low, high = each.range
    plane = _smooth(rng, 192, 180)
    noise = rng.uniform(0, 255, plane.shape).astype(np.float32)
    for other in (plane, _noisy(rng, plane), noise, 255 - plane, np.zeros_like(plane)):
        assert low <= each.measure(other, plane) <= high
    assert each.explanation.endswith(".")


@each_case("name", REFERENCED)
def test_identity_is_best_and_the_order_does_not_matter(
    name: str, rng: np.random.Generator
) -> None:
    each = METRICS[name]
    plane = _smooth(rng, 192, 180)
    other = _noisy(rng, plane)
    best = each.range[1 if each.better == "higher" else 0]
    assert each.measure(plane, plane) == pytest.approx(best, abs=1e-9)
    assert each.measure(plane, other) == pytest.approx(each.measure(other, plane), rel=1e-6)
    assert each.measure(plane, other) != pytest.approx(best, abs=1e-3)


@each_case("name", REFERENCED)
def test_more_noise_is_worse(name: str, rng: np.random.Generator) -> None:
    each = METRICS[name]
    plane = _smooth(rng, 192, 180)
    noise = rng.normal(0, 1, plane.shape).astype(np.float32)
    values = [each.measure(plane + noise * level, plane) for level in (1, 4, 16)]
    assert values == sorted(values, reverse=each.better == "higher")


@each_name
@each_case("shape", [(1, 1), (1, 9), (3, 3), (12, 5)])
def test_the_smallest_pictures_have_a_value_or_none(name: str, shape: tuple[int, int]) -> None:
    value = METRICS[name].measure(np.full(shape, 40, np.float32), np.full(shape, 40, np.float32))
    assert isinstance(value, float)
    assert math.isnan(value) or METRICS[name].range[0] <= value <= METRICS[name].range[1]


@pytest.mark.slow
def test_psnr_is_that_of_scikit_image(rng: np.random.Generator) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    plane = _smooth(rng, 64, 48)
    other = _noisy(rng, plane)
    expected = peak_signal_noise_ratio(plane.astype(float), other.astype(float), data_range=255)
    assert METRICS["psnr"].measure(plane, other) == pytest.approx(expected)


@pytest.mark.slow
@each_case("size", [(64, 48), (11, 500), (300, 11), (90, 40000)])
def test_ssim_is_that_of_scikit_image(rng: np.random.Generator, size: tuple[int, int]) -> None:
    from skimage.metrics import structural_similarity

    plane = rng.uniform(16, 235, size).astype(np.float32)
    other = _noisy(rng, plane)
    expected = structural_similarity(
        plane.astype(np.float64),
        other.astype(np.float64),
        data_range=255.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert METRICS["ssim"].measure(plane, other) == pytest.approx(expected, abs=1e-6)


def _halved_by_hand(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    corners = [plane[y : 2 * height : 2, x : 2 * width : 2] for y in (0, 1) for x in (0, 1)]
    return sum(corners[1:], corners[0]) / 4


def test_ms_ssim_by_hand(rng: np.random.Generator) -> None:
    """Against the paper's formula, written out once more with whole windows."""
    picture = _smooth(rng, 208, 180)
    reference = _noisy(rng, picture)
    offsets = np.arange(-5, 6)
    kernel = np.exp(-np.add.outer(offsets**2, offsets**2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def mean(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        windows = np.lib.stride_tricks.sliding_window_view(plane, (11, 11))
        return np.einsum("ijkl,kl->ij", windows, kernel)

    product = 1.0
    first, second = picture.astype(np.float64), reference.astype(np.float64)
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if scale:
            first, second = _halved_by_hand(first), _halved_by_hand(second)
        a, b = mean(first), mean(second)
        spread = mean(first**2) - a * a + mean(second**2) - b * b
        value = (2 * (mean(first * second) - a * b) + 58.5225) / (spread + 58.5225)
        if scale == 4:
            value = value * (2 * a * b + 6.5025) / (a * a + b * b + 6.5025)
        product *= float(value.mean()) ** weight
    measured = METRICS["ms_ssim"].measure(picture, reference)
    assert measured == pytest.approx(product, abs=1e-5)


def test_gmsd_by_hand(rng: np.random.Generator) -> None:
    """Against the authors' definition, pixel by pixel."""
    first = _smooth(rng, 24, 20)
    second = _noisy(rng, first)

    def gradient(plane: NDArray[np.float32], y: int, x: int) -> float:
        small = plane.astype(np.float64).reshape(12, 2, 10, 2).mean(axis=(1, 3))
        wide = np.zeros((14, 12))
        wide[1:-1, 1:-1] = small
        box = wide[y : y + 3, x : x + 3]
        across = (box[:, 0] - box[:, 2]).sum() / 3
        down = (box[0] - box[2]).sum() / 3
        return math.hypot(across, down)

    similar = []
    for y in range(12):
        for x in range(10):
            a, b = gradient(first, y, x), gradient(second, y, x)
            similar.append((2 * a * b + 170) / (a * a + b * b + 170))
    mean = sum(similar) / len(similar)
    expected = math.sqrt(sum((each - mean) ** 2 for each in similar) / len(similar))
    assert METRICS["gmsd"].measure(first, second) == pytest.approx(expected, rel=1e-4)


def test_nearest_does_not_overshoot_and_lanczos_does(rng: np.random.Generator) -> None:
    source = rng.choice([30.0, 200.0], (20, 24)).astype(np.float32)
    overshoot = METRICS["overshoot"].measure
    assert overshoot(source.repeat(3, 0).repeat(3, 1), source) == 0
    scaled = (source / np.float32(255))[..., None]
    lanczos = resample_pixels(scaled, Size(72, 60), "Lanczos")[..., 0] * np.float32(255)
    assert overshoot(lanczos, source) > 0.2
    assert overshoot(source.repeat(3, 0).repeat(3, 1) + 5, source) > 1


def test_sharpness_is_the_gradient() -> None:
    ramp = np.add.outer(np.arange(9) * 3, np.arange(8) * 4).astype(np.float32)
    assert METRICS["sharpness"].measure(ramp, ramp) == pytest.approx(5)


def test_agreement_notices_a_shift(rng: np.random.Generator) -> None:
    source = _smooth(rng, 40, 40)
    large = source.repeat(2, 0).repeat(2, 1)
    agreement = METRICS["agreement"].measure
    assert agreement(large, source) > agreement(np.roll(large, 2, axis=1), source) + 6


def test_luma_is_that_of_papers(rng: np.random.Generator) -> None:
    white = Picture(np.full((2, 2, 3), 255, np.uint8))
    black = Picture(np.zeros((2, 2, 1), np.uint16))
    assert luma(white) == pytest.approx(235)
    assert luma(black) == pytest.approx(16)
    clear = Picture(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8))
    assert luma(clear) == pytest.approx(235), "transparency is laid on white"


def test_published_psnr_of_bicubic_on_set5(shared_data: Path) -> None:
    """Bicubic x2 has 33.66 dB on Set5 in every paper, from the pictures that these ship."""
    values = []
    for index in range(1, 6):
        small = read_picture(shared_data / "set5" / f"{index}_x2_LR.png")
        large = read_picture(shared_data / "set5" / f"{index}_x2_HR.png")
        pixels = resample_pixels(small.pixels, large.size, "Bicubic")
        inner = np.s_[2:-2, 2:-2]
        planes = [luma(Picture(each))[inner] for each in (pixels, large.pixels)]
        values.append(METRICS["psnr"].measure(*planes))
    assert np.mean(values) == pytest.approx(33.66, abs=0.06)


def test_all_that_is_defined_is_measured(rng: np.random.Generator) -> None:
    source = Picture(rng.integers(0, 256, (8, 6, 3), np.uint8))
    result = Picture(source.pixels.repeat(2, 0).repeat(2, 1))
    assert set(measure(result, source, None, NULL)) == set(METRICS) - set(REFERENCED)
    figures = measure(result, source, result, NULL)
    assert "psnr" in figures
    assert "ms_ssim" not in figures, "too small for five scales"
    assert all(math.isfinite(value) for value in figures.values())


def test_the_middle_of_large_pictures_is_measured() -> None:
    assert middle_region(Size(10, 20)) == Region(0, 0, 10, 20)
    part = middle_region(Size(8000, 2000), 1_000_000)
    assert 0.9e6 < part.area <= 1e6
    assert abs(part.x * 2 + part.width - 8000) <= 1
    large, small = matching_regions(part, Size(8000, 2000), Size(2000, 500))
    assert large == small.scaled(4)
    assert Region.whole(Size(2000, 500)).contains(small)
