"""Limit colours at the edges of transparency, and transparency itself, to the source around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.geometry import row_strips
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.resampling.separable import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[Any]

_REACH = 2
# Above this share of the greatest alpha nearby, the edge is too faint to show another colour.
_EVEN = 0.9


def limit_edges(pixels: Pixels, alpha: Pixels, source: Pixels, source_alpha: Pixels) -> Pixels:
    """Return an enlarged picture's colours, limited where its source's transparency is uneven.

    A network enlarges colour and transparency apart and sharpens both, so that the colour of a
    nearly transparent pixel may show in the edge of an opaque one. There, no colour becomes
    brighter on black, nor darker on white, than the source is within two pixels.

    Args:
        pixels: Shape (H, W, C), uint8, uint16, or float32 in [0, 1].
        alpha: Shape (H, W), same dtype.
        source: The colours before, shape (h, w, C), same dtype.
        source_alpha: The transparency before, shape (h, w), same dtype.

    Returns:
        The same shape and dtype as `pixels`; `pixels` itself where no edge needs it.
    """
    uneven = _uneven(source_alpha)
    if not uneven.any():
        return pixels
    height, width, channels = pixels.shape
    columns = nearest(source.shape[1], width)
    lines = nearest(len(source), height)
    result = pixels.copy()
    for rows in row_strips(height, 16 * width * channels):
        wide = uneven[lines[rows]][:, columns]
        if wide.any():
            first, last = int(lines[rows][0]), int(lines[rows][-1]) + 1
            brightest, darkest = _bounds(source, source_alpha, first, last)
            place = lines[rows][:, None] - first, columns[None]
            limited = _limited(pixels[rows], alpha[rows], brightest[place], darkest[place])
            result[rows] = np.where(wide[..., None], limited, pixels[rows])
    return result


def limit_transparency(alpha: Pixels, source: Pixels) -> Pixels:
    """Return an enlarged picture's transparency, limited to the source's within two pixels.

    A network does not give exactly what it is fed, even where that is flat: what was fully
    transparent would become a haze of some levels, and what was opaque would let light through.

    Args:
        alpha: Shape (H, W), uint8, uint16, or float32 in [0, 1].
        source: The transparency before, shape (h, w), same dtype, no larger.

    Returns:
        The same shape and dtype as `alpha`.
    """
    height, width = alpha.shape
    columns, lines = nearest(source.shape[1], width), nearest(len(source), height)
    most, least = _extreme(source, np.maximum), _extreme(source, np.minimum)
    result = np.empty_like(alpha)
    for rows in row_strips(height, 8 * width):
        place = lines[rows][:, None], columns[None]
        result[rows] = np.clip(alpha[rows], least[place], most[place])
    return result


def _uneven(alpha: Pixels) -> NDArray[np.bool_]:
    """Return where a pixel has clearly less alpha than one nearby, or is near one that has.

    Fully transparent pixels do not count: their colours are filled before.
    """
    low = (alpha > 0) & (alpha < _EVEN * _extreme(alpha, np.maximum))
    return _extreme(low, np.maximum)


def _extreme(values: Pixels, choose: np.ufunc) -> Pixels:
    """Return the greatest, or least, value within `_REACH` of each pixel, (H, W) or (H, W, C)."""
    for axis in (0, 1):
        pad = [(_REACH, _REACH) if axis == each else (0, 0) for each in range(values.ndim)]
        padded = np.pad(values, pad, mode="edge")
        length = values.shape[axis]
        parts = [padded.take(range(i, i + length), axis) for i in range(2 * _REACH + 1)]
        values = choose.reduce(parts)
    return values


def _bounds(
    source: Pixels, alpha: Pixels, first: int, last: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the brightest on black and the darkest on white around the rows of the source."""
    top, bottom = max(0, first - _REACH), min(len(source), last + _REACH)
    cover = to_depth(alpha[top:bottom, :, None], np.float32)
    black = to_depth(source[top:bottom], np.float32) * cover
    rows = slice(first - top, last - top)
    return _extreme(black, np.maximum)[rows], _extreme(black + 1 - cover, np.minimum)[rows]


def _limited(
    pixels: Pixels,
    alpha: Pixels,
    brightest: NDArray[np.float32],
    darkest: NDArray[np.float32],
) -> Pixels:
    cover = to_depth(alpha[..., None], np.float32)
    black = to_depth(pixels, np.float32) * cover
    black = np.minimum(np.maximum(black, darkest - 1 + cover), brightest)
    colour = black / np.maximum(cover, np.float32(1e-6))
    return to_depth(np.clip(colour, 0, 1), pixels.dtype)
