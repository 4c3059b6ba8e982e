"""Resampling as its definition says, one number at a time, with kernels from other formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

Scalar = Callable[[float], float]


def box(x: float) -> float:
    return 1.0 if -0.5 < x <= 0.5 else 0.0


def triangle(x: float) -> float:
    return max(0.0, 1 - abs(x))


def smoothstep(x: float) -> float:
    x = min(1.0, abs(x))
    return 1 - x * x * (3 - 2 * x)


def keys(x: float, a: float = -0.5) -> float:
    x = abs(x)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def mitchell(x: float) -> float:
    x = abs(x)
    if x < 1:
        return (21 * x**3 - 36 * x**2 + 16) / 18
    return (-7 * x**3 + 36 * x**2 - 60 * x + 32) / 18 if x < 2 else 0.0


def cubic_b_spline(x: float) -> float:
    x = abs(x)
    if x < 1:
        return 2 / 3 - x**2 + x**3 / 2
    return (2 - x) ** 3 / 6 if x < 2 else 0.0


def lanczos(lobes: int) -> Scalar:
    def weigh(x: float) -> float:
        if x == 0:
            return 1.0
        if abs(x) >= lobes:
            return 0.0
        angle = math.pi * x
        return lobes * math.sin(angle) * math.sin(angle / lobes) / angle**2

    return weigh


@lru_cache
def natural_spline_slopes() -> np.ndarray:
    """Second derivatives, at 6 points, of natural cubic splines that are 1 at one of them."""
    system = np.eye(6)
    right = np.zeros((6, 6))
    for i in range(1, 5):
        system[i, i - 1 : i + 2] = 1 / 6, 4 / 6, 1 / 6
        right[i, i - 1 : i + 2] = 1, -2, 1
    return np.linalg.solve(system, right)


def spline36(x: float) -> float:
    x = abs(x)
    if x >= 3:
        return 0.0
    # The output pixel lies between points 2 and 3 of 6, at a distance of x from this one:
    node = 2 - math.floor(x)
    t = x - math.floor(x)
    left, right = natural_spline_slopes()[2, node], natural_spline_slopes()[3, node]
    value = (1 - t) * (node == 2)
    return value + ((1 - t) ** 3 - (1 - t)) * left / 6 + (t**3 - t) * right / 6


def quadratic_b_spline(x: float) -> float:
    x = abs(x)
    if x <= 0.5:
        return 0.75 - x * x
    return 0.5 * (x - 1.5) ** 2 if x <= 1.5 else 0.0


def magic_kernel_sharp_2021(x: float) -> float:
    taps = (-1, 6, -35, 204, -35, 6, -1)
    return sum(tap * quadratic_b_spline(x - i) for i, tap in enumerate(taps, -3)) / 144


REFERENCES: dict[str, tuple[Scalar, float]] = {
    "Box": (box, 0.5),
    "Bilinear": (triangle, 1),
    "Hermite": (smoothstep, 1),
    "Bicubic": (keys, 2),
    "Mitchell": (mitchell, 2),
    "B-spline": (cubic_b_spline, 2),
    "Lanczos2": (lanczos(2), 2),
    "Lanczos": (lanczos(3), 3),
    "Lanczos4": (lanczos(4), 4),
    "Spline36": (spline36, 3),
    "Magic Kernel Sharp 2021": (magic_kernel_sharp_2021, 4.5),
}


def resample_line(
    values: list[float], target: int, kernel: str, *, antialias: bool = True
) -> list[float]:
    """Resample a row of numbers."""
    weigh, support = REFERENCES[kernel]
    scale = len(values) / target
    stretch = max(1.0, scale) if antialias else 1.0
    result: list[float] = []
    for index in range(target):
        centre = (index + 0.5) * scale
        total = norm = 0.0
        for pixel, value in enumerate(values):
            # In this order, for a box hangs on the rounding of distances of half a pixel.
            distance = (pixel - centre + 0.5) * (1 / stretch)
            if abs(distance) <= support:
                weight = weigh(distance)
                total += weight * value
                norm += weight
        result.append(total / norm)
    return result


def resample_plane(
    plane: np.ndarray, width: int, height: int, kernel: str, *, antialias: bool = True
) -> np.ndarray:
    """Resample a (H, W) array: rows, then columns; an axis that keeps its size is left alone."""
    wide = plane.tolist()
    if width != plane.shape[1]:
        wide = [resample_line(row, width, kernel, antialias=antialias) for row in wide]
    columns = np.array(wide).T.tolist()
    if height != plane.shape[0]:
        columns = [resample_line(line, height, kernel, antialias=antialias) for line in columns]
    return np.array(columns).T
