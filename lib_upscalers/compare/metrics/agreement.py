"""Measure how well a result, shrunk again, agrees with the picture that was enlarged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.compare.metrics.metric_registry import metric
from lib_upscalers.compare.metrics.psnr import MOST, decibels
from lib_upscalers.geometry import Size
from lib_upscalers.resampling.resample import resample_pixels

if TYPE_CHECKING:
    from lib_upscalers.compare.metrics.metric_registry import Plane


@metric(
    "Agreement",
    "higher",
    (0.0, MOST),
    needs_reference=False,
    unit="dB",
    digits=2,
    explanation="The result is scaled back and set against the picture that came in (PSNR). What "
    "invents or shifts things is low.",
)
def agreement(picture: Plane, source: Plane) -> float:
    """Return the PSNR of the result, scaled back by an antialiased bicubic kernel, in dB."""
    size = Size(source.shape[1], source.shape[0])
    scaled = (picture / np.float32(255))[..., None]
    back = resample_pixels(scaled, size, "Bicubic")[..., 0] * np.float32(255)
    return decibels(back, source)
