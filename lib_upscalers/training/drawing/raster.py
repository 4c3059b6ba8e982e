"""Make antialiased masks of polygons, discs and tapered strokes, and paint with them.

A canvas is a float32 array (H, W, 3), values about [0, 1]; coordinates are (x, y) in its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

Floats = NDArray[np.float32]
Points = NDArray[np.float64]

OVERSAMPLE = 2


@dataclass(frozen=True)
class Patch:
    """A mask that covers a part of a canvas.

    Attributes:
        top: The canvas row of the mask's first row.
        left: The canvas column of its first column.
        alpha: Coverage, float32 (h, w) in [0, 1]; the patch lies wholly on the canvas.
    """

    top: int
    left: int
    alpha: Floats

    @property
    def window(self) -> tuple[slice, slice]:
        """The part of the canvas below the mask."""
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


class MaskMaker:
    """Collects shapes of one colour and turns them into one mask.

    Args:
        size: Height and width of the canvas.
        box: The least and greatest (x, y) that the shapes will reach, as (x0, y0, x1, y1).
        blur: Standard deviation of a Gaussian blur of the mask, in canvas pixels.
    """

    def __init__(
        self, size: tuple[int, int], box: tuple[float, float, float, float], blur: float = 0.0
    ) -> None:
        margin = 2 + round(2 * blur)
        self._left = min(max(int(box[0]) - margin, 0), size[1])
        self._top = min(max(int(box[1]) - margin, 0), size[0])
        right = max(min(int(box[2]) + margin + 1, size[1]), self._left)
        bottom = max(min(int(box[3]) + margin + 1, size[0]), self._top)
        self._shape = (bottom - self._top, right - self._left)
        self._blur = float(blur)
        self._image = Image.new("L", (self._shape[1] * OVERSAMPLE, self._shape[0] * OVERSAMPLE))
        self._draw = ImageDraw.Draw(self._image)

    def _place(self, points: Points) -> list[tuple[float, float]]:
        moved = (points - (self._left, self._top)) * OVERSAMPLE - 0.5
        return [(float(x), float(y)) for x, y in moved]

    def polygon(self, points: Points, value: int = 255) -> None:
        """Fill the closed polygon with these corners, shape (n, 2); 0 cuts it out again."""
        self._draw.polygon(self._place(points), fill=value)

    def disc(self, centre: tuple[float, float], radius: float, value: int = 255) -> None:
        """Fill a disc."""
        corners = np.array([centre, centre]) + np.array([[-radius] * 2, [radius] * 2])
        self._draw.ellipse([xy for corner in self._place(corners) for xy in corner], fill=value)

    def stroke(self, points: Points, widths: Points, value: int = 255) -> None:
        """Draw a line through the points whose width, shape (n,), changes along it."""
        step = np.diff(points, axis=0)
        normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
        normal /= np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)[:, None]
        for i in range(len(step)):
            start, stop = normal[i] * widths[i] / 2, normal[i] * widths[i + 1] / 2
            corners = [points[i] + start, points[i + 1] + stop, points[i + 1] - stop]
            self.polygon(np.array([*corners, points[i] - start]), value)
            if widths[i] * OVERSAMPLE > 2:
                self.disc((float(points[i][0]), float(points[i][1])), float(widths[i]) / 2, value)

    def finish(self) -> Patch | None:
        """Return the mask, or None if all of it is outside the canvas."""
        if 0 in self._shape:
            return None
        image = self._image.reduce(OVERSAMPLE)
        if self._blur > 0:
            image = image.filter(ImageFilter.GaussianBlur(self._blur))
        return Patch(self._top, self._left, (np.asarray(image) / 255).astype(np.float32))


def bounds(points: Points, margin: float = 0.0) -> tuple[float, float, float, float]:
    """Return the box (x0, y0, x1, y1) around points, shape (n, 2), grown by `margin`."""
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def fill(size: tuple[int, int], points: Points, blur: float = 0.0) -> Patch | None:
    """Return the mask of one polygon, blurred by `blur` canvas pixels."""
    maker = MaskMaker(size, bounds(points), blur)
    maker.polygon(points)
    return maker.finish()


def strokes(
    size: tuple[int, int], lines: Iterable[tuple[Points, Points]], blur: float = 0.0
) -> Patch | None:
    """Return one mask of many strokes, given as (points, widths)."""
    visible = list(lines)
    if not visible:
        return None
    reach = max(float(widths.max()) for _, widths in visible)
    maker = MaskMaker(size, bounds(np.concatenate([line for line, _ in visible]), reach), blur)
    for points, widths in visible:
        maker.stroke(points, widths)
    return maker.finish()


def paint(canvas: Floats, patch: Patch | None, colour: Floats, opacity: float = 1.0) -> None:
    """Paint a colour, shape (3,), or coloured pixels (h, w, 3) on the canvas where the mask is."""
    if patch is None:
        return
    below = canvas[patch.window]
    below += (colour - below) * (patch.alpha * np.float32(opacity))[..., None]
