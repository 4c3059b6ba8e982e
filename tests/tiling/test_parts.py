"""Blending, budgets, precision, the allocator, and what the probes measure."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from lib_upscalers.errors import MemoryExhaustedError
from lib_upscalers.geometry import Region
from lib_upscalers.network import MemoryUse, Profile, Reach
from lib_upscalers.tiling.allocator import glibc
from lib_upscalers.tiling.blend import lay_over, ramp, written_region
from lib_upscalers.tiling.exhaustion import naming_memory
from lib_upscalers.tiling.plan import Tile
from lib_upscalers.tiling.policy import fitting_pixels, most_pixels
from lib_upscalers.tiling.precision import dtype_ladder, place_key
from lib_upscalers.tiling.probe import feather, measure_memory, measure_reach
from lib_upscalers.tiling.tensor_memory import LiveMemory
from tests.tiling.fakes import FakeNetwork, LookingNetwork, MedianNetwork, traits

CPU = torch.device("cpu")
CUDA = torch.device("cuda", 0)


@pytest.mark.parametrize("length", [1, 2, 7, 16, 64])
def test_a_ramp_and_its_mirror_image_add_up_to_one(length: int) -> None:
    weights = ramp(length)
    np.testing.assert_allclose(weights + weights[::-1], 1, atol=1e-6)
    assert (np.diff(weights) > 0).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_laying_over_stays_between_what_was_there_and_what_comes(dtype: str) -> None:
    rng = np.random.default_rng(0)
    old, new = (rng.integers(0, 256, (20, 30, 3)).astype(dtype) for _ in range(2))
    mixed = lay_over(old, new, left=8, top=5)
    assert mixed.dtype == dtype
    assert (mixed >= np.minimum(old, new)).all()
    assert (mixed <= np.maximum(old, new)).all()
    np.testing.assert_array_equal(mixed[5:, 8:], new[5:, 8:])
    np.testing.assert_array_equal(lay_over(new, new, left=8, top=5), new)


def test_a_tile_reaches_over_left_and_upper_neighbours_only_within_its_source() -> None:
    tile = Tile(Region(40, 0, 20, 20), Region(30, 0, 40, 30))
    assert written_region(tile, 6) == Region(34, 0, 26, 20)
    assert written_region(tile, 16) == Region(30, 0, 30, 20)
    assert written_region(tile, 0) == tile.core
    below = Tile(Region(0, 40, 20, 20), Region(0, 30, 30, 40))
    assert written_region(below, 16) == Region(0, 30, 20, 30)


@pytest.mark.parametrize("free", [2**20, 2**28, 2**33])
@pytest.mark.parametrize("retains_memory", [True, False])
def test_what_is_fast_on_a_cpu_never_exceeds_what_fits(free: int, retains_memory: bool) -> None:
    memory = MemoryUse(peak=3000.0, largest=700.0)
    fits = fitting_pixels(memory, free)
    assert fits * memory.peak < free
    assert most_pixels(memory, free, on_cpu=False, retains_memory=retains_memory) == fits
    assert 1 <= most_pixels(memory, free, on_cpu=True, retains_memory=retains_memory) <= fits


def test_where_blocks_are_not_kept_no_tensor_is_as_large_as_one_that_is_given_back() -> None:
    memory = MemoryUse(peak=600.0, largest=300.0)
    pixels = most_pixels(memory, 2**40, on_cpu=True, retains_memory=False)
    assert 16 * 2**20 < pixels * memory.largest < 32 * 2**20


@pytest.mark.parametrize(
    ("precision", "fp16", "bf16", "expected"),
    [
        ("auto", True, True, ["float32"]),
        ("fp32", True, True, ["float32"]),
        ("bf16", True, True, ["bfloat16", "float32"]),
        ("bf16", True, False, ["float32"]),
        ("fp16", True, True, ["float16", "bfloat16", "float32"]),
        ("fp16", False, True, ["bfloat16", "float32"]),
    ],
)
def test_the_ladder_ends_in_fp32_and_holds_only_what_is_supported(
    precision: str, fp16: bool, bf16: bool, expected: list[str]
) -> None:
    known = traits(supports_fp16=fp16, supports_bf16=bf16)
    ladder = dtype_ladder(known, Profile(), CPU, precision)  # type: ignore[arg-type]
    assert [str(dtype) for dtype in ladder] == [f"torch.{name}" for name in expected]


def test_on_a_gpu_half_precision_is_the_default_until_it_failed() -> None:
    known, profile = traits(supports_fp16=True), Profile()
    assert dtype_ladder(known, profile, CUDA, "auto") == [torch.float16, torch.float32]
    profile.unstable.add(place_key(CUDA, torch.float16))
    assert dtype_ladder(known, profile, CUDA, "auto") == [torch.float32]


def test_live_tensors_are_counted_until_they_die() -> None:
    mebi = 2**20
    with LiveMemory() as live:
        first = torch.zeros(mebi // 4)
        second = first + 1
        second.add_(1)
        view = second[10:]
        del first, second, view
        third = torch.zeros(3 * mebi // 4)
    assert live.peak == 3 * mebi
    assert live.largest == third.untyped_storage().nbytes()


@pytest.mark.slow
def test_counting_loads_no_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from lib_upscalers.tiling.tensor_memory import LiveMemory\n"
        "with torch.inference_mode(), LiveMemory():\n"
        "    torch.rand(4, 4).repeat_interleave(2, -1)\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_network_that_holds_more_is_measured_as_holding_more(scale: int) -> None:
    network = FakeNetwork(traits(scale=scale))
    network.place(CPU, torch.float32, channels_last=True)
    memory = measure_memory(network, CPU, torch.float32)
    assert 12 * scale**2 <= memory.largest <= memory.peak <= 80 * scale**2


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_reach_is_the_distance_at_which_a_cut_no_longer_shows(scale: int) -> None:
    for distance in (0, 2, 10, 20):
        network = LookingNetwork(traits(scale=scale), distance=distance)
        reach = measure_reach(network, CPU)
        assert distance <= reach.halo <= distance * 1.5 + 2
        assert reach.seam <= 0.25
        assert feather(reach.seam, reach.halo) == 0


def test_a_network_whose_tiles_never_agree_has_a_seam_and_is_blended() -> None:
    reach = measure_reach(MedianNetwork(), CPU)
    assert reach.seam > 1
    assert not reach.sites
    assert 0 < feather(reach.seam, reach.halo) <= reach.halo


def test_a_network_with_windows_is_measured_at_the_places_where_they_lie() -> None:
    known = traits(alignment=32, multiple_of=32, minimum=64)
    assert measure_reach(FakeNetwork(known), CPU) == Reach(2, 0.0)
    assert measure_reach(FakeNetwork(replace(known, square=True)), CPU).halo > 0


_KEPT = """
import os, numpy as np
from lib_upscalers.tiling.allocator import retained_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

np.ones(1)
before = resident()
with retained_memory(enabled=WANTED) as kept:
    assert kept is WANTED
    block = np.ones(200_000_000, np.uint8)
    del block
    inside = resident() - before
print(inside // 10**6, (resident() - before) // 10**6)
"""


@pytest.mark.skipif(glibc() is None, reason="only glibc can be told to keep its blocks")
@pytest.mark.parametrize("wanted", [True, False])
def test_memory_is_kept_during_the_work_and_given_back_after_it(wanted: bool) -> None:
    code = _KEPT.replace("WANTED", str(wanted))
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    inside, after = (int(part) for part in output.split())
    assert (inside > 150) is wanted
    assert after < 50


@pytest.mark.parametrize(
    "error", [MemoryError(), MemoryError("numpy"), ImportError("x.so: failed to map segment")]
)
def test_a_lack_of_memory_is_named_with_its_purpose(error: Exception) -> None:
    named = pytest.raises(MemoryExhaustedError, match="memory to test, but it ran out")
    with named, naming_memory(lambda: "to test"):
        raise error


def test_other_errors_are_no_lack_of_memory() -> None:
    for error in (ImportError("No module named x"), ValueError("x")):
        with pytest.raises(type(error), match="x"), naming_memory("to test"):
            raise error
