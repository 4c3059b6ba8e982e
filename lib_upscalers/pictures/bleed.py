"""Fill hidden colours, under transparent pixels, before something mixes them into visible ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.geometry import row_strips

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIP_BYTES = 8 << 20
_FAR = 1 << 40
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_REACH = len(_BINOMIAL) // 2
_LEAST = np.float32(1e-12)


def fill_hidden(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Give transparent and nearly transparent pixels the colours of visible neighbours.

    Needed before colour and transparency are enlarged apart, as by networks: where a nearly
    transparent pixel lies beside an opaque one, its colour would show in the edge between them.
    Pixels with less than half of the alpha within two pixels around them are mixed with those, by
    alpha; fully transparent ones then get the nearest colour.

    Args:
        pixels: Shape (H, W, C), uint8, uint16, or float32.
        alpha: Shape (H, W), same dtype.

    Returns:
        The same shape and dtype; `pixels` itself where nothing is hidden or nothing visible.
    """
    result = pixels
    height, width, channels = pixels.shape
    for rows in row_strips(height, 8 * width * (channels + 1)):
        first, last = max(0, rows.start - _REACH), min(height, rows.stop + _REACH)
        strength = _replaced_share(alpha[first:last])
        if not strength.any():
            continue
        result = pixels.copy() if result is pixels else result
        mixed = _mix(pixels[first:last], alpha[first:last], strength)
        result[rows] = mixed[rows.start - first : rows.stop - first]
    return bleed_free(result, alpha)


def _replaced_share(alpha: NDArray[Any]) -> NDArray[np.float32]:
    """Return how much of each visible pixel's colour is to be replaced, from 0 to 1."""
    most = alpha
    for axis in (0, 1):
        padded = np.pad(most, [(_REACH, _REACH) if axis == each else (0, 0) for each in (0, 1)])
        length = alpha.shape[axis]
        most = np.max(
            [padded.take(range(i, i + length), axis) for i in range(2 * _REACH + 1)], axis=0
        )
    share = alpha.astype(np.float32) / np.maximum(most.astype(np.float32), _LEAST)
    strength = np.clip(1 - 2 * share, 0, 1) ** 2
    strength[alpha == 0] = 0
    return strength


def _mix(pixels: NDArray[Any], alpha: NDArray[Any], strength: NDArray[np.float32]) -> NDArray[Any]:
    """Return pixels mixed, by `strength`, with the mean around them that is weighted by alpha."""
    weight = alpha.astype(np.float32)[..., None]
    colour = pixels.astype(np.float32)
    mean = _blur(colour * weight) / np.maximum(_blur(weight), _LEAST)
    colour += strength[..., None] * (mean - colour)
    return colour if pixels.dtype.kind == "f" else np.rint(colour).astype(pixels.dtype)


def _blur(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blur rows and columns by a binomial kernel; beyond the edges is 0."""
    for axis in (0, 1):
        length = values.shape[axis]
        pad = [(_REACH, _REACH) if axis == each else (0, 0) for each in (0, 1, 2)]
        padded = np.pad(values, pad)
        values = np.zeros_like(values)
        for place, weight in enumerate(_BINOMIAL):
            values += np.float32(weight) * padded.take(range(place, place + length), axis)
    return values


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
    for part in row_strips(width, 16 * len(pixels), strip_bytes=_STRIP_BYTES):
        row, across = _nearest_of_rows(column[:, part], part.start)
        hidden = ~visible[:, part]
        result[:, part][hidden] = pixels[row[hidden], across[hidden]]
    return result


def _nearest_in_row(visible: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return, for every pixel, the column of its row's nearest visible one; -1 if none is."""
    width = visible.shape[1]
    result = np.empty(visible.shape, np.int32)
    column = np.arange(width, dtype=np.int32)
    for rows in row_strips(len(visible), 8 * width, strip_bytes=_STRIP_BYTES):
        strip = visible[rows]
        left = np.maximum.accumulate(np.where(strip, column, -width), axis=1)
        right = np.where(strip, column, 2 * width)[:, ::-1]
        right = np.minimum.accumulate(right, axis=1)[:, ::-1]
        nearest = np.where(column - left <= right - column, left, right)
        nearest[~strip.any(axis=1)] = -1
        result[rows] = nearest
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
    # A row above is nearer the less its distance minus its number is, seen from any row below; the
    # lowest digits carry the number.
    above = np.minimum.accumulate((distance - row) * height + row, axis=0)
    below = np.minimum.accumulate(((distance + row) * height + row)[::-1], axis=0)[::-1]
    chosen = np.where(above // height + row <= below // height - row, above, below) % height
    return chosen, np.take_along_axis(column, chosen, axis=0).astype(np.int64)
