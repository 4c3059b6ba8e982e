"""Halos and ringing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.compare.metrics.registry import metric

if TYPE_CHECKING:
    from lib_upscalers.compare.metrics.registry import Plane

_NEIGHBOURS = 3


def _limits(source: Plane) -> tuple[Plane, Plane]:
    from scipy.ndimage import maximum_filter, minimum_filter

    low, high = np.empty_like(source), np.empty_like(source)
    minimum_filter(source, _NEIGHBOURS, output=low)
    maximum_filter(source, _NEIGHBOURS, output=high)
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
    rows = (np.arange(height) + 0.5) * source.shape[0] / height
    columns = ((np.arange(width) + 0.5) * source.shape[1] / width).astype(np.intp)
    total = 0.0
    for row, line in zip(rows.astype(np.intp), picture, strict=True):
        beyond = np.maximum(low[row, columns] - line, line - high[row, columns])
        total += float(np.maximum(beyond, 0).sum())
    return total / picture.size
