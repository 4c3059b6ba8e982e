"""Plan where to cut a picture into tiles, in integers alone.

A tile has a *core*, the part of the picture that it produces, and a *source*, the core and a halo
of context around it. The whole source runs through the network; the halo's part of the result is
discarded. The cores cover the picture once.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

from lib_upscalers.geometry import Region, Size

_MOST_CUTS = 512
LEAST_CORE = 8
_THRIFT = 1.05
_LEAST_THRIFTY = 128 * 128


@dataclass(frozen=True)
class Tile:
    """A part of the picture and the context that the network needs for it.

    Attributes:
        core: The part of the picture that the tile produces.
        source: What runs through the network; it contains the core. It extends beyond the edge of
            the picture only where the picture is padded.
    """

    core: Region
    source: Region


@dataclass(frozen=True)
class Rules:
    """What every tile has to obey.

    Attributes:
        halo: Pixels of context on each side, where the picture has them.
        alignment: Sources begin at multiples of this, so that a network that folds pixels
            together or looks through windows sees them as in the whole picture.
        minimum: The least width and height of a source, if the picture has as much.
        square: Whether sources should be square, where the picture allows it.
        padded: Whether the picture is padded beyond its edges, so that tiles at the edge get their
            halo too.
        uniform: Whether sources should be equally large, to be run in batches: tiles at the
            edge then get more context than they need.
    """

    halo: int = 0
    alignment: int = 1
    minimum: int = 0
    square: bool = False
    padded: bool = False
    uniform: bool = False

    @property
    def reach(self) -> int:
        """The halo, rounded up so that sources begin where the alignment asks."""
        return _round_up(self.halo, self.alignment)


@dataclass(frozen=True)
class _Span:
    """A tile along one axis."""

    core: tuple[int, int]
    source: tuple[int, int]

    @property
    def length(self) -> int:
        return self.source[1] - self.source[0]


def plan_tiles(
    size: Size, rules: Rules, *, max_pixels: int, max_side: int | None = None
) -> tuple[Tile, ...]:
    """Cut a picture into the near-equal tiles that run the fewest pixels, halo counted in.

    Cost a pixel does not depend on a tile's size (`benchmarks/engine.py`), so of all grids whose
    largest source has at most `max_pixels` pixels, and no side over `max_side`, the one with
    the fewest pixels in all sources is the fastest; of equals, the one with fewer tiles.

    Args:
        size: The picture's size, each side at least 1.
        rules: What every tile has to obey.
        max_pixels: How many pixels a source may have. Where even the smallest sensible tile
            has more, that one is used all the same.
        max_side: How wide and high a source may be.

    Returns:
        The tiles in reading order; their cores cover the picture once.
    """
    if rules.square:
        max_side = min(max_side or max_pixels, math.isqrt(max_pixels))
    best: tuple[int, int, list[_Span], list[_Span]] | None = None
    for count in range(1, _most_cuts(size.width, rules) + 1):
        columns = _spans(size.width, count, rules)
        widest = max(span.length for span in columns)
        width = sum(span.length for span in columns)
        if best is not None and width * size.height >= best[0]:
            break
        if max_side is not None and widest > max_side:
            continue
        highest = max_pixels // widest
        rows = _fewest(size.height, highest if max_side is None else min(highest, max_side), rules)
        if rows is None:
            continue
        cost = width * sum(span.length for span in rows)
        if best is None or (cost, len(columns) * len(rows)) < best[:2]:
            best = (cost, len(columns) * len(rows), columns, rows)
    if best is None:
        least = 0 if max_side else rules.reach
        columns = _spans(size.width, _most_cuts(size.width, rules, least), rules)
        rows = _spans(size.height, _most_cuts(size.height, rules, least), rules)
    else:
        columns, rows = best[2:]
    return tuple(
        _tile(column, row, size, rules) for row, column in itertools.product(rows, columns)
    )


def plan_thrifty_tiles(size: Size, rules: Rules, *, max_pixels: int) -> tuple[Tile, ...]:
    """Cut a picture as `plan_tiles` does, but smaller where that costs next to nothing.

    Smaller tiles take less memory. They are taken down to 128 x 128 pixels, as long as all
    sources together grow by no more than a twentieth.
    """
    tiles = plan_tiles(size, rules, max_pixels=max_pixels)
    most = sum(tile.source.area for tile in tiles) * _THRIFT
    while len(tiles) > 1 and max_pixels > _LEAST_THRIFTY:
        max_pixels = max_pixels * 4 // 5
        smaller = plan_tiles(size, rules, max_pixels=max_pixels)
        areas = [tile.source.area for tile in smaller]
        if sum(areas) > most or max(areas) > max_pixels:
            break
        tiles = smaller
    return tiles


def split_tile(tile: Tile, size: Size, rules: Rules) -> tuple[Tile, ...]:
    """Cut a tile's core in two across its longer side, each half with a halo of its own.

    A square core is cut across both sides; cut across one, its halves' sources would be as large.

    Args:
        tile: The tile that was too large.
        size: The picture's size.
        rules: What every tile has to obey.

    Returns:
        Tiles in reading order, or none where they would not be smaller than the tile.
    """
    core = tile.core
    columns, rows = [(core.x, core.right)], [(core.y, core.bottom)]
    if core.width >= core.height or rules.square:
        columns = _halved(core.x, core.right, rules)
    if core.width < core.height or rules.square:
        rows = _halved(core.y, core.bottom, rules)
    rules = replace(rules, uniform=False)
    parts = tuple(
        _tile(_span(x, size.width, rules), _span(y, size.height, rules), size, rules)
        for y, x in itertools.product(rows, columns)
    )
    smaller = all(part.source.area < tile.source.area for part in parts)
    return parts if smaller else ()


def _halved(start: int, stop: int, rules: Rules) -> list[tuple[int, int]]:
    middle = start + _round_up(math.ceil((stop - start) / 2), rules.alignment)
    if stop - start <= LEAST_CORE or middle >= stop:
        return [(start, stop)]
    return [(start, middle), (middle, stop)]


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _most_cuts(length: int, rules: Rules, least: int = 0) -> int:
    least = max(least, LEAST_CORE, rules.alignment, rules.minimum - 2 * rules.reach)
    return max(1, min(_MOST_CUTS, length // least))


def _fewest(length: int, max_length: int, rules: Rules) -> list[_Span] | None:
    """Return the fewest spans of at most `max_length`, or none where there are no such."""
    # Two tiles have one inner edge each, more of them two: no fewer can do.
    start = 1 if length <= max_length else math.ceil(length / max(max_length - rules.reach, 1))
    most = _most_cuts(length, rules) if max_length > 2 * rules.reach else 2
    for count in range(start, most + 1):
        spans = _spans(length, count, rules)
        if max(span.length for span in spans) <= max_length:
            return spans
    return None


def _spans(length: int, count: int, rules: Rules) -> list[_Span]:
    """Cut one axis into `count` near-equal cores at aligned places."""
    step = rules.alignment
    units = math.ceil(length / step)
    cuts = sorted({min(length, (units * i // count) * step) for i in range(count)} | {0, length})
    spans = [_span(core, length, rules) for core in itertools.pairwise(cuts)]
    if not rules.uniform or rules.padded:
        return spans
    longest = max(span.length for span in spans)
    return [_lengthened(span, longest, length, rules) for span in spans]


def _span(core: tuple[int, int], length: int, rules: Rules) -> _Span:
    start, stop = core[0] - rules.reach, core[1] + rules.reach
    if not rules.padded:
        start, stop = max(start, 0), min(stop, length)
    return _lengthened(_Span(core, (start, stop)), rules.minimum, length, rules)


def _lengthened(span: _Span, least: int, length: int, rules: Rules) -> _Span:
    """Let a source grow to `least`, inside the picture, from an aligned place."""
    start, stop = span.source
    if stop - start >= least or rules.padded:
        return span
    stop = min(length, start + least)
    start = max(0, min(start, stop - least)) // rules.alignment * rules.alignment
    return _Span(span.core, (start, stop))


def _tile(column: _Span, row: _Span, size: Size, rules: Rules) -> Tile:
    if rules.square:
        side = max(column.length, row.length)
        column = _lengthened(column, side, size.width, rules)
        row = _lengthened(row, side, size.height, rules)
    core = Region.between(column.core[0], row.core[0], column.core[1], row.core[1])
    source = Region.between(column.source[0], row.source[0], column.source[1], row.source[1])
    return Tile(core, source)
