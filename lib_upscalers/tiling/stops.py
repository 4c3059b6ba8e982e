"""Store where the forwards of tiles stop for a number of the whole picture, as memory allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lib_upscalers.tiling.policy import measured_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.tiling.executor import Executor
    from lib_upscalers.tiling.plan import Tile
    from lib_upscalers.tiling.policy import Job
    from lib_upscalers.tiling.resuming import Trace

# Of what a forward allocates at its worst moment, what is alive where it stops: Real-CUGAN, 0.36.
_ALIVE = 0.4
# Of the free memory.
_USABLE = 0.7


@dataclass
class Stops:
    """Where the forwards of tiles have stopped.

    Attributes:
        room: How many bytes they may take together; 0: they begin anew each time.
        halves: Whether numbers of 32 bits are stored in 16.
    """

    room: float = 0.0
    halves: bool = False
    _traces: dict[Tile, Trace] = field(default_factory=dict["Tile", "Trace"])

    @classmethod
    def within(cls, needed: float, free: float) -> Stops:
        """Return stops for all tiles if there is memory for them.

        Args:
            needed: Bytes that all would take in 32 bits.
            free: Bytes that may be taken.
        """
        if needed <= free:
            return cls(free)
        return cls(free, halves=True) if needed / 2 <= free else cls()

    def of(self, tile: Tile) -> Trace | None:
        """Return where a tile stopped, to go on there; None if that is not stored."""
        from lib_upscalers.tiling.resuming import Trace

        if not self.room:
            return None
        others = sum(trace.size_bytes for each, trace in self._traces.items() if each != tile)
        if others >= self.room:
            self._traces.pop(tile, None)
            return None
        return self._traces.setdefault(tile, Trace(self.halves))

    def last_of(self, tiles: Sequence[Tile]) -> Trace | None:
        """Return where a tile stopped, for its last forward; None if that is not stored."""
        return self._traces.pop(tiles[0], None) if len(tiles) == 1 else None


def make_stops(executor: Executor, job: Job, tiles: Sequence[Tile]) -> Stops:
    """Store where forwards stop, if the CPU has memory for it beside the largest tile's forward.

    Args:
        executor: Has the network and the device.
        job: Knows how much memory is free.
        tiles: All that stop.
    """
    import torch

    memory = measured_memory(executor)
    if memory is None:
        return Stops()
    areas = [tile.source.area for tile in tiles]
    beside = max(areas) if executor.device.type == "cpu" else 0
    free = job.free_memory(torch.device("cpu")) * _USABLE - memory.peak * beside
    return Stops.within(memory.peak * sum(areas) * _ALIVE, free)
