"""Make outlines: smooth blobs, polygons, strips, curves. All are arrays of (x, y)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lib_upscalers.training.drawing.raster import Points


def rotated(points: Points, angle: float, centre: tuple[float, float]) -> Points:
    """Rotate points about the origin by `angle` radians, then move the origin to `centre`."""
    c, s = math.cos(angle), math.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + np.array(centre)


def blob(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> Points:
    """Return a smooth closed outline whose distance to the centre is a random Fourier series."""
    count = int(np.clip(radius * 2, 16, 160))
    angle = np.linspace(0, 2 * math.pi, count, endpoint=False)
    waves = np.arange(2, 7)
    roughness = rng.uniform(0, 0.5)
    size = roughness * rng.standard_normal(len(waves)) / waves
    phase = rng.uniform(0, 2 * math.pi, len(waves))
    distance = 1 + (size[:, None] * np.cos(waves[:, None] * angle + phase[:, None])).sum(axis=0)
    distance = radius * np.clip(distance, 0.15, 2.5)
    stretch = rng.uniform(0.35, 1.0)
    points = np.stack([distance * np.cos(angle), stretch * distance * np.sin(angle)], axis=1)
    return rotated(points, rng.uniform(0, 2 * math.pi), centre)


def polygon(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> Points:
    """Return a polygon of 3 to 7 corners at random distances from the centre."""
    corners = int(rng.integers(3, 8))
    angle = np.sort(rng.uniform(0, 2 * math.pi, corners))
    distance = radius * rng.uniform(0.5, 1.3, corners)
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1) + centre


def box(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> Points:
    """Return a rectangle of any proportions; every second one stands upright."""
    wide = radius
    high = radius * math.exp(rng.uniform(-2.5, 0))
    corners = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]])
    upright = rng.random() < 0.5
    angle = rng.integers(0, 2) * math.pi / 2 if upright else rng.uniform(0, math.pi)
    return rotated(corners, float(angle), centre)


def leaf(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> Points:
    """Return a pointed leaf."""
    along = np.linspace(-1, 1, int(np.clip(radius, 8, 60)))
    half = rng.uniform(0.15, 0.6) * (1 - along**2) * (1 + rng.uniform(-0.6, 0.6) * along)
    bend = rng.uniform(-0.4, 0.4) * along**2
    upper = np.stack([along, bend + half], axis=1)
    lower = np.stack([along, bend - half], axis=1)[::-1]
    points = np.concatenate([upper, lower]) * radius
    return rotated(points, rng.uniform(0, 2 * math.pi), centre)


def curve(
    rng: np.random.Generator,
    start: tuple[float, float],
    angle: float,
    length: float,
    bend: float = 1.0,
) -> Points:
    """Return a smooth open curve: its direction is a slow random walk.

    Args:
        rng: The source of the bends.
        start: The first point.
        angle: The first direction in radians.
        length: Length in pixels.
        bend: By about how many radians the direction changes along the way.
    """
    count = int(np.clip(length / 3, 4, 64))
    t = np.linspace(0, 1, count)
    turns = bend * (rng.standard_normal() * t + 0.6 * rng.standard_normal() * np.sin(math.pi * t))
    direction = angle + turns
    steps = np.stack([np.cos(direction), np.sin(direction)], axis=1) * length / count
    return np.array(start) + np.cumsum(steps, axis=0)


def taper(rng: np.random.Generator, count: int, width: float) -> Points:
    """Return the widths of a pen stroke: thin or blunt at the ends, wider in between."""
    t = np.linspace(0, 1, count)
    rise, fall = rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.6)
    ends = np.minimum(np.minimum(t / rise, (1 - t) / fall), 1.0)
    blunt = rng.uniform(0.0, 1.0) if rng.random() < 0.4 else 0.1
    return width * (blunt + (1 - blunt) * np.sin(ends * math.pi / 2))
