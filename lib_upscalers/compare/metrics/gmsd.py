"""Gradient magnitude similarity deviation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.compare.metrics.metric_registry import metric
from lib_upscalers.compare.metrics.windows import halved

if TYPE_CHECKING:
    from lib_upscalers.compare.metrics.metric_registry import Plane

_STABILITY = 170.0
_LEAST = 4


def _gradient(plane: Plane) -> Plane:
    """Return the magnitude of Prewitt's gradient of the halved picture; beyond it is 0."""
    wide = np.pad(halved(plane), 1)
    down = wide[:-2] + wide[1:-1] + wide[2:]
    across = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    x, y = down[:, :-2] - down[:, 2:], across[:-2] - across[2:]
    magnitude = np.sqrt(x * x + y * y) / 3
    return magnitude.astype(np.float32, copy=False)


@metric(
    "GMSD",
    "lower",
    (0.0, 1.0),
    needs_reference=True,
    digits=4,
    explanation="How unevenly edges differ from the original's: 0 is not at all. Close to what "
    "people say, and needs no network.",
)
def gmsd(picture: Plane, reference: Plane) -> float:
    """Return the GMSD with the paper's constant for 8-bit levels.

    NaN where a side is below 4 pixels. Xue, Zhang, Mou and Bovik 2014, "Gradient magnitude
    similarity deviation", https://doi.org/10.1109/TIP.2013.2293423
    """
    if min(picture.shape) < _LEAST:
        return math.nan
    a, b = _gradient(picture), _gradient(reference)
    similarity = (2 * a * b + _STABILITY) / (a * a + b * b + _STABILITY)
    return float(similarity.std(dtype=np.float64))
