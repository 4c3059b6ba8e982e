"""Decode 16-bit colour, of which Pillow returns only the upper byte, by decoding twice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.pictures.picture import read_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image, ImageFile

_SWAPPED = ";16B" if sys.byteorder == "little" else ";16L"
_LOW_BYTES: Mapping[str, str] = {";16B": ";16L", ";16L": ";16B", ";16N": _SWAPPED}


def low_byte_tiles(image: ImageFile.ImageFile) -> list[Any] | None:
    """Return the image's tiles so that decoding them gives the lower byte of 16-bit values.

    Pillow returns the upper byte of each and drops the other. A tile names the byte order of its
    values; with the opposite order Pillow returns the other byte. Grey with alpha is half as wide
    as RGBA, and both bytes are returned if it is read as RGBA.

    Returns:
        None if the file has no more than 8 bits, or Pillow returns all bits.
    """
    tiles: list[Any] = []
    for tile in image.tile:
        codec, extents, offset, arguments = tile
        listed = (arguments,) if isinstance(arguments, str) else tuple(arguments or ("",))
        name = str(listed[0])
        kind, order = name[:-4], name[-4:]
        if kind not in ("RGB", "RGBA", "RGBX", "LA") or order not in _LOW_BYTES:
            return None
        swapped = "RGBA" if kind == "LA" else kind + _LOW_BYTES[order]
        changed = swapped if isinstance(arguments, str) else (swapped, *listed[1:])
        values = (codec, extents, offset, changed)
        # Since Pillow 11.1 a tile is a named tuple.
        tiles.append(values if type(tile) is tuple else type(tile)(*values))
    return tiles or None


def known_bands(image: Image.Image) -> NDArray[np.uint8]:
    """Return a loaded image's values, shape (H, W, bands), without bands of unknown meaning."""
    # Older versions of Pillow also return the fourth of TIFF's bands, whatever it is.
    values = read_bytes(image)
    return values[..., :3] if image.mode == "RGBX" else values


def join_bytes(
    high: NDArray[np.uint8], low: NDArray[np.uint8], *, paired: bool
) -> NDArray[np.uint16]:
    """Return 16-bit values from their upper and lower bytes.

    Args:
        high: Shape (H, W, bands), the upper bytes.
        low: The same of the lower bytes.
        paired: Whether `low` already holds both, upper byte first.
    """
    if paired:
        return low.view(">u2").astype(np.uint16)
    result = high.astype(np.uint16)
    result <<= 8
    result |= low
    return result
