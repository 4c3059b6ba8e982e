"""Draw the sample picture: an eye, in the style of anime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lib_upscalers.pictures.picture import Picture

WIDTH, HEIGHT = 192, 144
_FINENESS = 4  # sub-pixels a pixel on each side: edges are smooth
_CURVE_POINTS = 160

Color = tuple[int, int, int]
Point = tuple[float, float]

_INK: Color = (46, 30, 58)
_LASHES: Sequence[tuple[Point, Point, Point]] = (
    ((45, 68), (34, 62), (27, 51)),
    ((58, 54), (50, 46), (46, 34)),
    ((75, 45), (71, 36), (70, 26)),
    ((128, 49), (137, 41), (141, 30)),
    ((143, 61), (154, 54), (160, 43)),
)
_HAIR: Sequence[tuple[Point, Point, Point]] = (
    ((-4, 26), (46, 14), (66, -6)),
    ((-4, 40), (60, 20), (84, -6)),
    ((-4, 56), (28, 40), (40, -6)),
    ((196, 22), (150, 16), (126, -6)),
    ((196, 44), (170, 30), (158, -6)),
)


def _vector(values: Sequence[float]) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


@dataclass
class _Canvas:
    """Pixels in RGB floats, finer than the picture will be."""

    pixels: npt.NDArray[np.float32]
    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]

    @classmethod
    def blank(cls) -> _Canvas:
        y, x = np.mgrid[0 : HEIGHT * _FINENESS, 0 : WIDTH * _FINENESS].astype(np.float32)
        x, y = (x + 0.5) / _FINENESS, (y + 0.5) / _FINENESS
        shade = (y / HEIGHT)[..., None]
        top, bottom = _vector((255, 236, 222)), _vector((247, 204, 190))
        return cls(top + (bottom - top) * shade, x, y)

    def ellipse(self, centre: Point, radii: Point) -> npt.NDArray[np.bool_]:
        """Return which pixels lie in an ellipse."""
        dx, dy = (self.x - centre[0]) / radii[0], (self.y - centre[1]) / radii[1]
        return dx * dx + dy * dy < 1

    def fill(self, where: npt.NDArray[np.bool_], color: Color, *, to: Color | None = None) -> None:
        """Paint pixels, shading from `color` at their top to `to` at their bottom."""
        rows = np.flatnonzero(where.any(axis=1))
        start, stop = _vector(color), _vector(to or color)
        part = (np.arange(where.shape[0]) - rows[0]) / max(1, rows[-1] - rows[0])
        shades = (start + (stop - start) * part[:, None]).astype(np.float32)
        self.pixels[where] = np.broadcast_to(shades[:, None], self.pixels.shape)[where]

    def curve(self, points: tuple[Point, Point, Point], widths: Point, color: Color) -> None:
        """Draw a quadratic Bezier curve whose width changes from one end to the other."""
        a, b, c = (_vector(point) for point in points)
        for t in np.linspace(0, 1, _CURVE_POINTS, dtype=np.float32):
            x, y = a * (1 - t) ** 2 + 2 * b * t * (1 - t) + c * t**2
            radius = float(widths[0] + (widths[1] - widths[0]) * t) / 2
            self._dot(float(x), float(y), radius, color)

    def _dot(self, x: float, y: float, radius: float, color: Color) -> None:
        left, right = (round((x + side * radius) * _FINENESS) + side for side in (-1, 1))
        top, bottom = (round((y + side * radius) * _FINENESS) + side for side in (-1, 1))
        box = np.s_[max(0, top) : max(0, bottom + 1), max(0, left) : max(0, right + 1)]
        near = (self.x[box] - x) ** 2 + (self.y[box] - y) ** 2 < radius * radius
        self.pixels[box][near] = color

    def picture(self, scale: int) -> npt.NDArray[np.uint8]:
        """Return the pixels, each the mean of its sub-pixels."""
        each = _FINENESS // scale
        shape = HEIGHT * scale, each, WIDTH * scale, each, 3
        return np.rint(self.pixels.reshape(shape).mean(axis=(1, 3))).astype(np.uint8)


def _draw_eye(canvas: _Canvas) -> None:
    opening = canvas.ellipse((95, 84), (56, 40)) & canvas.ellipse((95, 70), (62, 48))
    canvas.fill(opening, (214, 208, 226), to=(255, 255, 255))
    iris = opening & canvas.ellipse((96, 78), (29, 38))
    canvas.fill(iris, (28, 20, 74), to=(92, 214, 236))
    ring = iris & ~canvas.ellipse((96, 78), (26, 35))
    canvas.fill(ring, (24, 16, 60), to=(30, 84, 150))
    canvas.fill(iris & canvas.ellipse((96, 76), (11, 16)), (16, 8, 40))
    canvas.fill(iris & canvas.ellipse((97, 103), (15, 8)), (122, 236, 244), to=(206, 255, 250))
    canvas.fill(canvas.ellipse((83, 62), (9, 11)), (255, 255, 255))
    canvas.fill(canvas.ellipse((109, 93), (4, 5)), (255, 255, 255))


def draw_sample(scale: Literal[1, 2, 4] = 1) -> Picture:
    """Return the sample picture: 192 x 144 times `scale`, RGB, 8 bit, the same every time."""
    from lib_upscalers.pictures.picture import Picture

    canvas = _Canvas.blank()
    _draw_eye(canvas)
    canvas.curve(((37, 80), (94, 8), (153, 76)), (6, 5), _INK)
    canvas.curve(((42, 71), (94, 13), (149, 68)), (4, 4), _INK)
    canvas.curve(((56, 110), (96, 138), (136, 106)), (1.2, 2), (120, 72, 84))
    canvas.curve(((52, 44), (94, 14), (136, 42)), (0.8, 0.8), (168, 112, 112))
    canvas.curve(((32, 30), (92, -6), (150, 22)), (2, 5), (92, 62, 92))
    for lash in _LASHES:
        canvas.curve(lash, (4.5, 0.7), _INK)
    for offset in range(5):
        line = (20 + 5 * offset, 132), (24 + 5 * offset, 127), (28 + 5 * offset, 120)
        canvas.curve(line, (0.7, 0.7), (228, 140, 136))
    for strand in _HAIR:
        canvas.curve(strand, (1.0, 6.5), (98, 66, 128))
        canvas.curve(strand, (0.4, 2.2), (164, 126, 192))
    return Picture(canvas.picture(scale))
