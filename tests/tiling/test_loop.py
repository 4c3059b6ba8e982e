"""The loop: tiled equals whole, whatever the size, the tile, and what goes wrong on the way."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lib_upscalers.errors import Cancelled, InputError, MemoryExhaustedError, ModelError
from lib_upscalers.network import MemoryUse
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.policy import Job
from tests.cases import each_case
from tests.tiling.fakes import (
    FakeNetwork,
    HungryNetwork,
    LookingNetwork,
    MarkingNetwork,
    MedianNetwork,
    OverflowingNetwork,
    WindowNetwork,
    traits,
)

if TYPE_CHECKING:
    from lib_upscalers.network import Network

CPU = torch.device("cpu")
JOB = Job(device=CPU, free_memory=lambda _: 2**33)


def picture(
    seed: int, height: int, width: int, channels: int = 3, dtype: str = "uint8"
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.random((height, width, channels), dtype=np.float32)
    if dtype == "float32":
        return values
    return (values * np.iinfo(dtype).max).astype(dtype)


def enlarged(network: Network, pixels: np.ndarray, **changes: object) -> np.ndarray:
    return run_network(network, pixels, replace(JOB, **changes)).pixels


def nearest(pixels: np.ndarray, scale: int) -> np.ndarray:
    return pixels.repeat(scale, 0).repeat(scale, 1)


class Recorder:
    """Keeps what it is told and cancels at a chosen check."""

    def __init__(self, cancel_at: int = -1) -> None:
        self.steps: list[tuple[int, int, str]] = []
        self.checks = 0
        self._cancel_at = cancel_at

    def update(self, step: int, total: int, text: str = "") -> None:
        self.steps.append((step, total, text))

    def check_cancelled(self) -> None:
        self.checks += 1
        if self.checks - 1 == self._cancel_at:
            raise Cancelled


@pytest.mark.slow
@each_case("seed", range(80))
def test_copied_pixels_are_exact_for_every_size_tile_overlap_batch_and_scale(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    scale, channels = rng.choice([1, 2, 3, 4, 8]), rng.choice([1, 3, 4])
    pixels = picture(seed, rng.randint(1, 300), rng.randint(1, 300), channels)
    network = FakeNetwork(
        traits(
            scale=scale,
            channels=channels,
            minimum=rng.choice([0, 0, 16, 64]),
            multiple_of=(step := rng.choice([1, 1, 2, 8, 16])),
            alignment=step,
            square=rng.random() < 0.2,
        )
    )
    tile = rng.choice([None, 32, 48, 64, 128])
    overlap = rng.choice([None, 0, 4, 8])
    border = rng.choice(["none", "reflect", "replicate", "wrap"])
    batch = rng.choice([None, 1, 4])
    result = enlarged(network, pixels, tile=tile, overlap=overlap, border=border, batch=batch)
    np.testing.assert_array_equal(result, nearest(pixels, scale))


@each_case("dtype", ["uint8", "uint16", "float32"])
@each_case("out", ["uint8", "uint16", "float32"])
def test_every_type_goes_in_and_out(dtype: str, out: str) -> None:
    pixels = picture(1, 70, 90, dtype=dtype)
    result = run_network(FakeNetwork(), pixels, replace(JOB, tile=32), dtype=np.dtype(out)).pixels
    assert result.dtype == out
    top = {"uint8": 255, "uint16": 65535, "float32": 1}
    expected = nearest(pixels, 2).astype(np.float64) * (top[out] / top[dtype])
    np.testing.assert_allclose(result, expected, atol=0.5001 if out != "float32" else 1e-6)


@pytest.mark.slow
@each_case("seed", range(25))
def test_with_a_halo_that_reaches_far_enough_tiled_equals_whole(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    pixels = picture(seed, rng.randint(40, 200), rng.randint(40, 200))
    network = LookingNetwork(distance=(distance := rng.randint(1, 9)))
    whole = enlarged(network, pixels, tile=256)
    overlap = rng.choice([distance, distance + 1, 11])
    tiled = enlarged(network, pixels, tile=rng.choice([32, 40, 64]), overlap=overlap)
    np.testing.assert_array_equal(tiled, whole)


@each_case("distance", [1, 5, 12, 30])
def test_the_halo_is_found_by_measuring(distance: int) -> None:
    pixels = picture(distance, 400, 300)
    network = LookingNetwork(distance=distance)
    whole = enlarged(network, pixels, tile=512)
    tiled = enlarged(network, pixels, tile=256)
    assert len(network.calls) > 3
    assert network.profile.reach is not None
    assert distance <= network.profile.reach.halo <= 2 * distance + 2
    np.testing.assert_array_equal(tiled, whole)


def test_too_little_overlap_shows() -> None:
    pixels = picture(3, 120, 120)
    network = LookingNetwork(distance=9)
    whole = enlarged(network, pixels, tile=256)
    assert (enlarged(network, pixels, tile=64, overlap=8) != whole).any()


@pytest.mark.slow
@each_case("seed", range(20))
def test_windows_lie_where_they_lie_in_the_whole_picture(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    network = WindowNetwork(traits(alignment=8, multiple_of=8))
    pixels = picture(seed, rng.randint(30, 150), rng.randint(30, 150))
    whole = enlarged(network, pixels, tile=256)
    np.testing.assert_array_equal(enlarged(network, pixels, tile=48), whole)


@each_case("border", ["reflect", "replicate", "wrap"])
def test_the_border_is_what_the_network_sees_beyond_the_edge(border: str) -> None:
    pixels = picture(5, 60, 50)
    modes = {"reflect": "reflect", "replicate": "edge", "wrap": "wrap"}
    padded = np.pad(pixels, ((9, 9), (9, 9), (0, 0)), mode=modes[border])
    network = LookingNetwork(distance=4)
    expected = enlarged(network, padded, tile=256)[18:-18, 18:-18]
    for tile in (None, 32):
        result = enlarged(network, pixels, border=border, tile=tile, overlap=8)
        np.testing.assert_array_equal(result, expected)


def test_a_seamless_texture_stays_seamless() -> None:
    pixels = picture(6, 48, 64)
    network = LookingNetwork(distance=4)
    result = enlarged(network, pixels, border="wrap", overlap=6)
    moved = enlarged(network, np.roll(pixels, (11, 23), axis=(0, 1)), border="wrap", overlap=6)
    np.testing.assert_array_equal(np.roll(result, (22, 46), axis=(0, 1)), moved)


def test_networks_get_red_green_blue() -> None:
    white = np.full((40, 40, 3), 255, np.uint8)
    result = enlarged(MarkingNetwork(), white, tile=32)
    assert result[0, 0].tolist() == [255, 153, 51]


def test_a_network_whose_tiles_never_agree_leaves_no_step_between_them() -> None:
    ramp = np.linspace(0, 255, 400).astype(np.uint8)
    pixels = np.broadcast_to(ramp[None, :, None], (300, 400, 3)).copy()
    network = MedianNetwork()
    hard = enlarged(network, pixels, tile=96, overlap=0).astype(int)
    soft = enlarged(network, pixels, tile=96, free_memory=lambda _: 0).astype(int)

    def step(result: np.ndarray) -> int:
        return int(np.abs(np.diff(result, axis=1)).max())

    assert step(hard) > 20
    assert step(soft) < step(hard) / 4
    assert np.abs(np.diff(soft, axis=0)).max() <= 2


def test_a_flat_picture_stays_flat_under_blending() -> None:
    pixels = np.full((200, 200, 3), 77, np.uint8)
    blended = enlarged(MedianNetwork(), pixels, tile=64, free_memory=lambda _: 0)
    assert (blended == 77).all()


@pytest.mark.slow
@each_case("error", ["memory", "cuda", "allocator"])
@each_case("position", range(9))
def test_wherever_memory_runs_out_the_result_is_the_same(position: int, error: str) -> None:
    errors = {
        "memory": MemoryError(),
        "cuda": torch.cuda.OutOfMemoryError("CUDA out of memory."),
        "allocator": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    }
    pixels = picture(7, 150, 130)
    network = HungryNetwork(fails_at=frozenset([position]), error=errors[error], distance=4)
    expected = enlarged(LookingNetwork(distance=4), pixels, tile=256)
    result = enlarged(network, pixels, tile=64, overlap=4)
    np.testing.assert_array_equal(result, expected)
    assert network.attempts > position


@each_case("tiling", ["supported", "discouraged", "internal"])
@each_case("tile", [None, 256])
def test_a_whole_picture_that_does_not_fit_goes_on_in_tiles_with_a_halo(
    tile: int | None, tiling: str
) -> None:
    pixels = picture(21, 150, 170)
    known = traits(tiling=tiling, minimum=16, multiple_of=2, alignment=2)
    expected = enlarged(LookingNetwork(known, distance=5), pixels, tile=256)
    network = HungryNetwork(known, most_pixels=9000, distance=5)
    np.testing.assert_array_equal(enlarged(network, pixels, tile=tile), expected)


def test_a_network_that_takes_squares_shrinks_until_it_fits() -> None:
    known = traits(square=True, multiple_of=16, alignment=16)
    network = HungryNetwork(known, most_pixels=96 * 96, distance=0)
    pixels = picture(22, 200, 240)
    np.testing.assert_array_equal(enlarged(network, pixels, tile=192), nearest(pixels, 2))


def test_a_network_that_takes_squares_is_not_fed_a_huge_one_for_a_narrow_picture() -> None:
    network = FakeNetwork(traits(square=True))
    enlarged(network, picture(23, 1, 4000), free_memory=lambda _: 2**24)
    assert max(h * w for _, _, h, w in network.calls) < 1000 * 1000


def test_a_hungry_network_is_not_given_a_whole_picture_on_a_cpu() -> None:
    network = LookingNetwork(distance=3)
    network.profile.memory["cpu/float32"] = MemoryUse(8_000.0, 800.0)
    assert run_network(network, picture(27, 512, 512), JOB).tiles > 4


def test_a_far_halo_does_not_drown_the_work_in_context() -> None:
    network = LookingNetwork(distance=24)
    network.profile.memory["cpu/float32"] = MemoryUse(10_000.0, 2_000.0)
    pixels = picture(24, 512, 512)
    result = enlarged(network, pixels)
    run = sum(h * w for _, _, h, w in network.calls)
    assert run < 2.2 * 512 * 512
    np.testing.assert_array_equal(result, enlarged(LookingNetwork(distance=24), pixels, tile=512))


def test_a_picture_in_16_bits_is_run_again_from_its_own_values() -> None:
    network = OverflowingNetwork(traits(supports_bf16=True))
    pixels = picture(25, 60, 60, dtype="uint16")
    result = run_network(network, pixels, replace(JOB, precision="bf16"))
    np.testing.assert_array_equal(result.pixels, nearest(pixels, 2))


def test_results_that_are_no_numbers_even_in_fp32_are_an_error() -> None:
    class Broken(FakeNetwork):
        def look(self, batch: torch.Tensor) -> torch.Tensor:
            return batch * float("nan")

    with pytest.raises(ModelError, match="no numbers"):
        enlarged(Broken(), picture(26, 20, 20))


@pytest.mark.slow
@each_case("seed", range(12))
def test_finished_tiles_are_not_run_again(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    fails = frozenset(rng.sample(range(12), 3))
    pixels = picture(seed, 170, 170)
    network = HungryNetwork(fails_at=fails, distance=2)
    recorder = Recorder()
    result = run_network(network, pixels, replace(JOB, tile=64, overlap=2), progress=recorder)
    np.testing.assert_array_equal(
        result.pixels, enlarged(LookingNetwork(distance=2), pixels, tile=256)
    )
    assert len(network.calls) - result.tiles <= 2  # the measurement of its reach
    steps = [step for step, _, _ in recorder.steps]
    assert steps == sorted(set(steps))
    assert recorder.steps[-1][:2] == (170 * 170, 170 * 170)


@each_case("most", [4000, 2000, 700])
def test_tiles_shrink_until_they_fit(most: int) -> None:
    pixels = picture(9, 140, 160)
    network = HungryNetwork(most_pixels=most, distance=3)
    result = enlarged(network, pixels, tile=128, overlap=3)
    np.testing.assert_array_equal(result, enlarged(LookingNetwork(distance=3), pixels, tile=256))
    assert max(n * h * w for n, _, h, w in network.calls) <= most


def test_batches_shrink_before_tiles_do() -> None:
    pixels = picture(10, 128, 128)
    network = HungryNetwork(most_pixels=2 * 32 * 32, distance=1)
    enlarged(network, pixels, tile=32, overlap=1, batch=8)
    assert {shape[0] for shape in network.calls} == {1, 2}  # the last one is left over
    assert min(min(shape[2:]) for shape in network.calls) > 16


def test_when_nothing_fits_the_error_names_network_and_picture() -> None:
    network = HungryNetwork(traits(name="Heavy 2x"), most_pixels=10)
    with pytest.raises(MemoryExhaustedError, match=r"120x100.*Heavy 2x.*smaller"):
        enlarged(network, picture(11, 100, 120), tile=64)


@each_case("position", range(10))
def test_wherever_the_user_cancels_the_work_stops_within_one_tile(
    position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a loaded machine it is asked between operators, too, which would be counted.
    monkeypatch.setattr("lib_upscalers.tiling.watch._CHECK_SECONDS", math.inf)
    network = FakeNetwork()
    recorder = Recorder(cancel_at=position)
    with pytest.raises(Cancelled):
        run_network(network, picture(12, 128, 128), replace(JOB, tile=32), progress=recorder)
    assert len(network.calls) <= position + 2  # the measurement of its reach takes two
    assert len(recorder.steps) == max(0, position - 1)


def test_numbers_that_are_none_are_run_again_in_fp32_and_remembered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = OverflowingNetwork(traits(supports_bf16=True))
    pixels = picture(13, 100, 100)
    result = run_network(network, pixels, replace(JOB, precision="bf16", tile=64))
    np.testing.assert_array_equal(result.pixels, nearest(pixels, 2))
    assert result.precision == "fp32"
    assert "fp32" in caplog.text
    before = len(network.placed)
    again = run_network(network, pixels, replace(JOB, precision="bf16", tile=64))
    assert again.precision == "fp32"
    assert {dtype for _, dtype in network.placed[before:]} == {torch.float32}


def test_a_precision_that_the_network_does_not_support_is_said_and_not_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = run_network(FakeNetwork(), picture(14, 40, 40), replace(JOB, precision="bf16"))
    assert result.precision == "fp32"
    assert "bf16" in caplog.text


def test_a_network_that_tiles_itself_gets_the_whole_picture() -> None:
    network = FakeNetwork(traits(tiling="internal"))
    enlarged(network, picture(15, 200, 300), tile=32)
    assert network.calls == [(1, 3, 200, 300)]


def test_a_network_that_discourages_tiling_gets_the_whole_picture_if_it_fits() -> None:
    pixels = picture(16, 1000, 1000, channels=1)
    network = FakeNetwork(traits(tiling="discouraged", channels=1, scale=1))
    enlarged(network, pixels)
    assert network.calls[-1] == (1, 1, 1000, 1000)
    enlarged(network, pixels, free_memory=lambda _: 2**20)
    assert network.calls[-1][2] < 1000


def test_small_pictures_are_not_padded_to_a_tile() -> None:
    network = FakeNetwork()
    enlarged(network, picture(17, 37, 11))
    assert network.calls == [(1, 3, 37, 11)]


@each_case(
    "tile, overlap, text",
    [(8, None, "at least 32"), (64, 32, "twice the overlap"), (64, -1, "0 or more")],
)
def test_a_tile_that_leaves_nothing_is_refused(tile: int, overlap: int | None, text: str) -> None:
    with pytest.raises(InputError, match=text):
        replace(JOB, tile=tile, overlap=overlap)


def test_a_picture_of_other_channels_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(H, W, 3\).*\(20, 20, 1\)"):
        enlarged(FakeNetwork(), picture(18, 20, 20, channels=1))


def test_what_was_measured_is_not_measured_again() -> None:
    network = LookingNetwork(distance=3)
    pixels = picture(19, 200, 200)
    first = run_network(network, pixels, replace(JOB, tile=64))
    calls = len(network.calls)
    second = run_network(network, pixels, replace(JOB, tile=64))
    assert calls - first.tiles == 2
    assert len(network.calls) - calls == second.tiles
