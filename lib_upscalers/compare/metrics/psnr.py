"""Peak signal-to-noise ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.compare.metrics.metric_registry import metric

if TYPE_CHECKING:
    from lib_upscalers.compare.metrics.metric_registry import Plane

MOST = 100.0


def decibels(first: Plane, second: Plane) -> float:
    """Return the PSNR of two planes of 8-bit levels, in dB; at most 100, for equal ones."""
    difference = first.astype(np.float64)
    difference -= second
    error = float(np.vdot(difference, difference)) / difference.size
    return MOST if error <= 255**2 / 10 ** (MOST / 10) else float(10 * np.log10(255**2 / error))


@metric(
    "PSNR",
    "higher",
    (0.0, MOST),
    needs_reference=True,
    unit="dB",
    digits=2,
    explanation="How close the pixels are to those of the original, on average: the usual measure "
    "of papers (of luma). It likes soft pictures better than people do.",
)
def psnr(picture: Plane, reference: Plane) -> float:
    """Return the Y-PSNR in dB, as papers on upscaling report it (ITU-R BT.601 luma)."""
    return decibels(picture, reference)
