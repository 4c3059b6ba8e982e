"""The loop: a picture through a network, tile by tile, straight into its final type."""

from __future__ import annotations

import gc
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.errors import InputError, MemoryExhaustedError
from lib_upscalers.geometry import Size
from lib_upscalers.progress import NULL
from lib_upscalers.tiling.blend import lay_over, written_region
from lib_upscalers.tiling.executor import Executor, OutOfMemory
from lib_upscalers.tiling.plan import split_tile
from lib_upscalers.tiling.policy import make_policy, make_rules
from lib_upscalers.tiling.precision import dtype_ladder, dtype_name

if TYPE_CHECKING:
    from typing import Any

    import torch
    from numpy.typing import NDArray

    from lib_upscalers.network import Network
    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.plan import Rules, Tile
    from lib_upscalers.tiling.policy import Job, Policy

_log = logging.getLogger("lib_upscalers")


@dataclass(frozen=True)
class Enlarged:
    """What came of a picture.

    Attributes:
        pixels: Shape (H * scale, W * scale, C).
        tiles: In how many tiles.
        precision: In which precision the last one ran.
        device: Where the last one ran.
    """

    pixels: NDArray[Any]
    tiles: int
    precision: str
    device: str


def run_network(
    network: Network,
    pixels: NDArray[Any],
    job: Job,
    *,
    dtype: np.dtype[Any] | None = None,
    progress: Progress = NULL,
) -> Enlarged:
    """Enlarge a picture with a network.

    What comes back does not depend on memory: a tile that does not fit is halved, then the work
    goes on; on the smallest tile it moves to the CPU. Tiles that are done stay done.

    Args:
        network: What enlarges it; nobody else may use it meanwhile.
        pixels: Shape (H, W, C), C as the network has it; uint8, uint16 or float32 in [0, 1].
        job: Where and how.
        dtype: The type of the result; that of `pixels` when left out.
        progress: Told of every tile, in input pixels; can stop the work within one tile.

    Raises:
        InputError: The picture's channels, or the job's tile and overlap, do not fit.
        MemoryExhaustedError: Not even the smallest tile fits on the CPU.
        ModelError: The network gives NaN or infinity, even in fp32.
        Cancelled: `progress` says so.
    """
    import torch

    traits = network.traits
    if pixels.ndim != 3 or pixels.shape[2] != traits.channels or 0 in pixels.shape:
        raise InputError(
            f"Expected a picture of shape (H, W, {traits.channels}) for {traits.name}, "
            f"but got {pixels.shape}: convert its channels first."
        )
    with torch.inference_mode():
        loop = _Loop(network, pixels, job, np.dtype(dtype or pixels.dtype), progress)
        return loop.run()


class _Loop:
    """The state of one run: what is done, what is left, on which device."""

    def __init__(
        self,
        network: Network,
        pixels: NDArray[Any],
        job: Job,
        dtype: np.dtype[Any],
        progress: Progress,
    ) -> None:
        self._network = network
        self._pixels = pixels
        self._job = job
        self._dtype = dtype
        self._progress = progress
        self._size = Size(pixels.shape[1], pixels.shape[0])
        self._executor = self._executor_on(job.device)
        self._left: deque[Tile] = deque()
        self._most_pixels = 0
        self._batch = 1
        self._band = 0
        self._rules: Rules | None = None
        self._done = 0
        self._count = 0

    def run(self) -> Enlarged:
        self._progress.check_cancelled()
        policy = self._start()
        self._left.extend(policy.tiles)
        self._batch, self._band, self._rules = policy.batch, policy.band, policy.rules
        self._most_pixels = max(tile.source.area for tile in policy.tiles)
        output = self._empty()
        while self._left:
            self._progress.check_cancelled()
            tiles = self._take()
            results = self._attempt(tiles)
            if results is None:
                self._shrink(tiles)
                continue
            for tile, result in zip(tiles, results, strict=True):
                self._write(output, tile, result)
            self._tell()
        executor = self._executor
        return Enlarged(output, self._count, dtype_name(executor.dtype), str(executor.device))

    def _executor_on(self, device: torch.device) -> Executor:
        network = self._network
        ladder = dtype_ladder(network.traits, network.profile, device, self._job.precision)
        return Executor(network, device, ladder)

    def _start(self) -> Policy:
        """Measure and plan; if the device has no room even for that, on the CPU."""
        policy = self._policy()
        while policy is None:
            self._move_to_cpu()
            policy = self._policy()
        return policy

    def _policy(self) -> Policy | None:
        try:
            return make_policy(self._executor, self._size, self._job)
        except OutOfMemory as error:
            _log.debug("%s: %s", self._network.traits.name, error)
            return None

    def _empty(self) -> NDArray[Any]:
        size = self._size.scaled(self._network.traits.scale)
        try:
            return np.empty(
                (size.height, size.width, self._network.traits.result_channels), self._dtype
            )
        except MemoryError:
            raise self._exhausted() from None

    def _take(self) -> list[Tile]:
        """Take the next tiles of one size, as many as a batch holds, none over the limit."""
        tile = self._left.popleft()
        while tile.source.area > self._most_pixels:
            halves = self._halves(tile)
            if not halves:
                break
            self._left.extendleft(reversed(halves))
            tile = self._left.popleft()
        tiles = [tile]
        size, left = tile.source.size, self._left
        while len(tiles) < self._batch and left and left[0].source.size == size:
            tiles.append(left.popleft())
        return tiles

    def _attempt(self, tiles: list[Tile]) -> list[NDArray[Any]] | None:
        """Run tiles; return None, with all their memory free again, where they do not fit."""
        job = self._job
        try:
            return self._executor.run(tiles, self._pixels, job.border, self._band, self._dtype)
        except OutOfMemory as error:
            _log.debug("%s: %s", self._network.traits.name, error)
            return None

    def _halves(self, tile: Tile) -> tuple[Tile, ...]:
        if self._rules is None:
            self._rules, self._band = make_rules(self._executor, self._job)
        return split_tile(tile, self._size, self._rules)

    def _shrink(self, tiles: list[Tile]) -> None:
        """Put tiles back that did not fit, and see to it that they come smaller."""
        self._free_device()
        self._left.extendleft(reversed(tiles))
        if len(tiles) > 1:
            self._batch = len(tiles) // 2
            return
        halves = self._halves(tiles[0])
        if halves:
            self._most_pixels = max(half.source.area for half in halves)
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
        self._executor = self._executor_on(torch.device("cpu"))
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
        written = written_region(tile, self._band)
        region = written.scaled(scale)
        place = output[region.rows, region.columns]
        left, top = (tile.core.x - written.x) * scale, (tile.core.y - written.y) * scale
        place[...] = lay_over(place, result, left, top)
        self._count += 1
        self._done += tile.core.area

    def _tell(self) -> None:
        text = f"tile {self._count}/{self._count + len(self._left)}"
        self._progress.update(self._done, self._size.area, text)
