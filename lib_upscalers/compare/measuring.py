"""Measure a result by all metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lib_upscalers.compare.align import cropped, luma, middle_region
from lib_upscalers.compare.metrics import METRICS
from lib_upscalers.geometry import Region

if TYPE_CHECKING:
    from lib_upscalers.geometry import Size
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress


def matching_regions(region: Region, of: Size, to: Size) -> tuple[Region, Region]:
    """Return the same part of two pictures of different sizes, in whole pixels of the smaller.

    Args:
        region: Which part of the first, about.
        of: The first one's size.
        to: The second one's.
    """
    if of == to:
        return region, region
    across, down = to.width / of.width, to.height / of.height
    if region == Region.whole(of) or across > 1 or down > 1:
        return Region.whole(of), Region.whole(to)
    small = Region.between(
        math.floor(region.x * across),
        math.floor(region.y * down),
        max(1, math.ceil(region.right * across)),
        max(1, math.ceil(region.bottom * down)),
    ).clipped(Region.whole(to))
    large = Region.between(
        round(small.x / across),
        round(small.y / down),
        round(small.right / across),
        round(small.bottom / down),
    ).clipped(Region.whole(of))
    return large, small


def measure(
    result: Picture, source: Picture, reference: Picture | None, progress: Progress
) -> dict[str, float]:
    """Measure a result by every metric; of a large one only the middle.

    Args:
        result: An upscaler's result.
        source: The picture that was enlarged.
        reference: The true picture, of the same size; None if it is unknown.
        progress: Its `check_cancelled` is called before each measure.

    Returns:
        The figures that are defined, by the measures' names.
    """
    region = middle_region(result.size)
    part, origin = matching_regions(region, result.size, source.size)
    plane = luma(cropped(result, part))
    against_source = plane, luma(cropped(source, origin))
    against_truth = None
    if reference is not None and reference.size == result.size:
        same = plane if part == region else luma(cropped(result, region))
        against_truth = same, luma(cropped(reference, region))
    planes = {True: against_truth, False: against_source}
    found: dict[str, float] = {}
    # Several threads would mostly wait for each other in these many short steps.
    for name, each in METRICS.items():
        pair = planes[each.needs_reference]
        if pair is not None:
            progress.check_cancelled()
            found[name] = each.measure(*pair)
    return {name: value for name, value in found.items() if math.isfinite(value)}
