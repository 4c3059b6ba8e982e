"""Structural similarity on several scales."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lib_upscalers.compare.metrics.metric_registry import metric
from lib_upscalers.compare.metrics.windows import WINDOW, halved, similarities

if TYPE_CHECKING:
    from lib_upscalers.compare.metrics.metric_registry import Plane

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@metric(
    "MS-SSIM",
    "higher",
    (0.0, 1.0),
    needs_reference=True,
    digits=4,
    explanation="SSIM on five scales, from fine to coarse: agrees with people better than SSIM.",
)
def ms_ssim(picture: Plane, reference: Plane) -> float:
    """Return the MS-SSIM with the paper's five scales and weights.

    NaN if a side is below 176 pixels, which are 11 on the fifth scale. A mean similarity below 0
    counts as 0. Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity for image
    quality assessment", https://doi.org/10.1109/ACSSC.2003.1292216
    """
    if min(picture.shape) < WINDOW * 2 ** (len(_WEIGHTS) - 1):
        return math.nan
    product = 1.0
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            picture, reference = halved(picture), halved(reference)
        whole, contrast = similarities(picture, reference)
        last = scale == len(_WEIGHTS) - 1
        product *= max(0.0, whole if last else contrast) ** weight
    return product
