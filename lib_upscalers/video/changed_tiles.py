"""Enlarge of a frame only the tiles that changed, and take the rest from the frame before.

A tile counts as changed where a value in it, or in the context that the upscaler sees around it,
differs by more than an allowed number of levels from the pixels which the result there was made
of, not from those of the last frame: differences do not add up from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.geometry import Region, Size
from lib_upscalers.targets import Target
from lib_upscalers.tiling.plan import Tile, plan_tiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.plan import Rules
    from lib_upscalers.upscaling.upscaler import Result

    Array = NDArray[Any]

_LEAST_CORE = 64
# Parts cost a little more a pixel than the whole picture does.
_WORTH = 0.85


@dataclass(frozen=True)
class Reuse:
    """How tiles are enlarged alone.

    Attributes:
        run: Enlarges a picture.
        rules: Returns what tiles obey so that they equal the whole picture; may take seconds.
        factor: How many times as wide and high the result is.
        levels: By how many levels of 255 a value may differ and still count as equal.
    """

    run: Callable[[Picture, Target, Progress], Result]
    rules: Callable[[], Rules]
    factor: int
    levels: int


@dataclass(frozen=True)
class Renewed:
    """A frame's result.

    Attributes:
        pixels: (H, W, 3); None if nothing changed.
        share: How much was enlarged for it, as a part of the whole frame.
    """

    pixels: Array | None
    share: float


class ChangedTiles:
    """Enlarges one frame after the other.

    Args:
        reuse: How.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self._tiles: tuple[Tile, ...] = ()
        self._made_of: list[Array] = []
        self._result: Array | None = None

    def run(self, picture: Picture, progress: Progress) -> Renewed:
        """Enlarge a frame; raises what `Reuse.run` and `Reuse.rules` raise."""
        if self._result is None:
            self._tiles = self._plan(picture.size)
            return self._renew_all(picture, progress)
        changed = [place for place in range(len(self._tiles)) if self._differs(place, picture)]
        if not changed:
            return Renewed(None, 0.0)
        parts = _joined([self._tiles[place] for place in changed])
        share = sum(part.source.area for part in parts) / picture.size.area
        if share > _WORTH:
            return self._renew_all(picture, progress)
        # The frame before may still be on its way to the encoder.
        result = self._result.copy()
        for part in parts:
            self._renew(result, part, picture, progress)
        for place in changed:
            self._made_of[place] = _part(picture.pixels, self._tiles[place].source).copy()
        self._result = result
        return Renewed(result, share)

    def _plan(self, size: Size) -> tuple[Tile, ...]:
        rules = self._reuse.rules()
        side = max(_LEAST_CORE, 2 * rules.reach, rules.minimum) + 2 * rules.reach
        return plan_tiles(size, rules, max_pixels=side * side, max_side=side)

    def _differs(self, place: int, picture: Picture) -> bool:
        new = _part(picture.pixels, self._tiles[place].source)
        old = self._made_of[place]
        limit = self._reuse.levels * (257 if new.dtype == np.uint16 else 1)
        return bool(((np.maximum(new, old) - np.minimum(new, old)) > limit).any())

    def _renew_all(self, picture: Picture, progress: Progress) -> Renewed:
        target = Target(size=picture.size.scaled(self._reuse.factor))
        self._result = self._reuse.run(picture, target, progress).picture.pixels
        self._made_of = [_part(picture.pixels, tile.source).copy() for tile in self._tiles]
        return Renewed(self._result, 1.0)

    def _renew(self, result: Array, part: Tile, picture: Picture, progress: Progress) -> None:
        factor, source = self._reuse.factor, part.source
        cut = replace(picture, pixels=np.ascontiguousarray(_part(picture.pixels, source)))
        target = Target(size=Size(source.width, source.height).scaled(factor))
        made = self._reuse.run(cut, target, progress).picture.pixels
        core = part.core
        inner = Region(core.x - source.x, core.y - source.y, core.width, core.height)
        _part(result, _scaled(core, factor))[...] = _part(made, _scaled(inner, factor))


def _part(pixels: Array, region: Region) -> Array:
    return pixels[region.y : region.bottom, region.x : region.right]


def _scaled(region: Region, factor: int) -> Region:
    return Region(*(factor * each for each in (region.x, region.y, region.width, region.height)))


def _joined(tiles: Sequence[Tile]) -> list[Tile]:
    """Join tiles of one grid, in reading order, to rectangles: neighbours share their context."""
    rows: list[Tile] = []
    for tile in tiles:
        if rows and _continues(rows[-1], tile):
            rows[-1] = _united(rows[-1], tile)
        else:
            rows.append(tile)
    parts: list[Tile] = []
    for row in rows:
        above = next((each for each in parts if _is_below(each, row)), None)
        if above is None:
            parts.append(row)
        else:
            parts[parts.index(above)] = _united(above, row)
    return parts


def _continues(row: Tile, tile: Tile) -> bool:
    return row.core.y == tile.core.y and row.core.right == tile.core.x


def _is_below(part: Tile, row: Tile) -> bool:
    same = (part.core.x, part.core.right) == (row.core.x, row.core.right)
    return same and part.core.bottom == row.core.y


def _united(one: Tile, other: Tile) -> Tile:
    return Tile(_around(one.core, other.core), _around(one.source, other.source))


def _around(one: Region, other: Region) -> Region:
    return Region.between(
        min(one.x, other.x),
        min(one.y, other.y),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )
