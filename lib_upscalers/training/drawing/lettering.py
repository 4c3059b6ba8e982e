"""Draw pages of invented letters: strokes on a small grid, so that no font is needed.

They have no meaning, but their stems, bowls, gaps and weights are those of real scripts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.training.drawing import dead_leaves, raster, shapes, textures

if TYPE_CHECKING:
    from lib_upscalers.training.drawing.raster import Floats, Points

    Glyph = list[tuple[Points, float]]

_LETTERS = 24


def _arc(rng: np.random.Generator) -> Points:
    start = rng.integers(0, 4) * math.pi / 2
    angle = start + np.linspace(0, rng.integers(1, 5) * math.pi / 2, 14)
    x, high = 0.25 + 0.25 * np.cos(angle), rng.choice([0.25, 0.35])
    return np.stack([x, 0.65 + high * np.sin(angle)], axis=1)


def _alphabetic(rng: np.random.Generator) -> Glyph:
    """Stems, bars, diagonals and bowls between a base line and the height of an x."""
    levels, stems = np.array([0.05, 0.3, 0.65, 1.0, 1.25]), np.array([0.0, 0.25, 0.5])
    glyph: Glyph = []
    for _ in range(int(rng.integers(1, 4))):
        pick = rng.random()
        if pick < 0.45:
            glyph.append((_arc(rng), 0.8))
            continue
        top, bottom = np.sort(rng.choice(levels, 2, replace=False))
        x0, x1 = rng.choice(stems, 2)
        if pick < 0.75:
            glyph.append((np.array([[x0, top], [x0, bottom]]), 1.0))
        elif pick < 0.9:
            glyph.append((np.array([[0.0, top], [0.5, top]]), 0.5))
        else:
            glyph.append((np.array([[x0, top], [x1, bottom]]), 0.8))
    return glyph


def _blocks(rng: np.random.Generator) -> Glyph:
    """Many bars, stems and sweeps in a square, as in the scripts of East Asia."""
    glyph: Glyph = []
    for _ in range(int(rng.integers(3, 10))):
        a, b = np.sort(rng.choice(np.linspace(0.05, 0.95, 7), 2, replace=False))
        at = rng.choice(np.linspace(0.1, 1.1, 7))
        pick = rng.random()
        if pick < 0.45:
            glyph.append((np.array([[a, at], [b, at]]), 0.6))
        elif pick < 0.8:
            glyph.append((np.array([[at * 0.85, a], [at * 0.85, b]]), 1.0))
        else:
            bent = np.array([[0.5, a], [0.45, (a + b) / 2], [rng.uniform(0, 1), b + 0.1]])
            glyph.append((bent, 0.8))
    return glyph


def _cursive(rng: np.random.Generator) -> Glyph:
    """One flowing line."""
    t = np.linspace(0, 2 * math.pi, 20)
    a, b = rng.uniform(0, 2 * math.pi, 2)
    x = 0.08 * t + 0.2 * np.sin(rng.integers(1, 3) * t + a)
    y = 0.65 + rng.uniform(0.15, 0.45) * np.sin(rng.integers(1, 3) * t + b)
    return [(np.stack([x, y], axis=1), 0.8)]


_SCRIPTS = (_alphabetic, _alphabetic, _blocks, _cursive)


def _stamp(glyph: Glyph, height: float, weight: float, slant: float) -> Floats:
    lines: list[tuple[Points, Points]] = []
    for points, share in glyph:
        leaning = points + np.stack([slant * (1 - points[:, 1]), 0 * points[:, 1]], axis=1)
        lines.append((leaning * height + 2, np.full(len(points), max(weight * share, 1.0))))
    extent = int(height * 1.5) + 4
    patch = raster.strokes((extent, extent), lines)
    stamp = np.zeros((extent, extent), np.float32)
    if patch is not None:
        stamp[patch.window] = patch.alpha
    return stamp


def _write(
    rng: np.random.Generator, mask: Floats, stamps: list[Floats], height: float, area: Points
) -> None:
    """Fill an area, given as (x0, y0), (x1, y1), with lines of words."""
    (x0, y0), (x1, y1) = area
    advance, leading = height * rng.uniform(0.6, 1.05), height * rng.uniform(1.4, 2.2)
    y = y0
    while y < y1:
        x = x0
        while x < x1:
            for _ in range(int(rng.integers(1, 9))):
                stamp = stamps[int(rng.integers(0, len(stamps)))]
                part = mask[int(y) : int(y) + len(stamp), int(x) : int(x) + len(stamp)]
                np.maximum(part, stamp[: part.shape[0], : part.shape[1]], out=part)
                x += advance
            x += advance * 0.6
        y += leading


def _ground(rng: np.random.Generator, side: int) -> tuple[Floats, Floats]:
    """Return a page and an ink in contrast to it."""
    pick = rng.random()
    if pick < 0.15:
        return dead_leaves.draw(rng, side), np.full(3, rng.choice([0.02, 0.98]), np.float32)
    dark = rng.random() < 0.3
    page, ink = rng.uniform(0.8, 1.0, 3), rng.uniform(0.0, 0.35, 3)
    page, ink = (ink, page) if dark else (page, ink)
    contrast = rng.choice([0.0, 0.01, 0.04])
    texture = textures.any_texture(rng, side)
    canvas = textures.coloured(rng, page.astype(np.float32), texture, float(contrast))
    return canvas, ink.astype(np.float32)


def draw(rng: np.random.Generator, side: int) -> Floats:
    """Return a page of lettering in one or two scripts, (side, side, 3), values in [0, 1]."""
    canvas, ink = _ground(rng, side)
    for _ in range(int(rng.integers(1, 4))):
        script = _SCRIPTS[int(rng.integers(0, len(_SCRIPTS)))]
        height = math.exp(rng.uniform(math.log(12), math.log(90)))
        weight, slant = height * rng.uniform(0.07, 0.22), rng.choice([0.0, 0.25])
        stamps = [_stamp(script(rng), height, weight, slant) for _ in range(_LETTERS)]
        mask = np.zeros((side, side), np.float32)
        corner = rng.uniform(0, 0.4, 2) * side
        area = np.stack([corner, corner + rng.uniform(0.2, 1.0, 2) * side])
        _write(rng, mask, stamps, height, np.minimum(area, side))
        raster.paint(canvas, raster.Patch(0, 0, mask), ink)
    rule = shapes.curve(rng, (0.0, float(rng.uniform(0, side))), 0.0, side, 0.05)
    raster.paint(canvas, raster.strokes((side, side), [(rule, np.full(len(rule), 2.0))]), ink)
    return np.clip(canvas, 0, 1)
