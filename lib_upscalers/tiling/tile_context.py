"""Decide how much context tiles get and whether they are blended, and report it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.tiling.probe import feather

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.geometry import Size
    from lib_upscalers.network import Reach

# In a tile of four halos the core is half of each side: three of four pixels are context.
_HALOS_PER_TILE = 4
# In levels, on the measurement's small picture; others are up to ten times as sensitive.
_NEXT_TO_NOTHING = 0.05
# In levels, at the edge of a core over which is averaged: see `benchmarks/seams.py`.
_SEAM_OF_AVERAGES = 4.0


@dataclass(frozen=True)
class Context:
    """How much context tiles get.

    Attributes:
        tile: The largest side of a tile; None: no limit.
        halo: Pixels of context on each side.
        seam: The largest remaining difference at the edges of cores, in 8-bit levels.
        reach: The measured reach of the network.
    """

    tile: int | None
    halo: int
    seam: float
    reach: Reach

    @property
    def band(self) -> int:
        """Over how many pixels tiles are blended."""
        return feather(self.seam, self.halo)


def choose_context(
    reach: Reach,
    tile: int | None,
    overlap: int | None,
    largest_side: Callable[[], int],
    *,
    differs: bool = False,
) -> Context:
    """Decide how much context tiles get.

    A tile that is too small for the network's reach is raised as far as memory allows; if that is
    not enough, the halo is a quarter of it, and the rest of the seam is blended.

    Args:
        reach: The measured reach of the network.
        tile: The largest side that the user asks for.
        overlap: The halo that the user asks for; then the tile stays as it is.
        largest_side: Finds out to which side a tile may be raised.
        differs: Whether tiles cost more, or are worse, than a whole picture: then they are
            raised as far as they may.
    """
    if overlap is not None:
        return Context(tile, overlap, reach.seam_at(overlap), reach)
    if tile is None:
        return Context(None, reach.halo, reach.seam, reach)
    side = tile
    if differs:
        side = max(tile, largest_side())
    elif reach.seam_at(tile // _HALOS_PER_TILE) > _NEXT_TO_NOTHING:
        side = max(tile, min(_HALOS_PER_TILE * reach.halo, largest_side()))
    halo = min(reach.halo, side // _HALOS_PER_TILE)
    return Context(side, halo, reach.seam_at(halo), reach)


def gathering_halo(context: Context) -> int:
    """Return how much context tiles get while the picture's statistics are gathered.

    Most of a network's reach makes a difference of a fraction of a level at the edge of a core, and
    an average over the core makes less of it: the forwards that only gather do without that part.
    """
    enough = (
        halo for halo in range(context.halo) if context.reach.seam_at(halo) <= _SEAM_OF_AVERAGES
    )
    return next(enough, context.halo)


@dataclass(frozen=True)
class TilingNote:
    """The decisions about a picture's tiles.

    Attributes:
        tiles: How many.
        largest: The size of the largest one, context included.
        asked: The tile that the user asked for; None: none.
        overlap: Pixels of context on each side; 0 for a whole picture.
        reach: How many pixels the network needs.
        band: Over how many pixels tiles are blended.
        shared: How many statistics of the whole picture all tiles share.
    """

    tiles: int
    largest: Size
    asked: int | None = None
    overlap: int = 0
    reach: int = 0
    band: int = 0
    shared: int = 0

    @property
    def text(self) -> str:
        """The decisions in words, for the user."""
        side = max(self.largest.width, self.largest.height)
        raised = self.asked is not None and side > self.asked
        once = [f"raised from {self.asked}"] if raised else []
        if self.tiles == 1 and not self.overlap:
            return ", ".join(["whole picture", *once])
        parts = [
            f"tile {self.largest}",
            *once,
            f"overlap {self.overlap} of a reach of {self.reach}",
            f"blended over {self.band}" if self.band else "not blended",
        ]
        if self.shared:
            parts.append(f"with {self.shared} shared statistics")
        return ", ".join(parts)
