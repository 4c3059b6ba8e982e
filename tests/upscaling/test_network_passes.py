"""A network over a whole picture: exact sizes, channels, transparency, passes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.errors import Cancelled
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.picture import Metadata, Picture
from lib_upscalers.progress import NULL
from lib_upscalers.upscaling.network_passes import NetworkWork, _with_channels
from tests.cases import each_case
from tests.tiling.fakes import FakeNetwork, MarkingNetwork, traits
from tests.tiling.test_loop import JOB, Recorder, nearest, picture

if TYPE_CHECKING:
    import torch


def work(network: FakeNetwork, width: int, height: int, **changes: object) -> NetworkWork:
    return replace(NetworkWork(network, JOB, Size(width, height), "Lanczos"), **changes)


def lab_picture(pixels: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    return Picture(pixels, alpha, Metadata())


def run(
    job: NetworkWork, pixels: np.ndarray, alpha: np.ndarray | None = None, by: bool = True
) -> Picture:
    return job.run(lab_picture(pixels, alpha), NULL, alpha_by_network=by).picture


class ColourNetwork(FakeNetwork):
    """Takes grey and gives RGB, or the other way round."""

    def enlarge(self, batch: torch.Tensor) -> torch.Tensor:
        given = batch.mean(1, keepdim=True).expand(-1, self.traits.result_channels, -1, -1)
        return super().enlarge(given)


def areas(network: FakeNetwork) -> list[int]:
    return [shape[2] * shape[3] for shape in network.calls]


@each_case("dtype", ["uint8", "uint16", "float32"])
@each_case("width, height", [(66, 50), (50, 80), (132, 100), (33, 25), (10, 7)])
def test_the_size_is_exact_and_the_type_stays(dtype: str, width: int, height: int) -> None:
    result = run(work(FakeNetwork(), width, height), picture(1, 25, 33, dtype=dtype))
    assert result.pixels.shape == (height, width, 3)
    assert result.pixels.dtype == dtype


def test_where_the_network_reaches_the_size_nothing_is_resampled() -> None:
    pixels = picture(2, 25, 33)
    result = run(work(FakeNetwork(), 33 * 8, 25 * 8), pixels)
    np.testing.assert_array_equal(result.pixels, nearest(pixels, 8))


@each_case("scale, factor, passes", [(2, 8, 3), (4, 8, 2), (1, 4, 1), (2, 1, 1)])
def test_the_network_runs_as_often_as_needed(scale: int, factor: int, passes: int) -> None:
    network = FakeNetwork(traits(scale=scale))
    job = work(network, 20 * factor, 10 * factor)
    done = job.run(lab_picture(picture(3, 10, 20)), NULL, alpha_by_network=True)
    assert done.passes == len(network.calls) == passes


@each_case("dtype", ["uint8", "uint16", "float32"])
def test_a_network_for_grey_gets_the_mean_of_the_colours_rounded(dtype: str) -> None:
    pixels = np.broadcast_to(np.array([0, 0, 2], dtype), (12, 16, 3)).copy()
    mean = 2 / 3 if dtype == "float32" else 1
    np.testing.assert_array_equal(_with_channels(pixels, 1), np.full((12, 16, 1), mean, dtype))


def test_eight_times_with_a_network_of_four_costs_17_units_or_5() -> None:
    for reduced, expected in ((False, [1, 16]), (True, [1, 4])):
        network = FakeNetwork(traits(scale=4))
        run(work(network, 160, 80, reduced=reduced), picture(4, 10, 20))
        assert [area / 200 for area in areas(network)] == expected


@each_case("channels", [1, 3, 4])
def test_grey_stays_grey_and_colour_stays_in_order(channels: int) -> None:
    network = FakeNetwork(traits(channels=channels))
    grey, colour = picture(5, 12, 16, 1), picture(6, 12, 16, 3)
    np.testing.assert_array_equal(run(work(network, 32, 24), grey).pixels, nearest(grey, 2))
    np.testing.assert_array_equal(run(work(network, 32, 24), colour).pixels, nearest(colour, 2))


def test_a_network_of_three_channels_gets_red_first() -> None:
    pixels = np.full((8, 8, 3), 255, np.uint8)
    assert run(work(MarkingNetwork(), 16, 16), pixels).pixels[3, 3].tolist() == [255, 153, 51]


@each_case("by", [True, False])
@each_case("channels", [1, 3, 4])
@each_case("value", [0, 128, 255])
def test_transparency_that_is_the_same_everywhere_stays_just_that(
    value: int, channels: int, by: bool
) -> None:
    alpha = np.full((12, 16), value, np.uint8)
    network = FakeNetwork(traits(channels=channels))
    result = run(work(network, 30, 20), picture(7, 12, 16), alpha, by)
    assert result.alpha is not None
    assert result.alpha.shape == (20, 30)
    assert (result.alpha == value).all()


def test_transparency_goes_through_the_network_or_the_kernel() -> None:
    pixels, alpha = picture(8, 12, 16), picture(9, 12, 16, 1)[..., 0]
    by_network = run(work(FakeNetwork(), 32, 24), pixels, alpha, True).alpha
    by_kernel = run(work(FakeNetwork(), 32, 24), pixels, alpha, False).alpha
    np.testing.assert_array_equal(by_network, nearest(alpha[..., None], 2)[..., 0])
    assert by_kernel is not None
    assert by_kernel.shape == by_network.shape
    assert (by_kernel != by_network).any()


def test_colour_under_transparent_pixels_does_not_bleed() -> None:
    pixels = np.full((16, 16, 3), (255, 0, 255), np.uint8)
    alpha = np.zeros((16, 16), np.uint8)
    pixels[4:12, 4:12], alpha[4:12, 4:12] = (10, 200, 30), 255
    result = run(work(FakeNetwork(), 40, 40), pixels, alpha, False)
    visible = result.pixels[result.alpha > 0].astype(int)
    assert np.abs(visible - (10, 200, 30)).max() <= 2


def test_a_network_of_four_channels_gets_transparency_with_the_colour() -> None:
    network = MarkingNetwork(traits(channels=4))
    pixels, alpha = np.full((8, 8, 3), 255, np.uint8), np.full((8, 8), 255, np.uint8)
    alpha[0, 0] = 0
    result = run(work(network, 16, 16), pixels, alpha)
    assert result.alpha is not None
    assert result.alpha[5, 5] == 51
    assert run(work(network, 16, 16), pixels).alpha is None


def test_colour_is_mixed_as_light_if_wanted_but_never_transparency() -> None:
    pixels, alpha = picture(13, 20, 20), picture(14, 20, 20, 1)[..., 0]
    for by in (True, False):
        plain = run(work(FakeNetwork(), 30, 30), pixels, alpha, by)
        light = run(work(FakeNetwork(), 30, 30, linear_light=True), pixels, alpha, by)
        assert (plain.pixels != light.pixels).any()
        np.testing.assert_array_equal(plain.alpha, light.alpha)


def test_the_last_resampling_is_told_and_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a loaded machine it is asked between operators, too, which would be counted.
    monkeypatch.setattr("lib_upscalers.tiling.watch._CHECK_SECONDS", math.inf)
    pixels = picture(15, 40, 40)
    recorder = Recorder()
    work(FakeNetwork(), 70, 70).run(lab_picture(pixels), recorder, alpha_by_network=True)
    before = next(i for i, (step, total, _) in enumerate(recorder.steps) if step > 0.94 * total)
    assert recorder.steps[before][0] < recorder.steps[before][1]
    with pytest.raises(Cancelled):
        work(FakeNetwork(), 70, 70).run(
            lab_picture(pixels), Recorder(cancel_at=recorder.checks - 1), alpha_by_network=True
        )


@each_case("channels", [1, 3, 4])
def test_progress_never_goes_back_and_ends_at_the_end(channels: int) -> None:
    recorder = Recorder()
    network = FakeNetwork(traits(channels=channels))
    alpha = picture(10, 30, 40, 1)[..., 0]
    job = replace(work(network, 300, 200), job=replace(JOB, tile=32))
    job.run(lab_picture(picture(11, 30, 40), alpha), recorder, alpha_by_network=True)
    fractions = [step / total for step, total, _ in recorder.steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


def test_metadata_goes_along() -> None:
    metadata = Metadata(text={"parameters": "a cat"})
    source = Picture(picture(12, 8, 8), None, metadata)
    result = work(FakeNetwork(), 16, 16).run(source, NULL, alpha_by_network=True).picture
    assert result.metadata == metadata


@each_case("takes, gives", [(1, 3), (3, 1)])
@each_case("has", [1, 3])
@each_case("factor", [2, 4])
def test_networks_between_grey_and_colour_leave_the_picture_its_channels(
    takes: int, gives: int, has: int, factor: int
) -> None:
    network = ColourNetwork(traits(channels=takes, output_channels=gives))
    pixels = np.repeat(picture(31, 10, 20)[..., :1], has, axis=2)
    result = run(work(network, 20 * factor, 10 * factor), pixels)
    np.testing.assert_array_equal(result.pixels, nearest(pixels, factor))
