"""Enlarge a picture tile by tile, straight into the result's type."""

from __future__ import annotations

import gc
import logging
import math
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.errors import InputError, MemoryExhaustedError
from lib_upscalers.geometry import Size
from lib_upscalers.progress import NULL
from lib_upscalers.tiling.blend import lay_over, written_region
from lib_upscalers.tiling.executor import OutOfMemory
from lib_upscalers.tiling.plan import plan_tiles, split_tile
from lib_upscalers.tiling.policy import make_policy, make_rules
from lib_upscalers.tiling.stops import Stops, make_stops
from lib_upscalers.tiling.tile_context import TilingNote, gathering_halo
from lib_upscalers.tiling.ways import Ways

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import torch
    from numpy.typing import NDArray

    from lib_upscalers.network import Network, StatisticSite
    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.plan import Rules, Tile
    from lib_upscalers.tiling.policy import Job, Policy
    from lib_upscalers.tiling.statistics import Parts, Statistics
    from lib_upscalers.tiling.tile_context import Context
    from lib_upscalers.tiling.watch import Key

_log = logging.getLogger("lib_upscalers")


@dataclass(frozen=True)
class Enlarged:
    """An enlarged picture, and how it was computed.

    Attributes:
        pixels: Shape (H * scale, W * scale, C).
        tiles: In how many tiles.
        precision: In which precision the last one ran, and by what if not by torch.
        device: Where the last one ran.
        note: What was decided about tiles.
    """

    pixels: NDArray[Any]
    tiles: int
    precision: str
    device: str
    note: TilingNote


def run_network(
    network: Network,
    pixels: NDArray[Any],
    job: Job,
    *,
    dtype: np.dtype[Any] | None = None,
    deep: bool | None = None,
    progress: Progress = NULL,
) -> Enlarged:
    """Enlarge a picture with a network.

    The result does not depend on free memory: a tile that does not fit is halved, and if the
    smallest tile does not fit, the rest runs on the CPU. Finished tiles are never repeated.

    Args:
        network: What enlarges it; nobody else may use it meanwhile.
        pixels: Shape (H, W, C), C as the network has it; uint8, uint16 or float32 in [0, 1].
        job: Where and how.
        dtype: The type of the result; that of `pixels` when left out.
        deep: Whether more than 8 bits matter, so that "auto" is not bf16 on a CPU; by default if
            both types have more.
        progress: Updated after every tile, in input pixels; can cancel within a tile.

    Raises:
        InputError: The picture's channels, or the job's tile and overlap, do not fit.
        MemoryExhaustedError: Not even the smallest tile fits on the CPU.
        ModelError: The network gives NaN or infinity, even in fp32.
        Cancelled: `progress` raises it.
    """
    import torch

    traits = network.traits
    if pixels.ndim != 3 or pixels.shape[2] != traits.channels or 0 in pixels.shape:
        raise InputError(
            f"Expected a picture of shape (H, W, {traits.channels}) for {traits.name}, "
            f"but got {pixels.shape}: convert its channels first."
        )
    with torch.inference_mode():
        dtype = np.dtype(dtype or pixels.dtype)
        if deep is None:
            deep = min(pixels.itemsize, dtype.itemsize) > 1
        return _Loop(network, pixels, job, dtype, progress, deep=deep).run()


class _Loop:
    """The state of one run: tiles done, tiles to do, the device."""

    def __init__(
        self,
        network: Network,
        pixels: NDArray[Any],
        job: Job,
        dtype: np.dtype[Any],
        progress: Progress,
        *,
        deep: bool,
    ) -> None:
        self._network = network
        self._pixels = pixels
        self._job = job
        self._dtype = dtype
        self._progress = progress
        self._size = Size(pixels.shape[1], pixels.shape[0])
        self._ways = Ways(network, job, self._size, progress, deep=deep)
        self._executor = self._ways.executor(job.device)
        self._remaining: deque[Tile] = deque()
        self._most_pixels = 0
        self._batch = 1
        self._context: Context | None = None
        self._rules: Rules | None = None
        self._statistics: dict[Key, torch.Tensor] = {}
        self._stops = Stops()
        self._largest = Size(0, 0)
        self._done = 0
        self._total = self._size.area
        self._count = 0

    def run(self) -> Enlarged:
        self._progress.check_cancelled()
        self._executor = self._ways.measured(self._executor)
        policy = self._make_policy()
        self._remaining.extend(policy.tiles)
        self._batch, self._context, self._rules = policy.batch, policy.context, policy.rules
        self._most_pixels = max(tile.source.area for tile in policy.tiles)
        output = self._empty_result()
        if len(policy.tiles) > 1:
            self._share_statistics()
        while self._remaining:
            self._progress.check_cancelled()
            tiles = self._next_batch()
            results = self._attempt(tiles)
            if results is None:
                self._make_smaller(tiles)
                continue
            for tile, result in zip(tiles, results, strict=True):
                self._write(output, tile, result)
            self._report(f"tile {self._count}/{self._count + len(self._remaining)}")
        executor = self._executor
        precision, device = executor.precision, executor.place_name
        return Enlarged(output, self._count, precision, device, self._tiling_note())

    def _tiling_note(self) -> TilingNote:
        context = self._context
        if context is None:
            return TilingNote(self._count, self._largest, self._job.tile)
        return TilingNote(
            tiles=self._count,
            largest=self._largest,
            asked=self._job.tile,
            overlap=context.halo,
            reach=context.reach.halo,
            band=context.band,
            shared=len(self._statistics),
        )

    def _share_statistics(self) -> None:
        """Gather the statistics that the network computes of the whole picture, from all tiles."""
        sites = () if self._context is None else self._context.reach.sites
        if not sites:
            return
        from lib_upscalers.tiling.statistics import ASTRAY, SETTLED, change, rounds

        self._batch = 1
        tiles, rules = list(self._remaining), self._rules
        stages, changed = rounds(sites), 0.0
        # Where all are gathered again and again, each forward has other values from its start on.
        if all(len(stage) == 1 for stage in stages):
            self._stops = make_stops(self._executor, self._job, tiles)
        gathering, self._rules = self._gathering_tiles()
        self._total = self._size.area * (len(stages) + 1)
        for number, stage in enumerate(stages, 1):
            self._remaining = deque(gathering)
            found = self._gather_round(stage, f"statistics {number}/{len(stages)}")
            changed = change(self._statistics, found)
            self._statistics.update(found)
            if changed <= SETTLED:
                break
        if len(stages) < len(sites) and changed > ASTRAY:
            self._give_up_sharing()
        self._done = self._size.area * len(stages)
        self._remaining, self._rules = deque(tiles), rules

    def _gathering_tiles(self) -> tuple[Sequence[Tile], Rules | None]:
        """Cut the picture into tiles of less context, for the forwards that only gather.

        Those that go on later have to be the same tiles.
        """
        if self._context is None or self._rules is None or self._stops.room:
            return list(self._remaining), self._rules
        rules = replace(self._rules, halo=gathering_halo(self._context))
        side = self._context.tile
        tiles = plan_tiles(self._size, rules, max_pixels=self._most_pixels, max_side=side)
        return tiles, rules

    def _give_up_sharing(self) -> None:
        """Blend tiles with statistics of their own, because the picture's did not settle."""
        self._statistics.clear()
        if self._context is not None:
            self._context = replace(self._context, seam=math.inf)

    def _gather_round(self, stage: Sequence[StatisticSite], text: str) -> Statistics:
        """Gather one round of statistics from all remaining tiles."""
        from lib_upscalers.tiling.statistics import Combination

        combination = Combination()
        while self._remaining:
            self._progress.check_cancelled()
            (tile,) = self._next_batch()
            parts = self._gather(tile, stage)
            if parts is None:
                self._make_smaller([tile])
                continue
            combination.add(parts)
            self._done += tile.core.area
            self._report(text)
        return combination.averages()

    def _gather(self, tile: Tile, stage: Sequence[StatisticSite]) -> Parts | None:
        try:
            return self._executor.gather(
                tile,
                self._pixels,
                self._job.border,
                stage,
                self._statistics,
                self._stops.of(tile),
            )
        except OutOfMemory as error:
            _log.debug("%s: %s", self._network.traits.name, error)
            return None

    def _make_policy(self) -> Policy:
        """Measure and plan; on the CPU if the device lacks memory even for that."""
        policy = self._try_policy()
        while policy is None:
            self._move_to_cpu()
            policy = self._try_policy()
        return policy

    def _try_policy(self) -> Policy | None:
        try:
            return make_policy(self._executor, self._size, self._job)
        except OutOfMemory as error:
            _log.debug("%s: %s", self._network.traits.name, error)
            return None

    def _empty_result(self) -> NDArray[Any]:
        size = self._size.scaled(self._network.traits.scale)
        try:
            return np.empty(
                (size.height, size.width, self._network.traits.result_channels), self._dtype
            )
        except MemoryError:
            raise self._exhausted() from None

    def _next_batch(self) -> list[Tile]:
        """Remove and return the next tiles of one size: at most a batch, none over the limit."""
        tile = self._remaining.popleft()
        while tile.source.area > self._most_pixels:
            halves = self._halves(tile)
            if not halves:
                break
            self._remaining.extendleft(reversed(halves))
            tile = self._remaining.popleft()
        tiles = [tile]
        size, left = tile.source.size, self._remaining
        while len(tiles) < self._batch and left and left[0].source.size == size:
            tiles.append(left.popleft())
        return tiles

    def _attempt(self, tiles: list[Tile]) -> list[NDArray[Any]] | None:
        """Run tiles; return None, with all their memory freed, if they do not fit."""
        job = self._job
        try:
            return self._executor.run(
                tiles,
                self._pixels,
                job.border,
                self._band,
                self._dtype,
                self._statistics,
                self._stops.last_of(tiles),
            )
        except OutOfMemory as error:
            _log.debug("%s: %s", self._network.traits.name, error)
            return None

    def _halves(self, tile: Tile) -> tuple[Tile, ...]:
        if self._rules is None:
            self._rules, self._context = make_rules(self._executor, self._job)
        return split_tile(tile, self._size, self._rules)

    def _make_smaller(self, tiles: list[Tile]) -> None:
        """Queue tiles again that did not fit, as smaller batches or smaller tiles."""
        self._free_device()
        self._remaining.extendleft(reversed(tiles))
        if len(tiles) > 1:
            self._batch = len(tiles) // 2
            return
        was_whole = self._rules is None
        halves = self._halves(tiles[0])
        if halves:
            self._most_pixels = max(half.source.area for half in halves)
            if was_whole:
                self._share_statistics()
        else:
            self._move_to_cpu()

    def _free_device(self) -> None:
        import torch

        if self._executor.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()

    def _move_to_cpu(self) -> None:
        import torch

        device = self._executor.device
        if device.type == "cpu":
            raise self._exhausted()
        _log.warning(
            "%s does not fit into the memory of %s, even in the smallest tiles: it goes on on "
            "the CPU, which is slow. Close other programs, or take a smaller network.",
            self._network.traits.name,
            device,
        )
        self._free_device()
        self._executor = self._ways.executor(torch.device("cpu"))
        self._batch = 1
        try:
            self._executor.place()
        except OutOfMemory:
            raise self._exhausted() from None

    def _exhausted(self) -> MemoryExhaustedError:
        traits = self._network.traits
        return MemoryExhaustedError(
            f"Expected memory for a picture of {self._size} through {traits.name} "
            f"({traits.architecture} {traits.scale}x), but even the smallest tile does not fit: "
            "close other programs, take a smaller picture or a smaller network."
        )

    def _write(self, output: NDArray[Any], tile: Tile, result: NDArray[Any]) -> None:
        scale = self._network.traits.scale
        source = tile.source.size
        self._largest = max(self._largest, source, key=lambda size: size.area)
        written = written_region(tile, self._band)
        region = written.scaled(scale)
        place = output[region.rows, region.columns]
        left, top = (tile.core.x - written.x) * scale, (tile.core.y - written.y) * scale
        place[...] = lay_over(place, result, left, top)
        self._count += 1
        self._done += tile.core.area

    @property
    def _band(self) -> int:
        return 0 if self._context is None else self._context.band

    def _report(self, text: str) -> None:
        self._progress.update(self._done, self._total, text)
