"""Decode 16-bit colour, of which Pillow returns only the upper byte, by decoding twice."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.pictures.corrections import has_planes_apart, with_kind
from lib_upscalers.pictures.picture import read_bytes, split_alpha

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image, ImageFile

_SWAPPED = ";16B" if sys.byteorder == "little" else ";16L"
_LOW_BYTES: Mapping[str, str] = {";16B": ";16L", ";16L": ";16B", ";16N": _SWAPPED}
_KINDS = ("RGB", "RGBA", "RGBa", "RGBX", "LA", "R", "G", "B", "A")


@dataclass(frozen=True)
class DeepTiles:
    """How the two bytes of an image's values are decoded.

    Attributes:
        high: The tiles that give the upper bytes.
        low: Those that give the lower bytes; of grey with alpha both bytes of each value.
        paired: Whether `low` gives both.
        premultiplied: Whether colours are multiplied by alpha.
        white: The value of white.
    """

    high: list[Any]
    low: list[Any]
    paired: bool
    premultiplied: bool
    white: int = 65535


def deep_tiles(image: ImageFile.ImageFile) -> DeepTiles | None:
    """Return how an image's 16 bits can be read.

    Pillow returns the upper byte of each value and drops the other. A tile names the byte order of
    its values; with the opposite order Pillow returns the other byte. Grey with alpha is half as
    wide as RGBA, and both bytes are returned if it is read as RGBA.

    Returns:
        None if the file has no more than 8 bits, or Pillow returns all bits; or of planes that are
        compressed, of which it returns the upper byte twice.
    """
    given: list[Any] = list(image.tile)
    if has_planes_apart(image) and any(tile[0] == "libtiff" for tile in given):
        return None
    high: list[Any] = []
    low: list[Any] = []
    kind, white = "", 65535
    for tile in given:
        if tile[0] == "ppm" and image.mode == "RGB":
            white = tile[3][1]
            tile = with_kind(tile, "RGB;16B" if white > 255 else "RGB", "raw")  # noqa: PLW2901
        kind, order = _kind(tile)[:-4], _kind(tile)[-4:]
        if kind not in _KINDS or order not in _LOW_BYTES:
            return None
        plain = kind.replace("a", "A")
        high.append(with_kind(tile, plain + order))
        low.append(with_kind(tile, "RGBA" if kind == "LA" else plain + _LOW_BYTES[order]))
    if not high:
        return None
    return DeepTiles(high, low, paired=kind == "LA", premultiplied=kind == "RGBa", white=white)


def _kind(tile: Any) -> str:  # noqa: ANN401 - a named tuple since Pillow 11.1
    arguments: Any = tile[3] or ""
    return str(arguments if isinstance(arguments, str) else arguments[0])


def known_bands(image: Image.Image) -> NDArray[np.uint8]:
    """Return a loaded image's values, shape (H, W, bands), without bands of unknown meaning."""
    # Older versions of Pillow also return the fourth of TIFF's bands, whatever it is.
    values = read_bytes(image)
    return values[..., :3] if image.mode == "RGBX" else values


def join_bytes(
    high: NDArray[np.uint8], low: NDArray[np.uint8], tiles: DeepTiles
) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    """Return 16-bit pixels and alpha from the upper and lower bytes of their values.

    Args:
        high: Shape (H, W, bands), what `tiles.high` gave.
        low: What `tiles.low` gave.
        tiles: How they were decoded.
    """
    if tiles.paired:
        return split_alpha(low.view(">u2").astype(np.uint16))
    result = high.astype(np.uint16)
    result <<= 8
    result |= low
    if tiles.white != 65535:
        result = np.rint(np.minimum(result * (65535 / tiles.white), 65535)).astype(np.uint16)
    pixels, alpha = split_alpha(result)
    if tiles.premultiplied and alpha is not None:
        cover = np.maximum(alpha, 1).astype(np.float32)[..., None]
        colour = np.minimum(pixels.astype(np.float32) * 65535 / cover, 65535)
        pixels = np.rint(colour).astype(np.uint16)
    return pixels, alpha
