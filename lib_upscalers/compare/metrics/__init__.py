"""Measures of the quality of an enlarged picture; importing this registers all of them."""

from __future__ import annotations

# The order of the tables.
from lib_upscalers.compare.metrics import psnr  # isort: skip
from lib_upscalers.compare.metrics import ssim  # isort: skip
from lib_upscalers.compare.metrics import ms_ssim  # isort: skip
from lib_upscalers.compare.metrics import gmsd  # isort: skip
from lib_upscalers.compare.metrics import agreement  # isort: skip
from lib_upscalers.compare.metrics import overshoot  # isort: skip
from lib_upscalers.compare.metrics import sharpness  # isort: skip
from lib_upscalers.compare.metrics.metric_registry import METRICS, Metric

__all__ = [
    "METRICS",
    "Metric",
    "agreement",
    "gmsd",
    "ms_ssim",
    "overshoot",
    "psnr",
    "sharpness",
    "ssim",
]
