"""Local statistics under SSIM's Gaussian window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lib_upscalers.compare.metrics.registry import Plane

WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def _mean(plane: Plane) -> Plane:
    from scipy.ndimage import correlate1d

    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / _SIGMA) ** 2)
    weights /= weights.sum()
    edge = WINDOW // 2
    across = correlate1d(plane, weights, axis=1)[:, edge : plane.shape[1] - edge]
    mean = correlate1d(across, weights, axis=0)[edge : plane.shape[0] - edge]
    return mean.astype(np.float32, copy=False)


def similarities(first: Plane, second: Plane) -> tuple[float, float]:
    """Return the means of SSIM and of its part for contrast and structure.

    Args:
        first: Shape (H, W), float32, 8-bit levels, no side below 11.
        second: The same.
    """
    a, b = first, second
    mean_a, mean_b = _mean(a), _mean(b)
    variance_a = _mean(a * a) - mean_a**2
    variance_b = _mean(b * b) - mean_b**2
    covariance = _mean(a * b) - mean_a * mean_b
    contrast = (2 * covariance + _C2) / (variance_a + variance_b + _C2)
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    whole = (luminance * contrast).mean(dtype=np.float64)
    return float(whole), float(contrast.mean(dtype=np.float64))
