"""Sharpness of edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.compare.metrics.metric_registry import metric

if TYPE_CHECKING:
    from lib_upscalers.compare.metrics.metric_registry import Plane


@metric(
    "Sharpness",
    "higher",
    (0.0, 361.0),
    needs_reference=False,
    unit="levels",
    digits=2,
    explanation="How steep the steps from pixel to pixel are (root of their mean square). Noise, "
    "jagged edges and ringing count as sharp, too.",
)
def sharpness(picture: Plane, source: Plane) -> float:
    """Return the root mean square of the gradient from pixel to pixel, in 8-bit levels."""
    del source
    across = np.diff(picture, axis=1) if picture.shape[1] > 1 else np.zeros(1, np.float32)
    down = np.diff(picture, axis=0) if picture.shape[0] > 1 else np.zeros(1, np.float32)
    return float(np.sqrt(_mean_square(across) + _mean_square(down)))


def _mean_square(values: Plane) -> float:
    return float(np.vdot(values, values)) / values.size
