"""Draw line art: inked outlines, flat and cel-shaded cells, hair, eyes, hatching, screentone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.training.drawing import raster, shapes, textures

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.training.drawing.raster import Floats, Points


@dataclass(frozen=True)
class Sheet:
    """The state that the parts of one drawing share.

    Attributes:
        rng: The drawing's random numbers.
        canvas: The pixels, (side, side, 3).
        colours: The palette, (n, 3).
        ink: The colour of the lines.
        pen: The usual line width in canvas pixels.
    """

    rng: np.random.Generator
    canvas: Floats
    colours: Floats
    ink: Floats
    pen: float

    @property
    def side(self) -> int:
        """Width and height of the canvas."""
        return self.canvas.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the canvas."""
        return self.side, self.side

    def colour(self) -> Floats:
        """Return one of the colours."""
        return self.colours[int(self.rng.integers(0, len(self.colours)))]

    def spot(self) -> tuple[float, float]:
        """Return a random place."""
        return float(self.rng.uniform(0, self.side)), float(self.rng.uniform(0, self.side))

    def width(self) -> float:
        """Return a line width near the pen's."""
        return self.pen * math.exp(self.rng.normal(0, 0.35))


def clipped(sheet: Sheet, outline: Points, work: Callable[[], None]) -> None:
    """Draw, and restore everything outside an outline."""
    patch = raster.fill(sheet.size, outline)
    if patch is None:
        return
    before = sheet.canvas[patch.window].copy()
    work()
    inside = sheet.canvas[patch.window]
    inside[...] = before + (inside - before) * patch.alpha[..., None]


def outline(sheet: Sheet, points: Points, *, closed: bool = True) -> None:
    """Ink a line along the points, thicker and thinner as a pen goes."""
    way = np.concatenate([points, points[:1]]) if closed else points
    start = int(sheet.rng.integers(0, len(points))) if closed else 0
    way = np.roll(way[:-1], start, axis=0) if closed else way
    widths = shapes.taper(sheet.rng, len(way), sheet.width())
    ink = sheet.ink if sheet.rng.random() < 0.8 else sheet.colour() * np.float32(0.5)
    raster.paint(sheet.canvas, raster.strokes(sheet.size, [(way, widths)]), ink)


def gradient(
    rng: np.random.Generator, size: tuple[int, int], first: Floats, last: Floats
) -> Floats:
    """Return a gradient, (h, w, 3), from one colour to another along a direction."""
    angle = rng.uniform(0, 2 * math.pi)
    y = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, size[1], dtype=np.float32)[None]
    share = np.clip(0.5 + 0.5 * (x * math.cos(angle) + y * math.sin(angle)), 0, 1)[..., None]
    return (first + (last - first) * share).astype(np.float32)


def cell(sheet: Sheet) -> None:
    """Draw an outlined cell: flat or a gradient, with a hard shadow and a highlight."""
    rng = sheet.rng
    make = [shapes.blob, shapes.blob, shapes.leaf, shapes.polygon, shapes.box][int(rng.integers(5))]
    centre, radius = sheet.spot(), sheet.side * math.exp(rng.uniform(-3.0, -0.9))
    points, colour = make(rng, centre, radius), sheet.colour()
    patch = raster.fill(sheet.size, points)
    if patch is None:
        return
    soft = gradient(rng, (patch.alpha.shape[0], patch.alpha.shape[1]), colour, sheet.colour())
    raster.paint(sheet.canvas, patch, soft if rng.random() < 0.3 else colour)

    def shade() -> None:
        dark = colour * rng.uniform(0.6, 0.9, 3).astype(np.float32)
        moved = make(rng, (centre[0] + radius * 0.5, centre[1] + radius * 0.5), radius)
        raster.paint(sheet.canvas, raster.fill(sheet.size, moved), dark)
        shine = shapes.blob(rng, (centre[0] - radius * 0.3, centre[1] - radius * 0.4), radius * 0.2)
        if rng.random() < 0.5:
            raster.paint(sheet.canvas, raster.fill(sheet.size, shine), np.ones(3, np.float32), 0.8)

    if rng.random() < 0.7:
        clipped(sheet, points, shade)
    if rng.random() < 0.85:
        outline(sheet, points)


def lock(sheet: Sheet, spine: Points, width: float, colour: Floats) -> None:
    """Draw one lock of hair along a spine: filled, shaded, inked, with strands and a shine."""
    rng, t = sheet.rng, np.linspace(0, 1, len(spine))
    step = np.gradient(spine, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)[:, None]
    half = width / 2 * np.sin(math.pi * np.clip(t * 0.9 + 0.1, 0, 1)) ** 0.6
    left, right = spine + normal * half[:, None], spine - normal * half[:, None]
    points = np.concatenate([left, right[::-1]])
    raster.paint(sheet.canvas, raster.fill(sheet.size, points), colour)

    def strands() -> None:
        lines: list[tuple[Points, Points]] = []
        for _ in range(int(rng.integers(1, 5))):
            way = spine + normal * (half * rng.uniform(-1, 1))[:, None]
            lines.append((way, shapes.taper(rng, len(way), sheet.width() * 0.7)))
        tone = colour * np.float32(rng.uniform(0.5, 0.85))
        raster.paint(sheet.canvas, raster.strokes(sheet.size, lines), tone)
        if rng.random() < 0.4:
            at = len(spine) // 3
            across = np.stack([left[at], spine[at + 1], right[at]])
            shine = [(across, np.full(3, width * 0.15))]
            bright = np.minimum(colour + 0.35, 1).astype(np.float32)
            raster.paint(sheet.canvas, raster.strokes(sheet.size, shine), bright)

    clipped(sheet, points, strands)
    if rng.random() < 0.85:
        outline(sheet, left, closed=False)
        outline(sheet, right, closed=False)


def hair(sheet: Sheet) -> None:
    """Draw a bundle of locks that fall from one place."""
    rng, colour = sheet.rng, sheet.colour()
    root, angle = np.array(sheet.spot()), rng.uniform(0, 2 * math.pi)
    length, bend = sheet.side * rng.uniform(0.2, 0.7), rng.uniform(0.3, 1.5)
    for _ in range(int(rng.integers(5, 16))):
        start = root + rng.normal(0, 0.06 * sheet.side, 2)
        way = angle + rng.normal(0, 0.35)
        spine = shapes.curve(rng, (start[0], start[1]), way, length * rng.uniform(0.5, 1.1), bend)
        lock(sheet, spine, sheet.side * rng.uniform(0.015, 0.07), colour)


def eye(sheet: Sheet) -> None:
    """Draw a large eye: white, iris with a gradient, pupil, highlights and lashes."""
    rng, (x, y) = sheet.rng, sheet.spot()
    radius = sheet.side * rng.uniform(0.03, 0.12)
    angle = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    ring = np.stack([np.cos(angle) * rng.uniform(0.6, 0.9), np.sin(angle)], axis=1)

    def oval(scale: float, dx: float = 0.0, dy: float = 0.0) -> Points:
        return ring * radius * scale + (x + dx * radius, y + dy * radius)

    white, black = np.full(3, 0.97, np.float32), np.full(3, 0.06, np.float32)
    raster.paint(sheet.canvas, raster.fill(sheet.size, oval(1)), white)
    iris = raster.fill(sheet.size, oval(0.75))
    if iris is not None:
        tone = gradient(rng, (iris.alpha.shape[0], iris.alpha.shape[1]), sheet.colour(), black)
        raster.paint(sheet.canvas, iris, tone)
    outline(sheet, oval(0.75))
    raster.paint(sheet.canvas, raster.fill(sheet.size, oval(0.35)), black)
    for size, dx, dy in ((0.25, -0.25, -0.35), (0.12, 0.25, 0.3)):
        raster.paint(sheet.canvas, raster.fill(sheet.size, oval(size, dx, dy)), white)
    lash = np.stack([np.cos(angle[26:47]) * 1.1, np.sin(angle[26:47]) * 1.05], axis=1)
    way = lash * radius + (x, y)
    thick = shapes.taper(rng, len(way), max(radius * 0.18, sheet.pen))
    raster.paint(sheet.canvas, raster.strokes(sheet.size, [(way, thick)]), sheet.ink)


def hatching(sheet: Sheet) -> None:
    """Hatch a region with parallel strokes, sometimes across one another."""
    rng, region = sheet.rng, shapes.blob(sheet.rng, sheet.spot(), sheet.side * 0.2)
    gap, width = sheet.pen * rng.uniform(2.0, 5), sheet.pen * rng.uniform(0.4, 0.9)
    low, high = region.min(axis=0), region.max(axis=0)
    middle, reach = (low + high) / 2, float(np.hypot(*(high - low))) / 2

    def work() -> None:
        angle = rng.uniform(0, math.pi)
        for turn in (0.0, 1.2)[: int(rng.integers(1, 3))]:
            lines: list[tuple[Points, Points]] = []
            for offset in np.arange(-reach, reach, max(gap, 4.0)):
                ends = np.array([[-reach, offset], [0, offset + rng.normal(0, 1)], [reach, offset]])
                way = shapes.rotated(ends, angle + turn, (middle[0], middle[1]))
                lines.append((way, np.array([0.5, 1.0, 0.4]) * width))
            raster.paint(sheet.canvas, raster.strokes(sheet.size, lines), sheet.ink)

    clipped(sheet, region, work)


def screentone(sheet: Sheet) -> None:
    """Draw a printer's dot screen over a region; the dots may grow from one side to the other."""
    rng = sheet.rng
    region = shapes.blob(rng, sheet.spot(), sheet.side * rng.uniform(0.05, 0.25))
    u, v = textures.grid(sheet.side, rng.uniform(0, math.pi))
    scale = np.float32(2 * math.pi / math.exp(rng.uniform(math.log(5), math.log(18))))
    level = rng.uniform(-0.8, 0.8) + rng.normal(0, 0.7) * (u / sheet.side - 0.25)
    dots = np.cos(u * scale) + np.cos(v * scale) - 2 * level
    alpha = np.clip(dots * (0.7 / float(scale)) + 0.5, 0, 1).astype(np.float32)

    def work() -> None:
        raster.paint(sheet.canvas, raster.Patch(0, 0, alpha), sheet.ink, rng.choice([1.0, 0.5]))

    clipped(sheet, region, work)


def pen_lines(sheet: Sheet) -> None:
    """Draw some long free strokes."""
    lines: list[tuple[Points, Points]] = []
    for _ in range(int(sheet.rng.integers(2, 12))):
        length = sheet.side * math.exp(sheet.rng.uniform(-2.5, -0.2))
        way = shapes.curve(sheet.rng, sheet.spot(), sheet.rng.uniform(0, 2 * math.pi), length, 1.5)
        lines.append((way, shapes.taper(sheet.rng, len(way), sheet.width())))
    raster.paint(sheet.canvas, raster.strokes(sheet.size, lines), sheet.ink)


def speed_lines(sheet: Sheet) -> None:
    """Draw thin wedges that point at one place."""
    rng, (x, y) = sheet.rng, sheet.spot()
    lines: list[tuple[Points, Points]] = []
    for angle in rng.uniform(0, 2 * math.pi, int(rng.integers(20, 90))):
        reach = np.array([[rng.uniform(0.15, 0.5)], [1.5]]) * sheet.side
        way = np.array([[math.cos(angle), math.sin(angle)]]) * reach + (x, y)
        lines.append((way, np.array([0.3, sheet.width() * 1.5])))
    raster.paint(sheet.canvas, raster.strokes(sheet.size, lines), sheet.ink)


_PARTS = (*[cell] * 6, *[hair] * 3, eye, eye, hatching, screentone, *[pen_lines] * 2, speed_lines)


def _paper(rng: np.random.Generator, side: int, colours: Floats) -> Floats:
    style = rng.random()
    if style < 0.3:
        return np.full((side, side, 3), rng.uniform(0.93, 1.0), np.float32)
    if style < 0.6:
        return gradient(rng, (side, side), colours[0], colours[1])
    if style < 0.75:
        soft = textures.pink(rng, side, 2.0, 1.0)
        return textures.coloured(rng, colours[0], soft, 0.06)
    return np.broadcast_to(colours[0], (side, side, 3)).copy()


def draw(rng: np.random.Generator, side: int) -> Floats:
    """Return a drawing, (side, side, 3), values in [0, 1]."""
    hues = rng.uniform(0, 1, (8, 3)) ** rng.choice([0.5, 1.0])
    grey = hues.mean(axis=1, keepdims=True)
    vivid = rng.choice([0.0, 0.5, 0.9])
    colours = (grey + (hues - grey) * vivid).astype(np.float32)
    ink = rng.uniform(0, 0.25, 3) * rng.choice([0.0, 1.0])
    pen = math.exp(rng.uniform(math.log(1.5), math.log(8)))
    sheet = Sheet(rng, _paper(rng, side, colours), colours, ink.astype(np.float32), pen)
    for _ in range(int(rng.integers(4, 26))):
        _PARTS[int(rng.integers(0, len(_PARTS)))](sheet)
    return np.clip(sheet.canvas, 0, 1)
