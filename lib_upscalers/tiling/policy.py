"""What is decided before the first tile runs."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Region
from lib_upscalers.network import Reach
from lib_upscalers.tiling.budget import fitting_pixels, most_pixels
from lib_upscalers.tiling.executor import OutOfMemory, memory_signal
from lib_upscalers.tiling.plan import Rules, Tile, plan_thrifty_tiles, plan_tiles
from lib_upscalers.tiling.probe import (
    LAYOUT_PROBE_PIXELS,
    faster_channels_last,
    feather,
    measure_memory,
    measure_reach,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.host import Precision
    from lib_upscalers.network import MemoryUse
    from lib_upscalers.tiling.executor import Executor
    from lib_upscalers.tiling.source import Border

LEAST_TILE = 32
_LEAST_CORE = 8
_MOST_BATCH = 16
_UNMEASURED = Reach(32, 0.0)

# A picture as small as the probe itself is run whole without asking.
_NOT_WORTH_MEASURING = 64 * 64
# On a CPU six forwards of the layout probe must be a small part of the work.
_WORTH_A_LAYOUT_PROBE = 60 * LAYOUT_PROBE_PIXELS


@dataclass(frozen=True)
class Job:
    """Where and how a picture is to go through a network.

    Attributes:
        device: Where it runs.
        free_memory: Tells how many bytes may be taken on a device.
        precision: In which precision.
        tile: The largest side of what goes through the network at once, overlap counted in,
            at least 32; None: what is fastest and fits.
        overlap: Context on each side of a tile; None: as far as the network looks, measured,
            and at most a quarter of the tile.
        border: What lies beyond the picture.
        batch: How many tiles go through the network at once; None: what fits.
        keeps_blocks: Whether the process keeps large blocks (`allocator.kept_blocks`).
    """

    device: torch.device
    free_memory: Callable[[torch.device], int]
    precision: Precision = "auto"
    tile: int | None = None
    overlap: int | None = None
    border: Border = "none"
    batch: int | None = None
    keeps_blocks: bool = False

    def __post_init__(self) -> None:
        """Check the tile and the overlap.

        Raises:
            InputError: They leave nothing of a tile.
        """
        if self.tile is not None and self.tile < LEAST_TILE:
            raise InputError(
                f"Expected a tile of at least {LEAST_TILE} pixels, but got {self.tile}: "
                "use a larger one, or leave it out."
            )
        if self.overlap is not None and self.overlap < 0:
            raise InputError(f"Expected an overlap of 0 or more pixels, but got {self.overlap}.")
        if self.tile and self.overlap and self.tile - 2 * self.overlap < _LEAST_CORE:
            raise InputError(
                f"Expected a tile larger than twice the overlap, but got tile {self.tile} and "
                f"overlap {self.overlap}: use a tile of at least "
                f"{2 * self.overlap + _LEAST_CORE}, or less overlap."
            )


@dataclass(frozen=True)
class Policy:
    """What was decided.

    Attributes:
        tiles: In reading order.
        rules: What they obey, and their halves too.
        batch: How many of them go through the network at once.
        band: Over how many pixels they are blended.
    """

    tiles: tuple[Tile, ...]
    rules: Rules
    batch: int = 1
    band: int = 0


def make_policy(executor: Executor, size: Size, job: Job) -> Policy:
    """Place the network, measure what is not known of it yet, and cut the picture.

    Raises:
        OutOfMemory: The device has no room for the network.
    """
    executor.place()
    if executor.network.traits.tiling == "internal" or _runs_untouched(size, job):
        return _whole(size)
    _choose_layout(executor, size)
    most = _most_pixels(executor, job)
    if job.border == "none" and job.tile is None and size.area <= most:
        return _whole(size)
    reach = _reach(executor)
    executor.place()
    return _tiled(executor, size, job, reach, most)


def _whole(size: Size) -> Policy:
    region = Region.whole(size)
    return Policy((Tile(region, region),), Rules())


def _runs_untouched(size: Size, job: Job) -> bool:
    largest = max(size.width, size.height)
    fits_tile = job.tile is None or largest <= job.tile
    small = size.area <= _NOT_WORTH_MEASURING or job.tile is not None
    return job.border == "none" and fits_tile and small


def _tiled(executor: Executor, size: Size, job: Job, reach: Reach, most: int) -> Policy:
    traits = executor.network.traits
    halo = reach.halo if job.overlap is None else job.overlap
    if job.overlap is None and job.tile is not None:
        halo = min(halo, job.tile // 4)
    largest = most if job.tile is None else min(most, job.tile**2)
    batch = job.batch or _batch(executor, most // max(1, largest))
    rules = Rules(
        halo=halo,
        alignment=traits.alignment,
        minimum=traits.minimum,
        square=traits.square,
        padded=job.border != "none",
        uniform=batch > 1,
    )
    if job.tile is None and executor.device.type == "cpu":
        tiles = plan_thrifty_tiles(size, rules, max_pixels=largest)
    else:
        tiles = plan_tiles(size, rules, max_pixels=largest, max_side=job.tile)
    return Policy(tiles, rules, batch, min(feather(reach), halo) if len(tiles) > 1 else 0)


def _batch(executor: Executor, room: int) -> int:
    return 1 if executor.device.type == "cpu" else max(1, min(_MOST_BATCH, room))


def _choose_layout(executor: Executor, size: Size) -> None:
    layouts = executor.network.profile.channels_last
    worth = executor.device.type != "cpu" or size.area >= _WORTH_A_LAYOUT_PROBE
    if not worth or executor.key in layouts:
        return
    network, device, dtype = executor.network, executor.device, executor.dtype
    with contextlib.suppress(OutOfMemory), memory_signal():
        layouts[executor.key] = faster_channels_last(network, device, dtype)


def _most_pixels(executor: Executor, job: Job) -> int:
    on_cpu = executor.device.type == "cpu"
    if job.tile is not None and on_cpu:
        return sys.maxsize
    memory = _memory(executor)
    if memory is None:
        return LEAST_TILE**2
    free = job.free_memory(executor.device)
    if executor.network.traits.tiling == "discouraged" or job.tile is not None:
        return fitting_pixels(memory, free)
    return most_pixels(memory, free, on_cpu=on_cpu, keeps_blocks=job.keeps_blocks)


def _memory(executor: Executor) -> MemoryUse | None:
    """Return what a forward allocates; None where not even the probe fits at the moment."""
    known = executor.network.profile.memory
    if executor.key not in known:
        network, device, dtype = executor.network, executor.device, executor.dtype
        with contextlib.suppress(OutOfMemory), memory_signal():
            known[executor.key] = measure_memory(network, device, dtype)
    return known.get(executor.key)


def _reach(executor: Executor) -> Reach:
    """Return how far the network looks; a guess where the probe does not fit at the moment."""
    profile = executor.network.profile
    if profile.reach is None:
        with contextlib.suppress(OutOfMemory), memory_signal():
            profile.reach = measure_reach(executor.network, executor.device)
    return profile.reach or _UNMEASURED
