"""Compute local statistics under SSIM's Gaussian window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lib_upscalers.compare.metrics.metric_registry import Plane

WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Squares of small numbers lose less in float32, and variances do not depend on where zero is.
_GREY = np.float32(125.5)
# Few values at a time, so that all intermediate results fit into a processor's cache.
_STRIP_VALUES = 1 << 15


def halved(plane: Plane) -> Plane:
    """Return the means of 2 x 2 pixels; an odd row or column is skipped."""
    height, width = (side // 2 * 2 for side in plane.shape)
    upper, lower = plane[:height:2, :width], plane[1:height:2, :width]
    total = upper + lower
    means = (total[:, ::2] + total[:, 1::2]) / 4
    return means.astype(np.float32, copy=False)


def _weights() -> NDArray[np.float32]:
    """Return one half of the window and its middle; the other half is its mirror image."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / _SIGMA) ** 2)
    return (weights / weights.sum())[: WINDOW // 2 + 1].astype(np.float32)


def _smoothed(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weighted means down the middle axis: `WINDOW` - 1 rows fewer."""
    rows, weights = planes.shape[1] - WINDOW + 1, _weights()
    half = WINDOW // 2
    total = planes[:, half : half + rows] * weights[half]
    pair = np.empty_like(total)
    for near, weight in enumerate(weights[:half]):
        far = WINDOW - 1 - near
        np.add(planes[:, near : near + rows], planes[:, far : far + rows], out=pair)
        pair *= weight
        total += pair
    return total


def _means(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means under the window, for each place where it lies inside."""
    down = _smoothed(planes)
    return _smoothed(down.transpose(0, 2, 1)).transpose(0, 2, 1)


def _strip(a: Plane, b: Plane) -> tuple[float, float]:
    """Return the sums over some rows of SSIM, and of its part for contrast and structure."""
    a, b = a - _GREY, b - _GREY
    mean_a, mean_b, square, product = _means(np.stack([a, b, (a * a + b * b) / 2, a * b]))
    # In such an order that equal pictures give exactly 1.
    spread = 2 * square - (mean_a * mean_a + mean_b * mean_b)
    contrast = (2 * product - 2 * mean_a * mean_b + _C2) / (spread + _C2)
    mean_a, mean_b = mean_a + _GREY, mean_b + _GREY
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a * mean_a + mean_b * mean_b + _C1)
    whole = float((luminance * contrast).sum(dtype=np.float64))
    return whole, float(contrast.sum(dtype=np.float64))


def similarities(first: Plane, second: Plane) -> tuple[float, float]:
    """Return the means of SSIM and of its part for contrast and structure.

    Args:
        first: Shape (H, W), float32, 8-bit levels, no side below 11.
        second: The same.
    """
    height, width = (side - WINDOW + 1 for side in first.shape)
    step = max(WINDOW, _STRIP_VALUES // width)
    whole = contrast = 0.0
    for top in range(0, height, step):
        rows = slice(top, top + step + WINDOW - 1)
        parts = _strip(first[rows], second[rows])
        whole, contrast = whole + parts[0], contrast + parts[1]
    return whole / (height * width), contrast / (height * width)
