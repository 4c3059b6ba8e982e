"""Draw paintings: airbrushed forms, fine hair, brush strokes, buildings, thin tinted lines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.training.drawing import line_art, raster, shapes, textures

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.training.drawing.line_art import Sheet
    from lib_upscalers.training.drawing.raster import Floats, Points

_WHITE = np.ones(3, np.float32)


def _toned(rng: np.random.Generator, colour: Floats, least: float, most: float) -> Floats:
    """Return the colour times a factor, slightly shifted in hue, as shades in paintings are."""
    tint = 1 + 0.06 * rng.standard_normal(3)
    return np.clip(colour * rng.uniform(least, most) * tint, 0, 1).astype(np.float32)


def _confined(sheet: Sheet, outline: Points, work: Callable[[], None]) -> None:
    """Draw, and restore everything outside an outline, however far the drawing reaches."""
    patch = raster.fill(sheet.size, outline)
    if patch is None:
        return
    before = sheet.canvas.copy()
    work()
    mask = np.zeros((*sheet.size, 1), np.float32)
    mask[patch.window] = patch.alpha[..., None]
    sheet.canvas[...] = before + (sheet.canvas - before) * mask


def airbrush(sheet: Sheet, outline: Points, colour: Floats, count: int) -> None:
    """Paint soft dark and light spots inside an outline."""
    rng, size = sheet.rng, sheet.size
    low, high = outline.min(axis=0), outline.max(axis=0)
    reach = float(np.hypot(*(high - low))) / 2

    def work() -> None:
        for _ in range(count):
            x, y = (float(each) for each in rng.uniform(low, high))
            spot = shapes.blob(rng, (x, y), reach * rng.uniform(0.15, 0.7))
            blur = reach * math.exp(rng.uniform(-3.5, -1.0))
            tone = _toned(rng, colour, 0.5, 1.5)
            raster.paint(sheet.canvas, raster.fill(size, spot, blur), tone, rng.uniform(0.2, 0.9))

    _confined(sheet, outline, work)


def _tinted_line(sheet: Sheet, points: Points, colour: Floats, *, closed: bool = True) -> None:
    """Draw an outline in a darker tone of its own colour, thin and partly transparent."""
    rng = sheet.rng
    way = np.concatenate([points, points[:1]]) if closed else points
    widths = shapes.taper(rng, len(way), sheet.width() * rng.uniform(0.4, 0.9))
    tone = _toned(rng, colour, 0.15, 0.6)
    mask = raster.strokes(sheet.size, [(way, widths)], rng.choice([0.0, 0.0, 0.8]))
    raster.paint(sheet.canvas, mask, tone, rng.uniform(0.5, 1.0))


def form(sheet: Sheet) -> None:
    """Draw a softly shaded form, with a rim of light and sometimes a line around it."""
    rng = sheet.rng
    make = [shapes.blob, shapes.blob, shapes.leaf, shapes.box][int(rng.integers(4))]
    points = make(rng, sheet.spot(), sheet.side * math.exp(rng.uniform(-2.6, -0.7)))
    colour = sheet.colour()
    edge = rng.choice([0.0, 0.0, 0.0, 1.0, 3.0])
    raster.paint(sheet.canvas, raster.fill(sheet.size, points, edge), colour)
    airbrush(sheet, points, colour, int(rng.integers(2, 8)))
    if rng.random() < 0.3:
        rim = points * 0.97 + points.mean(axis=0) * 0.03
        half = rim[: max(3, len(rim) // 2)]
        light = [(half, shapes.taper(rng, len(half), sheet.width() * 1.5))]
        mask = raster.strokes(sheet.size, light, rng.choice([0.0, 1.5]))
        raster.paint(sheet.canvas, mask, _toned(rng, colour, 1.2, 1.8), 0.7)
    if rng.random() < 0.7:
        _tinted_line(sheet, points, colour)


def _strands(sheet: Sheet, spine: Points, spread: float, count: int, width: float) -> list[Points]:
    """Return lines beside a spine that meet at its end."""
    rng, t = sheet.rng, np.linspace(0, 1, len(spine))
    step = np.gradient(spine, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)[:, None]
    fan = np.sin(math.pi * np.clip(t * 0.85 + 0.15, 0, 1)) ** 0.7
    offsets = rng.uniform(-spread, spread, count)
    return [spine + normal * (fan * offset + rng.normal(0, width))[:, None] for offset in offsets]


def fine_hair(sheet: Sheet) -> None:
    """Draw hair as a soft mass with dark, light and single strands of several widths."""
    rng, colour = sheet.rng, sheet.colour()
    root, angle = np.array(sheet.spot()), rng.uniform(0, 2 * math.pi)
    length, bend = sheet.side * rng.uniform(0.3, 0.9), rng.uniform(0.2, 1.6)
    base = math.exp(rng.uniform(math.log(0.8), math.log(3.5)))
    for _ in range(int(rng.integers(3, 9))):
        start = root + rng.normal(0, 0.08 * sheet.side, 2)
        way = angle + rng.normal(0, 0.3)
        spine = shapes.curve(rng, (start[0], start[1]), way, length * rng.uniform(0.6, 1.1), bend)
        spread = sheet.side * rng.uniform(0.015, 0.08)
        body = [(spine, shapes.taper(rng, len(spine), spread * 1.8))]
        mask = raster.strokes(sheet.size, body, spread * rng.uniform(0, 0.3))
        raster.paint(sheet.canvas, mask, _toned(rng, colour, 0.7, 1.1), rng.uniform(0.6, 1))
        for least, most in ((0.35, 0.8), (0.8, 1.1), (1.1, 1.7)):
            count = int(rng.integers(2, 14))
            lines = [
                (line, shapes.taper(rng, len(line), base * math.exp(rng.normal(0, 0.4))))
                for line in _strands(sheet, spine, spread, count, 0.4)
            ]
            mask = raster.strokes(sheet.size, lines)
            raster.paint(sheet.canvas, mask, _toned(rng, colour, least, most), rng.uniform(0.4, 1))


def brushwork(sheet: Sheet) -> None:
    """Paint broad, half transparent strokes of near colours, like grass, cloth or a sky."""
    rng, colour = sheet.rng, sheet.colour()
    centre, reach = sheet.spot(), sheet.side * rng.uniform(0.1, 0.4)
    angle, wide = rng.uniform(0, 2 * math.pi), math.exp(rng.uniform(math.log(2), math.log(24)))
    for _ in range(int(rng.integers(8, 50))):
        x, y = (float(c + rng.normal(0, reach / 2)) for c in centre)
        length = reach * rng.uniform(0.1, 0.7)
        line = shapes.curve(rng, (x, y), angle + rng.normal(0, 0.4), length, 0.6)
        widths = shapes.taper(rng, len(line), wide * math.exp(rng.normal(0, 0.4)))
        mask = raster.strokes(sheet.size, [(line, widths)], rng.choice([0.0, 0.0, 1.0]))
        raster.paint(sheet.canvas, mask, _toned(rng, colour, 0.6, 1.4), rng.uniform(0.25, 0.9))


def _corner(wall: tuple[Points, Points], u: float, v: float) -> Points:
    """Return the place on a wall, between its near and its far edge (each: top, bottom)."""
    near, far = wall
    # Equal steps in the world shrink towards the far edge.
    depth = u / (u + (1 - u) * 2.2)
    top = near[0] + (far[0] - near[0]) * depth
    bottom = near[1] + (far[1] - near[1]) * depth
    return top + (bottom - top) * v


def building(sheet: Sheet) -> None:
    """Draw a wall in perspective with rows of windows, or a railing."""
    rng, side, colour = sheet.rng, sheet.side, sheet.colour()
    x, y = sheet.spot()
    high, far_x = side * rng.uniform(0.3, 0.9), x + side * rng.uniform(-0.9, 0.9)
    near = np.array([[x, y - high / 2], [x, y + high / 2]])
    far = np.array([[far_x, y - high / 5], [far_x, y + high / 5]])
    wall = (near, far)
    raster.paint(sheet.canvas, raster.fill(sheet.size, np.array([*near, *far[::-1]])), colour)
    columns, rows = int(rng.integers(4, 18)), int(rng.integers(1, 9))
    glass, gap = _toned(rng, colour, 0.2, 1.6), rng.uniform(0.15, 0.4)
    for i in range(columns):
        for j in range(rows):
            spans = ((i + gap) / columns, (i + 1) / columns, (j + gap) / rows, (j + 1) / rows)
            u0, u1, v0, v1 = spans
            corners = [_corner(wall, u, v) for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))]
            tone = glass if rng.random() < 0.8 else _toned(rng, glass, 0.7, 1.4)
            raster.paint(sheet.canvas, raster.fill(sheet.size, np.array(corners)), tone)
    for v in (0.0, 1.0):
        line = np.array([_corner(wall, u, v) for u in np.linspace(0, 1, 6)])
        _tinted_line(sheet, line, colour, closed=False)


def eye(sheet: Sheet) -> None:
    """Draw a glossy eye: soft iris, light spots that glow, lashes of single strokes."""
    line_art.eye(sheet)
    rng, (x, y) = sheet.rng, sheet.spot()
    radius = sheet.side * rng.uniform(0.02, 0.06)
    for scale, blur in ((1.0, radius * 0.5), (0.4, 0.0)):
        spot = shapes.blob(rng, (x, y), radius * scale)
        raster.paint(sheet.canvas, raster.fill(sheet.size, spot, blur), _WHITE, 0.6)


def _ground(rng: np.random.Generator, side: int, colours: Floats) -> Floats:
    """Return a background: a gradient with soft clouds or blurred lights."""
    canvas = line_art.gradient(rng, (side, side), colours[0], colours[1])
    if rng.random() < 0.6:
        cloud = textures.pink(rng, side, rng.uniform(1.6, 2.4), 1.0)
        canvas += (cloud * np.float32(rng.uniform(0.02, 0.1)))[..., None]
    for _ in range(int(rng.integers(0, 12))):
        centre = (float(rng.uniform(0, side)), float(rng.uniform(0, side)))
        disc = shapes.blob(rng, centre, side * rng.uniform(0.01, 0.12))
        mask = raster.fill((side, side), disc, math.exp(rng.uniform(0, 3)))
        raster.paint(canvas, mask, colours[int(rng.integers(len(colours)))], rng.uniform(0.1, 0.8))
    return canvas


_PARTS: tuple[Callable[[Sheet], None], ...] = (
    *[form] * 5,
    *[fine_hair] * 4,
    *[brushwork] * 2,
    *[building] * 2,
    eye,
    line_art.cell,
    line_art.pen_lines,
)


def draw(rng: np.random.Generator, side: int) -> Floats:
    """Return a painting, (side, side, 3), values in [0, 1]."""
    hues = rng.uniform(0, 1, (8, 3)) ** rng.choice([0.5, 1.0])
    grey = hues.mean(axis=1, keepdims=True)
    colours = (grey + (hues - grey) * rng.choice([0.3, 0.6, 0.9])).astype(np.float32)
    pen = math.exp(rng.uniform(math.log(1.2), math.log(5)))
    ink = (colours[2] * rng.uniform(0, 0.4)).astype(np.float32)
    sheet = line_art.Sheet(rng, _ground(rng, side, colours), colours, ink, pen)
    for _ in range(int(rng.integers(4, 16))):
        _PARTS[int(rng.integers(0, len(_PARTS)))](sheet)
    return np.clip(sheet.canvas, 0, 1)
