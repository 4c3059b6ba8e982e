"""Read a tile's source from a picture, padded beyond the picture's edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.geometry import Region, Size

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from lib_upscalers.geometry import Border
    from lib_upscalers.network import NetworkTraits


def required_size(size: Size, traits: NetworkTraits) -> Size:
    """Return the least size, not below `size`, that the network accepts."""
    step = traits.multiple_of
    width, height = (
        -(-max(side, traits.minimum) // step) * step for side in (size.width, size.height)
    )
    return Size(max(width, height), max(width, height)) if traits.square else Size(width, height)


def read_source(
    pixels: NDArray[Any], region: Region, traits: NetworkTraits, border: Border
) -> NDArray[Any]:
    """Return a region of a picture, padded to a size that the network accepts.

    Args:
        pixels: The picture, shape (H, W, C).
        region: What to read; it may reach over the picture's edges.
        traits: The sizes that the network accepts. Padding is added on the right and below, and so
            is its part of the result.
        border: What lies beyond the picture: its mirror image, its last pixel, or the picture again
            from its other side. With "none" nothing is read there, except to reach a size that the
            network accepts; that part is the mirror image.

    Returns:
        Shape (h, w, C); a view of `pixels` where nothing had to be added.
    """
    size = required_size(region.size, traits)
    height, width = pixels.shape[:2]
    grown = Region(region.x, region.y, size.width, size.height)
    if grown == region and Region.whole(Size(width, height)).contains(region):
        return pixels[region.rows, region.columns]
    rows = _indices(region.y, region.height, size.height, height, border)
    columns = _indices(region.x, region.width, size.width, width, border)
    return pixels[rows[:, None], columns[None, :]]


def _indices(start: int, length: int, grown: int, limit: int, border: Border) -> NDArray[np.intp]:
    """Return which of `limit` rows to read for `length` rows, mirrored up to `grown`."""
    inner = _fold_index(np.arange(start, start + length), limit, border)
    return inner[_fold_index(np.arange(grown), length, "reflect")]


def _fold_index(index: NDArray[np.intp], limit: int, border: Border) -> NDArray[np.intp]:
    if border == "wrap":
        return index % limit
    if border == "replicate" or limit == 1:
        return np.clip(index, 0, limit - 1)
    period = 2 * limit - 2
    index = index % period
    return np.minimum(index, period - index)
