"""What lies under transparency is not seen, and must not be after enlarging either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.geometry import Size
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.pictures.bit_depth import peak, to_depth
from lib_upscalers.pictures.bleed import fill_hidden
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.progress import NULL
from lib_upscalers.resampling.resample import KERNELS, resample_pixels, resample_with_alpha
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.edge_limits import limit_edges
from lib_upscalers.upscaling.network_passes import NetworkWork
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.tiling.fakes import FakeNetwork, traits
from tests.tiling.test_loop import JOB

if TYPE_CHECKING:
    from pathlib import Path

    import torch

DEPTHS = (np.uint8, np.uint16, np.float32)


def disc(alpha: float, depth: type = np.uint8) -> Picture:
    """An opaque red disc on green of that alpha."""
    down, across = np.mgrid[:32, :40]
    inside = np.hypot(across - 20, down - 16) < 10
    pixels = np.where(inside[..., None], [255, 0, 0], [0, 255, 0]).astype(np.uint8)
    plane = np.where(inside, 1.0, alpha).astype(np.float32)
    return Picture(to_depth(pixels, depth), to_depth(plane, depth))


def on_black(picture: Picture) -> np.ndarray:
    assert picture.alpha is not None
    cover = to_depth(picture.alpha, np.float32)[..., None]
    return to_depth(picture.pixels, np.float32) * cover * 255


def on_white(picture: Picture) -> np.ndarray:
    assert picture.alpha is not None
    return on_black(picture) + 255 * (1 - to_depth(picture.alpha, np.float32)[..., None])


@pytest.mark.slow
def test_kernels_do_not_mix_in_hidden_colours() -> None:
    for kernel in KERNELS:
        for depth in DEPTHS:
            for alpha in (0, 1 / 255, 4 / 255, 16 / 255, 0.25, 0.5):
                for size in (Size(80, 64), Size(61, 43), Size(17, 11)):
                    small = disc(alpha, depth)
                    assert small.alpha is not None
                    picture = Picture(*resample_with_alpha(small.pixels, small.alpha, size, kernel))
                    green = on_black(picture)[..., 1].max()
                    # Kernels with negative lobes overshoot by up to a tenth.
                    case = kernel, depth.__name__, alpha, size
                    assert green <= 1.12 * 255 * alpha + 1, case
                    red = on_black(picture)[size.height // 2, size.width // 2]
                    assert red.tolist()[0] > 250, case


def test_a_constant_colour_stays_whatever_is_transparent(rng: np.random.Generator) -> None:
    for kernel in KERNELS:
        for light in (False, True):
            for depth in DEPTHS:
                pixels = np.full((9, 11, 3), peak(depth) * 0.6, depth)
                alpha = to_depth(rng.random((9, 11), dtype=np.float32), depth)
                alpha[2:5, 3:7] = 0
                larger, plane = resample_with_alpha(
                    pixels, alpha, Size(30, 21), kernel, linear_light=light
                )
                error = larger.astype(float) - float(pixels[0, 0, 0])
                # What rounds to next to nothing may be off: nobody sees it.
                seen = plane > peak(depth) * 0.02
                allowed = 1 if depth == np.uint8 else 0.003 * peak(depth)
                assert np.abs(error[seen]).max() <= allowed, (kernel, light, depth)


def test_opaque_pictures_are_enlarged_as_without_transparency(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
    for kernel in KERNELS:
        plain = resample_pixels(pixels, Size(20, 30), kernel)
        opaque = np.full((9, 11), 255, np.uint8)
        colours, plane = resample_with_alpha(pixels, opaque, Size(20, 30), kernel)
        assert (plane == 255).all(), kernel
        # Without transparency, values are also clipped between the axes.
        inner = np.abs(colours.astype(int) - plain)
        assert np.quantile(inner, 0.5) <= 1, kernel


@pytest.mark.slow
def test_networks_do_not_mix_in_hidden_colours(tmp_path: Path) -> None:
    upscaler = Upscaler(StandaloneHost(device_name="cpu", own_data_folder=tmp_path))
    choice = upscaler.find("Lab Fast 2x")
    for alpha in (0, 1 / 255, 4 / 255, 0.25, 0.5):
        small = disc(alpha)
        picture = upscaler.run(small, choice, Target(scale=2)).picture
        assert on_black(picture)[..., 1].max() <= 255 * alpha + 2, alpha
        # Inside the disc, the network itself is off by a few levels.
        dark = Picture(255 - small.pixels, small.alpha)
        larger = upscaler.run(dark, choice, Target(scale=2)).picture
        assert on_white(larger)[..., 1].min() >= 255 * (1 - alpha) - 10, alpha


def test_only_colours_that_are_hardly_seen_are_filled(rng: np.random.Generator) -> None:
    for depth in DEPTHS:
        pixels = to_depth(rng.random((20, 20, 3), dtype=np.float32), depth)
        for low, high in ((1.0, 1.0), (0.5, 1.0), (4 / 255, 7 / 255)):
            alpha = to_depth(rng.uniform(low, high, (20, 20)).astype(np.float32), depth)
            assert np.array_equal(fill_hidden(pixels, alpha), pixels), (depth, low)
        small = disc(1 / 255, depth)
        assert small.alpha is not None
        filled = fill_hidden(small.pixels, small.alpha)
        assert filled[16, 31, 1] < 0.1 * peak(depth), depth
        assert filled[0, 0].tolist() == [0, peak(depth), 0], depth


@pytest.mark.slow
def test_filling_and_limits_do_not_depend_on_strips(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (3000, 200, 3), dtype=np.uint8)
    alpha = rng.integers(0, 256, (3000, 200), dtype=np.uint8)
    part = slice(1400, 1440)
    near = slice(1390, 1450)
    whole = fill_hidden(pixels, np.maximum(alpha, 1))[part]
    assert np.array_equal(whole, fill_hidden(pixels[near], np.maximum(alpha[near], 1))[10:50])
    limited = limit_edges(pixels, alpha, pixels, alpha)
    assert np.abs(limited[part].astype(int) - pixels[part]).max() <= 255
    again = limit_edges(pixels[near], alpha[near], pixels[near], alpha[near])
    assert np.array_equal(again[10:50], limited[part])


def test_a_network_makes_no_haze_outside_and_no_hole_inside_of_a_cut_out() -> None:
    class HazyNetwork(FakeNetwork):
        def look(self, batch: torch.Tensor) -> torch.Tensor:
            return batch * 0.95 + 0.02

    for channels in (3, 4):
        for depth in DEPTHS:
            cut_out = disc(0, depth)
            assert cut_out.alpha is not None
            network = HazyNetwork(traits(channels=channels))
            work = NetworkWork(network, JOB, Size(100, 80), "Lanczos")
            done = work.run(cut_out, NULL, alpha_by_network=True).picture
            assert done.alpha is not None
            down, across = np.mgrid[:80, :100] / 2.5
            distance = np.hypot(across - 20, down - 16)
            case = channels, depth.__name__
            assert (done.alpha[distance > 15] == 0).all(), case
            assert (done.alpha[distance < 6] == peak(np.dtype(depth))).all(), case
