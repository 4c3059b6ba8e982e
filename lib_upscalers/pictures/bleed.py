"""Colours under transparent pixels: unseen, until something mixes them with their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIP_VALUES = 1 << 20
_FAR = 1 << 40


def bleed_free(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Give fully transparent pixels the colour of their nearest visible neighbour.

    Nearest by the sum of horizontal and vertical distance, found exactly: first along rows,
    then along columns.

    Args:
        pixels: Shape (H, W, C), any dtype.
        alpha: Shape (H, W); 0 is fully transparent.

    Returns:
        The same shape and dtype; `pixels` itself where nothing is hidden or nothing visible.
    """
    visible = alpha > 0
    if visible.all() or not visible.any():
        return pixels
    column = _nearest_in_row(visible)
    result = pixels.copy()
    width = pixels.shape[1]
    step = max(1, _STRIP_VALUES // len(pixels))
    for left in range(0, width, step):
        part = slice(left, min(left + step, width))
        row, across = _nearest_of_rows(column[:, part], left)
        hidden = ~visible[:, part]
        result[:, part][hidden] = pixels[row[hidden], across[hidden]]
    return result


def _nearest_in_row(visible: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return, for every pixel, the column of its row's nearest visible one; -1 if none is."""
    width = visible.shape[1]
    result = np.empty(visible.shape, np.int32)
    column = np.arange(width, dtype=np.int32)
    step = max(1, _STRIP_VALUES // width)
    for top in range(0, len(visible), step):
        strip = visible[top : top + step]
        left = np.maximum.accumulate(np.where(strip, column, -width), axis=1)
        right = np.where(strip, column, 2 * width)[:, ::-1]
        right = np.minimum.accumulate(right, axis=1)[:, ::-1]
        nearest = np.where(column - left <= right - column, left, right)
        nearest[~strip.any(axis=1)] = -1
        result[top : top + step] = nearest
    return result


def _nearest_of_rows(
    column: NDArray[np.int32], left: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of the nearest visible pixel for some columns of the picture.

    Args:
        column: What `_nearest_in_row` found for them.
        left: The first of them.
    """
    height, width = column.shape
    row = np.arange(height, dtype=np.int64)[:, None]
    across = np.arange(left, left + width)
    distance = np.where(column < 0, _FAR, np.abs(column - across))
    # A row above is nearer the less its distance minus its number is, wherever one looks from;
    # the number rides along in the lowest digits.
    above = np.minimum.accumulate((distance - row) * height + row, axis=0)
    below = np.minimum.accumulate(((distance + row) * height + row)[::-1], axis=0)[::-1]
    chosen = np.where(above // height + row <= below // height - row, above, below) % height
    return chosen, np.take_along_axis(column, chosen, axis=0).astype(np.int64)
