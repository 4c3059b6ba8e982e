"""Halos and ringing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.compare.metrics.metric_registry import metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.compare.metrics.metric_registry import Plane

_ROWS = 64


def _widest(values: Plane, choose: Callable[[Plane, Plane], Plane]) -> Plane:
    """Return what is chosen of each value and its neighbours above and below."""
    chosen = values.copy()
    chosen[1:] = choose(chosen[1:], values[:-1])
    chosen[:-1] = choose(chosen[:-1], values[1:])
    return chosen


def _limits(source: Plane) -> tuple[Plane, Plane]:
    """Return the least and the greatest of the 3 x 3 values around each."""
    low = _widest(_widest(source, np.minimum).T, np.minimum).T
    high = _widest(_widest(source, np.maximum).T, np.maximum).T
    return low, high


@metric(
    "Overshoot",
    "lower",
    (0.0, 255.0),
    needs_reference=False,
    unit="levels",
    digits=3,
    explanation="How far pixels go beyond the darkest and brightest of the picture that came in, "
    "around the same spot, on average: halos and ringing at edges.",
)
def overshoot(picture: Plane, source: Plane) -> float:
    """Return the mean distance from the range of the 3 x 3 pixels around, in 8-bit levels."""
    low, high = _limits(source)
    height, width = picture.shape
    rows = ((np.arange(height) + 0.5) * source.shape[0] / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * source.shape[1] / width).astype(np.intp)
    low, high = low[:, columns], high[:, columns]
    total = 0.0
    for top in range(0, height, _ROWS):
        part, among = picture[top : top + _ROWS], rows[top : top + _ROWS]
        beyond = np.maximum(low[among] - part, part - high[among])
        total += float(np.maximum(beyond, 0).sum(dtype=np.float64))
    return total / picture.size
