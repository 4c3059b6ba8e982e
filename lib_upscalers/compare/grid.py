"""Arrange several pictures in one, each with a line of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.geometry import Size
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.formats import flattened
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.resampling.resample import resample_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from PIL import ImageFont

# Labels and gaps of narrow pictures would take more than the pictures.
_MOST_SIDE = 16384
_MOST_PIXELS = 64_000_000
_GAP = 8
_INK, _PAPER = 24, 250


def _font(height: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    from PIL import ImageFont

    try:
        return ImageFont.load_default(height)
    except (TypeError, OSError):  # Before Pillow 10.1, or without FreeType: one small font.
        return ImageFont.load_default()


def _label(text: str, width: int, height: int) -> NDArray[np.uint8]:
    """Return a line of text as wide as a picture, cut off if it is longer."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (width, height), _PAPER)
    draw, font = ImageDraw.Draw(image), _font(round(height * 0.6))
    place = (height // 6, height // 6)
    try:
        draw.text(place, text, fill=_INK, font=font)
    except UnicodeError:
        draw.text(place, text.encode("ascii", "replace").decode(), fill=_INK, font=font)
    return np.asarray(image)


def _rgb(picture: Picture, size: Size) -> NDArray[np.uint8]:
    pixels = to_depth(flattened(picture).pixels, np.uint8)
    if picture.size != size:
        pixels = resample_pixels(pixels, size, "Lanczos" if size.width > 1 else "Box")
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def labelled_grid(pictures: Iterable[Picture], labels: Sequence[str], size: Size) -> Picture:
    """Return a picture that shows all of them in rows, with their labels above.

    Args:
        pictures: As many as there are labels; read one after the other.
        labels: One line each, without line breaks.
        size: The size to which all are resampled; less if the grid were over 64 megapixels, or a
            side of one over 16,384 pixels.

    Returns:
        RGB, 8 bit, on a light ground.
    """
    columns = max(1, math.ceil(math.sqrt(len(labels))))
    rows = max(1, math.ceil(len(labels) / columns))
    share = min(1.0, math.sqrt(_MOST_PIXELS / (size.area * columns * rows)))
    share = min(share, _MOST_SIDE / max(size.width, size.height))
    cell = Size(max(1, round(size.width * share)), max(1, round(size.height * share)))
    line = max(20, min(64, cell.width // 12))
    across, down = cell.width + _GAP, cell.height + line + _GAP
    shape = rows * down + _GAP, columns * across + _GAP, 3
    canvas = np.full(shape, _PAPER, np.uint8)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        top, left = _GAP + index // columns * down, _GAP + index % columns * across
        columns_here = slice(left, left + cell.width)
        canvas[top : top + line, columns_here] = _label(label, cell.width, line)[..., None]
        rows_here = slice(top + line, top + line + cell.height)
        canvas[rows_here, columns_here] = _rgb(picture, cell)
    return Picture(canvas)
