"""Share statistics of the whole picture among all tiles.

A network with squeeze-excitation, global pooling, channel attention or normalisation over space
averages over its whole input, so each tile would look different. Where it averages is found by
comparing forwards of two sizes: an operator whose input grows with the picture while its result
does not. The averages of all tiles, each over its core alone, are combined, and every tile runs
with the picture's own.

An average depends on those before it, so they are gathered in rounds: after `n` rounds the first
`n` are exact, and the others close to it. Real-CUGAN's own program does the same for its four, in
stages written by hand: https://github.com/bilibili/ailab/tree/main/Real-CUGAN
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from lib_upscalers.network import MapAxis, StatisticSite
from lib_upscalers.tiling.reductions import REDUCTIONS
from lib_upscalers.tiling.watch import ReductionWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from lib_upscalers.geometry import Region, Size
    from lib_upscalers.tiling.reductions import Call, Reduction
    from lib_upscalers.tiling.resuming import Resumption
    from lib_upscalers.tiling.watch import Key, Shapes

    Statistics = Mapping[Key, Tensor]
    Parts = dict[Key, tuple[Tensor, float]]

# Up to this many statistics each get a round of their own, after which all are exact.
_MOST_STAGES = 6
_MOST_ROUNDS = 10
SETTLED = 0.005
ASTRAY = 0.05


class Sample(NamedTuple):
    """The reductions of one forward.

    Attributes:
        size: The size of its input.
        shapes: The shapes of its reductions.
    """

    size: Size
    shapes: Mapping[Key, Shapes]


def find_sites(first: Sample, second: Sample) -> tuple[StatisticSite, ...]:
    """Return the operators that compute numbers for the whole picture, in order.

    Args:
        first: A forward.
        second: One of another size; width and height have to differ by different amounts, to show
            which inner dimension follows which.

    Returns:
        None if the two forwards ran different operators.
    """
    if list(first.shapes) != list(second.shapes):
        return ()
    found: list[StatisticSite] = []
    for key, small in first.shapes.items():
        large = second.shapes[key]
        pairs = list(zip(small.subjects, large.subjects, strict=True))
        grown = [_grown(a, b, dims) for (a, dims), (b, _) in pairs]
        fixed = small.results == large.results or REDUCTIONS[key[0]].maps
        if fixed and all(grown):
            sizes = (first.size, second.size)
            axes = [
                _axes((a, b), dims, sizes)
                for ((a, _), (b, _)), dims in zip(pairs, grown, strict=True)
            ]
            found.append(StatisticSite(*key, tuple(axes)))
    return tuple(found)


def _grown(
    first: tuple[int, ...], second: tuple[int, ...], dims: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the reduced dimensions that follow the picture's size."""
    if len(first) != len(second):
        return ()
    return tuple(dim for dim in sorted(dims) if first[dim] != second[dim])


def _axes(
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    dims: tuple[int, ...],
    sizes: tuple[Size, Size],
) -> tuple[MapAxis, ...]:
    """Return which dimensions follow height and width; nothing if the shapes do not show it."""
    heights, widths = (sizes[0].height, sizes[1].height), (sizes[0].width, sizes[1].width)
    if heights[0] == heights[1] or widths[0] == widths[1]:
        return ()
    lengths = [(shapes[0][dim], shapes[1][dim]) for dim in dims]
    if len(dims) == 2:
        y, x = _axis(dims[0], "y", lengths[0], heights), _axis(dims[1], "x", lengths[1], widths)
        return (y, x) if (y.ratio, y.margin) == (x.ratio, x.margin) else ()
    if len(dims) != 1:
        return ()
    shares = [length / size.area for length, size in zip(lengths[0], sizes, strict=True)]
    if shares[0] == shares[1]:
        return (MapAxis(dims[0], "yx", math.sqrt(shares[0])),)
    both = _axis(dims[0], "y", lengths[0], heights), _axis(dims[0], "x", lengths[0], widths)
    likely = [axis for axis in both if math.log2(max(axis.ratio, 1e-9)).is_integer()]
    return tuple(likely) if len(likely) == 1 else ()


def _axis(
    dim: int, along: Literal["y", "x"], lengths: tuple[int, int], sides: tuple[int, int]
) -> MapAxis:
    ratio = (lengths[1] - lengths[0]) / (sides[1] - sides[0])
    return MapAxis(dim, along, ratio, (lengths[0] / ratio - sides[0]) / 2)


def rounds(sites: Sequence[StatisticSite]) -> list[Sequence[StatisticSite]]:
    """Return which statistics to gather in each round, at most.

    Few get a round each, which then ends at that statistic. Many (a channel attention in every
    block) are all gathered again and again, each time with the last round's values, until their
    `change` is at most `SETTLED`.
    """
    if len(sites) <= _MOST_STAGES:
        return [sites[i : i + 1] for i in range(len(sites))]
    return [sites] * min(len(sites), _MOST_ROUNDS)


def change(old: Statistics, new: Statistics) -> float:
    """Return the largest change of a statistic, relative to its size; 1 for a new one."""
    changes = [
        float((value - old[key]).norm() / value.norm().clamp_min(1e-12)) if key in old else 1.0
        for key, value in new.items()
    ]
    return max(changes, default=0.0)


class Frame(NamedTuple):
    """The part of a tile that counts for the picture's statistics.

    Attributes:
        size: What goes through the network.
        core: The part that counts, in it; where it touches an edge, so does what lies beyond.
    """

    size: Size
    core: Region


class Enough(Exception):  # noqa: N818 - a signal
    """Raised when the last statistic of a round is computed: the forward need not finish."""


class Gatherer(ReductionWatch):
    """Gathers a tile's parts of the statistics.

    Args:
        sites: Which ones.
        known: The picture's statistics so far, with which the forward runs.
        frame: What of the tile counts.
        stops: Whether the forward ends with `Enough` at the last one.
        resumption: Where an earlier forward of the tile stopped, and this one shall; None: nothing
            is stored.

    Attributes:
        parts: For each site this tile's share of the average, in float32, and its weight.
    """

    def __init__(
        self,
        sites: Sequence[StatisticSite],
        known: Statistics,
        frame: Frame,
        *,
        stops: bool = True,
        resumption: Resumption | None = None,
    ) -> None:
        super().__init__(resumption)
        self._stops = stops
        self._sites = {site.key: site for site in sites}
        self._last = sites[-1].key
        self._known = known
        self._frame = frame
        self.parts: Parts = {}

    def reduce(self, key: Key, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Note this tile's part.

        Raises:
            Enough: It was the last one.
        """
        reduction = REDUCTIONS[key[0]]
        if key in self._sites:
            self.parts[key] = self._part(reduction, call, self._sites[key])
            if self._stops and key == self._last:
                if self._resumption is not None:
                    self._resumption.stop()
                raise Enough
        if key in self._known:
            return reduction.result(call, self._known[key])
        return run(*call.args, **call.kwargs)

    def _part(self, reduction: Reduction, call: Call, site: StatisticSite) -> tuple[Tensor, float]:
        subjects = reduction.subjects(call)
        pieces = [
            _cut(x, axes, self._frame).float()
            for (x, _), axes in zip(subjects, site.axes, strict=True)
        ]
        weight = math.prod(pieces[0].shape[dim] for dim in subjects[0][1])
        return reduction.part(call, pieces).cpu(), float(weight)


def _cut(x: Tensor, axes: Sequence[MapAxis], frame: Frame) -> Tensor:
    """Return the part of an inner tensor that lies over the frame's core."""
    size, core = frame.size, frame.core
    for axis in axes:
        if axis.along == "y":
            x = _narrowed(x, axis, (core.y, core.bottom), size.height)
        elif axis.along == "x":
            x = _narrowed(x, axis, (core.x, core.right), size.width)
        else:
            height, width = round(size.height * axis.ratio), round(size.width * axis.ratio)
            if height * width == x.shape[axis.dim]:
                x = x.unflatten(axis.dim, (height, width))
                x = _narrowed(x, axis, (core.y, core.bottom), size.height)
                x = _narrowed(x, axis, (core.x, core.right), size.width, dim=axis.dim + 1)
                x = x.flatten(axis.dim, axis.dim + 1)
    return x


def _narrowed(
    x: Tensor, axis: MapAxis, part: tuple[int, int], side: int, dim: int | None = None
) -> Tensor:
    """Return the positions over a part of a side; a part at the side's end includes the margin."""
    dim = axis.dim if dim is None else dim
    length = x.shape[dim]
    start = 0 if part[0] <= 0 else round((part[0] + axis.margin) * axis.ratio)
    stop = length if part[1] >= side else round((part[1] + axis.margin) * axis.ratio)
    start = max(0, min(start, length - 1))
    return x.narrow(dim, start, max(1, min(stop, length) - start))


class Replay(ReductionWatch):
    """Runs a forward with the statistics of the whole picture.

    Args:
        known: The statistics.
        resumption: Where an earlier forward of the tile stopped; None: it is run from its start.
    """

    def __init__(self, known: Statistics, resumption: Resumption | None = None) -> None:
        super().__init__(resumption)
        self._known = known

    def reduce(self, key: Key, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Return the operator's result for the picture's statistic, or run the operator."""
        if key in self._known:
            return REDUCTIONS[key[0]].result(call, self._known[key])
        return run(*call.args, **call.kwargs)


class Combination:
    """Averages the parts of all tiles of one round."""

    def __init__(self) -> None:
        self._totals: dict[Key, Tensor] = {}
        self._weights: dict[Key, float] = {}

    def add(self, parts: Parts) -> None:
        """Add a tile's parts."""
        for key, (part, weight) in parts.items():
            total = self._totals.get(key)
            if REDUCTIONS[key[0]].largest:
                self._totals[key] = part if total is None else torch.maximum(total, part)
                self._weights[key] = 1.0
            else:
                share = part.double() * weight
                self._totals[key] = share if total is None else total + share
                self._weights[key] = self._weights.get(key, 0.0) + weight

    def averages(self) -> dict[Key, Tensor]:
        """Return the statistics of all tiles together, in float32, on the CPU."""
        return {key: (sum_ / self._weights[key]).float() for key, sum_ in self._totals.items()}
