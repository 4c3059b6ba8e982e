"""Structural similarity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.metrics.metric_registry import metric
from lib_upscalers.compare.metrics.windows import WINDOW

if TYPE_CHECKING:
    from lib_upscalers.compare.metrics.metric_registry import Plane


@metric(
    "SSIM",
    "higher",
    (-1.0, 1.0),
    needs_reference=True,
    digits=4,
    explanation="How much of the original's local structure is there: 1 is all of it.",
)
def ssim(picture: Plane, reference: Plane) -> float:
    """Return the mean SSIM with a Gaussian window of 1.5 pixels, by scikit-image.

    NaN where a side is below 11 pixels. Wang, Bovik, Sheikh and Simoncelli 2004, "Image quality
    assessment: from error visibility to structural similarity",
    https://doi.org/10.1109/TIP.2003.819861
    """
    if min(picture.shape) < WINDOW:
        return math.nan
    from skimage.metrics import structural_similarity

    value: Any = structural_similarity(
        picture,
        reference,
        data_range=255.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(value)
