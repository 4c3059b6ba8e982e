"""Decide the size of tiles, their context and their number at once, before the first one runs."""

from __future__ import annotations

import logging
import math
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Region
from lib_upscalers.network import Reach
from lib_upscalers.tiling.executor import measuring
from lib_upscalers.tiling.padding import required_size
from lib_upscalers.tiling.plan import LEAST_CORE, Rules, Tile, plan_thrifty_tiles, plan_tiles
from lib_upscalers.tiling.probe import (
    LAYOUT_PROBE_PIXELS,
    SEAM,
    measure_layout,
    measure_memory,
    measure_reach,
)
from lib_upscalers.tiling.tile_context import Context, choose_context

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from lib_upscalers.geometry import Border, Size
    from lib_upscalers.host import Precision
    from lib_upscalers.network import MemoryUse
    from lib_upscalers.tiling.executor import Executor

_log = logging.getLogger("lib_upscalers")

LEAST_TILE = 32
_MOST_BATCH = 16
_MODEST_TILE = 512
_STEPS = 8
# What each doubling over the fast size costs, about: between 1.07 (ESRGAN) and 1.4 (SwinIR).
_SLOWER = 1.15
_UNMEASURED = Reach(32, 0.0)

# A picture as small as the probe itself is run whole without asking.
_NOT_WORTH_MEASURING = 64 * 64
# On a CPU six forwards of the layout probe must be a small part of the work.
_WORTH_A_LAYOUT_PROBE = 60 * LAYOUT_PROBE_PIXELS


_MIB = 2**20
# glibc's malloc maps every block of 32 MiB or more afresh and unmaps it when it is freed, so that
# each forward faults its pages in again: up to twice the time (`benchmarks/engine.py`). Other
# systems' allocators have a limit of the same kind; below it they are all fast. A third remains for
# what an operator needs beside its tensors.
_REUSED_BLOCK = 22 * _MIB
_CPU_WORKING_SET = 96 * _MIB
_SHARE = 0.8
# In seconds, for one operator: a forward is cancelled between operators alone. Two at most is what
# a person waits after "Interrupt"; the rest is for what a larger picture costs more.
_PATIENCE = 1.6


@dataclass(frozen=True)
class Job:
    """Where and how a picture runs through a network.

    Attributes:
        device: Where it runs.
        free_memory: Returns how many bytes may be allocated on a device.
        precision: In which precision.
        tile: The largest side of a tile, overlap included, at least 32; more where the network's
            windows ask for it and, without an overlap, where its reach does or its tiles would
            differ; None: what is fastest and fits.
        overlap: Context on each side of a tile; None: as far as the network looks, measured.
        border: What lies beyond the picture.
        batch: How many tiles run at once; None: what fits.
        retains_memory: Whether the process retains freed memory (`allocator.retained_memory`).
        backend: By what networks on a CPU are computed: a `host.Backend`, or a Vulkan device.
    """

    device: torch.device
    free_memory: Callable[[torch.device], int]
    precision: Precision = "auto"
    tile: int | None = None
    overlap: int | None = None
    border: Border = "none"
    batch: int | None = None
    retains_memory: bool = False
    backend: str = "torch"

    def __post_init__(self) -> None:
        """Check the tile and the overlap.

        Raises:
            InputError: A tile would have no core.
        """
        if self.tile is not None and self.tile < LEAST_TILE:
            raise InputError(
                f"Expected a tile of at least {LEAST_TILE} pixels, but got {self.tile}: "
                "use a larger one, or leave it out."
            )
        if self.overlap is not None and self.overlap < 0:
            raise InputError(f"Expected an overlap of 0 or more pixels, but got {self.overlap}.")
        if self.tile and self.overlap and self.tile - 2 * self.overlap < LEAST_CORE:
            raise InputError(
                f"Expected a tile larger than twice the overlap, but got tile {self.tile} and "
                f"overlap {self.overlap}: use a tile of at least "
                f"{2 * self.overlap + LEAST_CORE}, or less overlap."
            )


@dataclass(frozen=True)
class Policy:
    """How a picture is cut, before its first tile runs.

    Attributes:
        tiles: In reading order.
        rules: What they obey, and their halves too; None for a whole picture; if it has to be
            halved, `make_rules` returns them.
        batch: How many of them run at once.
        context: How much context they have; None for a whole picture.
    """

    tiles: tuple[Tile, ...]
    rules: Rules | None
    batch: int = 1
    context: Context | None = None


def make_policy(executor: Executor, size: Size, job: Job) -> Policy:
    """Place the network, measure what its profile lacks, and cut the picture.

    Raises:
        OutOfMemory: The device has no room for the network.
    """
    executor.place()
    traits = executor.network.traits
    fed = required_size(size, traits)
    internal = traits.tiling == "internal" and job.border == "none"
    if internal or _runs_whole_unmeasured(fed, job):
        return _whole_policy(size)
    _choose_layout(executor, size)
    room = _room(executor, job)
    if job.border == "none" and _fits_whole(executor, fed, job, room):
        if job.tile is not None:
            _report_raised(executor, job.tile, "the whole picture")
        return _whole_policy(size)
    return _tiled_policy(executor, size, job, room)


def _fits_whole(executor: Executor, fed: Size, job: Job, room: _Room) -> bool:
    """Return whether the picture runs whole."""
    if job.tile is None:
        if not room.fast < fed.area <= room.fits:
            return fed.area <= room.fast
        return _tiles_cost_more(_measured_reach(executor))
    costs_more = job.overlap is None and _tiles_cost_more(_measured_reach(executor))
    return costs_more and fed.area <= _spare(executor, job)


def _spare(executor: Executor, job: Job) -> int:
    """Return to how many pixels a tile may be raised that the user has set."""
    return _measured_room(executor, job, share=0.5).fits


def _tiles_cost_more(reach: Reach) -> bool:
    """Return whether tiles cost more than a whole picture that is larger than is fast.

    They do where statistics have to be gathered first, and where they would be blended.
    """
    return bool(reach.sites) or reach.seam > SEAM


def _whole_policy(size: Size) -> Policy:
    region = Region.whole(size)
    return Policy((Tile(region, region),), None)


def _runs_whole_unmeasured(size: Size, job: Job) -> bool:
    largest = max(size.width, size.height)
    fits_tile = job.tile is None or largest <= job.tile
    modest = job.tile is not None and job.tile <= _MODEST_TILE
    small = size.area <= _NOT_WORTH_MEASURING or modest
    return job.border == "none" and fits_tile and small


def make_rules(executor: Executor, job: Job) -> tuple[Rules, Context]:
    """Return the rules that tiles obey, and how much context they have.

    The network may have to be placed again afterwards.
    """
    traits = executor.network.traits
    reach = _measured_reach(executor)
    differs = _tiles_cost_more(reach)

    def largest_side() -> int:
        room = _spare(executor, job) if differs else _measured_room(executor, job).fits
        return math.isqrt(room)

    context = choose_context(reach, job.tile, job.overlap, largest_side, differs=differs)
    if context.tile is not None and context.tile != job.tile and job.tile is not None:
        _report_raised(executor, job.tile, f"{context.tile} pixels")
    rules = Rules(
        halo=context.halo,
        alignment=math.lcm(traits.alignment, reach.alignment),
        minimum=traits.minimum,
        square=traits.square,
        padded=job.border != "none",
    )
    return rules, context


def _report_raised(executor: Executor, tile: int, larger: str) -> None:
    network = executor.network
    if tile in network.profile.raised:
        return
    network.profile.raised.add(tile)
    reach = _measured_reach(executor)
    looks_everywhere = _tiles_cost_more(reach)
    distance = "at the whole picture" if looks_everywhere else f"{reach.halo} pixels far"
    _log.warning(
        "%s looks %s: tiles of %d pixels are raised to %s; set an overlap if they are to stay.",
        network.traits.name,
        distance,
        tile,
        larger,
    )


def _tiled_policy(executor: Executor, size: Size, job: Job, room: _Room) -> Policy:
    rules, context = make_rules(executor, job)
    if job.tile is None and not context.reach.sites and executor.device.type == "cpu":
        return Policy(_fastest(size, rules, room), rules, job.batch or 1, context)
    largest = room.fits if context.tile is None else min(room.fits, context.tile**2)
    batch = (
        1
        if context.reach.sites
        else job.batch or _batch_size(executor, room.fits // max(1, largest))
    )
    rules = replace(rules, uniform=batch > 1)
    tiles = plan_tiles(size, rules, max_pixels=largest, max_side=context.tile)
    return Policy(tiles, rules, batch, context)


def _fastest(size: Size, rules: Rules, room: _Room) -> tuple[Tile, ...]:
    """Choose between tiles above the fast size and smaller ones, which waste more on halos."""
    limits = sorted({min(room.fits, room.fast << step) for step in range(_STEPS)})
    costs = [
        sum(tile.source.area for tile in plan_tiles(size, rules, max_pixels=limit)) * _SLOWER**step
        for step, limit in enumerate(limits)
    ]
    return plan_thrifty_tiles(size, rules, max_pixels=limits[costs.index(min(costs))])


def _batch_size(executor: Executor, room: int) -> int:
    return 1 if executor.device.type == "cpu" else max(1, min(_MOST_BATCH, room))


def _choose_layout(executor: Executor, size: Size) -> None:
    layouts = executor.network.profile.channels_last
    worth = executor.device.type != "cpu" or size.area >= _WORTH_A_LAYOUT_PROBE
    if not worth or executor.key in layouts:
        return
    network, device, dtype = executor.network, executor.device, executor.dtype
    with measuring(executor):
        layout = measure_layout(network, device, dtype)
        layouts[executor.key] = layout.channels_last
        network.profile.slowest[executor.key] = layout.slowest


@dataclass(frozen=True)
class _Room:
    """How many input pixels a forward may have to be fast, and how many to fit into memory."""

    fast: int
    fits: int


def _room(executor: Executor, job: Job) -> _Room:
    on_cpu = executor.device.type == "cpu"
    if job.tile is not None and on_cpu and job.tile <= _MODEST_TILE:
        return _Room(sys.maxsize, sys.maxsize)
    return _measured_room(executor, job)


def _measured_room(executor: Executor, job: Job, share: float = 1.0) -> _Room:
    on_cpu = executor.device.type == "cpu"
    memory = measured_memory(executor)
    if memory is None:
        return _Room(LEAST_TILE**2, LEAST_TILE**2)
    free = int(job.free_memory(executor.device) * share / executor.memory_factor)
    fits = min(fitting_pixels(memory, free), _patient_pixels(executor))
    if executor.network.traits.tiling == "discouraged":
        return _Room(fits, fits)
    fast = most_pixels(memory, free, on_cpu=on_cpu, retains_memory=job.retains_memory)
    return _Room(min(fast, fits), fits)


def _patient_pixels(executor: Executor) -> int:
    """Return how many input pixels a forward may have so that it can be cancelled soon."""
    slowest = executor.network.profile.slowest.get(executor.key, 0.0)
    return max(LEAST_TILE**2, int(_PATIENCE / slowest)) if slowest else sys.maxsize


def most_pixels(memory: MemoryUse, free: int, *, on_cpu: bool, retains_memory: bool) -> int:
    """Return how many input pixels a forward should have at most: what fits and is fast.

    Args:
        memory: What a forward allocates, in bytes an input pixel.
        free: Bytes that may be allocated on the device.
        on_cpu: Whether the device is a CPU: there large forwards are not the fastest.
        retains_memory: Whether the process retains freed memory (`allocator.retained_memory`), so
            that the size of blocks does not matter to a CPU.
    """
    fits = fitting_pixels(memory, free)
    if not on_cpu:
        return fits
    fast = int(_CPU_WORKING_SET / max(memory.peak, 1.0))
    if not retains_memory:
        fast = min(fast, int(_REUSED_BLOCK / max(memory.largest, 1.0)))
    return max(1, min(fits, fast))


def fitting_pixels(memory: MemoryUse, free: int) -> int:
    """Return how many input pixels fit into memory in one forward, with a reserve."""
    return max(1, int(free * _SHARE / max(memory.peak, 1.0)))


def measured_memory(executor: Executor) -> MemoryUse | None:
    """Return what a forward allocates; None where not even the probe fits at the moment."""
    known = executor.network.profile.memory
    if executor.key not in known:
        network, device, dtype = executor.network, executor.device, executor.dtype
        with measuring(executor):
            known[executor.key] = measure_memory(network, device, dtype)
    return known.get(executor.key)


def _measured_reach(executor: Executor) -> Reach:
    """Return how far the network looks; a guess where the probe does not fit at the moment."""
    profile = executor.network.profile
    if profile.reach is None:
        with measuring(executor):
            profile.reach = measure_reach(executor.network, executor.device)
    return profile.reach or _UNMEASURED
