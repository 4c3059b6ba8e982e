"""Measure what networks do to lines: how far they are hollow, doubled or beaded.

PSNR hardly notices these faults, and they are what people see first in drawings. Curves of known
places and widths are drawn, shrunk and enlarged; then the darkness across each curve is compared
with the original's, at every pixel along it. The measure is our own.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.training.drawing import degrade
from lib_upscalers.training.measure import luma

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lib_upscalers.training.drawing.damage import RoundTrip
    from lib_upscalers.training.drawing.degrade import Bytes
    from lib_upscalers.training.measure import Enlarge

    Values = NDArray[np.float64]

_SIDE = 192
_FINER = 4
# Paper and ink, as 8-bit levels.
_LIGHT, _DARK = 235, 30
_WIDTHS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_APART, _SWING, _WAVE = 26.0, 4.0, 110.0
_ANGLES = (0.0, 0.35, 0.8, 1.2, 1.57, 2.2)
# Across a line, in pixels beyond its edges.
_BESIDE, _STEP = 6.0, 0.25
_MARGIN = 24


@dataclass(frozen=True)
class LineFaults:
    """How much is wrong with lines, in percent of the contrast of ink and paper; 0 is perfect.

    Attributes:
        hollow: How much lighter lines are in their middle than at their edges, beyond the
            original's.
        doubled: How dark a second line is beside a line, with something lighter in between.
        beaded: How much the ink, as a share of the original's, varies along a line: its standard
            deviation in percent of its mean.
    """

    hollow: float
    doubled: float
    beaded: float


@dataclass(frozen=True)
class _Curve:
    """A wave across the picture: its place, its width in pixels, and its phase."""

    place: float
    width: float
    phase: float

    def height(self, along: Values) -> Values:
        return self.place + _SWING * np.sin(2 * np.pi * along / _WAVE + self.phase)

    def slope(self, along: Values) -> Values:
        turn = 2 * np.pi / _WAVE
        return _SWING * turn * np.cos(turn * along + self.phase)


def _curves() -> list[_Curve]:
    middle = (len(_WIDTHS) - 1) / 2
    return [_Curve((i - middle) * _APART, width, 1.7 * i) for i, width in enumerate(_WIDTHS)]


@lru_cache(maxsize=len(_ANGLES))
def draw_lines(angle: float) -> Bytes:
    """Draw curves of six widths, turned by an angle in radians: uint8 (192, 192, 3)."""
    steps = (np.arange(_SIDE * _FINER) + 0.5) / _FINER - _SIDE / 2
    along = steps[None] * np.cos(angle) + steps[:, None] * np.sin(angle)
    across = steps[:, None] * np.cos(angle) - steps[None] * np.sin(angle)
    ink = np.zeros_like(along)
    for curve in _curves():
        far = np.abs(across - curve.height(along)) / np.hypot(1, curve.slope(along))
        ink = np.maximum(ink, np.clip((curve.width / 2 - far) * _FINER + 0.5, 0, 1))
    mean = ink.reshape(_SIDE, _FINER, _SIDE, _FINER).mean((1, 3))
    grey = np.round(_LIGHT + (_DARK - _LIGHT) * mean).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2)


def _darkness(picture: Bytes, angle: float, curve: _Curve) -> tuple[Values, Values]:
    """Return the darkness across a curve, (places along it, places across), and the latter.

    Paper is 0, ink is 1.
    """
    reach = curve.width / 2 + _BESIDE
    across = np.arange(-reach, reach + _STEP / 2, _STEP)
    most = _SIDE / 2 - _MARGIN
    along = np.arange(-most, most + 0.5)
    height, slope = curve.height(along), curve.slope(along)
    length = np.hypot(1, slope)
    x = along[:, None] - across[None] * (slope / length)[:, None]
    y = height[:, None] + across[None] / length[:, None]
    inside = np.abs(y) < _SIDE / 2 - 1
    column = x * np.cos(angle) - y * np.sin(angle) + _SIDE / 2 - 0.5
    row = x * np.sin(angle) + y * np.cos(angle) + _SIDE / 2 - 0.5
    inside &= (np.minimum(row, column) > 0) & (np.maximum(row, column) < _SIDE - 1)
    levels = _between(luma(picture), row, column)
    paper, ink = (luma(np.full((1, 1, 3), level, np.uint8))[0, 0] for level in (_LIGHT, _DARK))
    found = np.clip((paper - levels) / (paper - ink), 0, None)
    return found[inside.all(1)], across


def _between(values: Values, row: Values, column: Values) -> Values:
    """Interpolate values at places between pixels."""
    top = np.clip(np.floor(row).astype(int), 0, _SIDE - 2)
    left = np.clip(np.floor(column).astype(int), 0, _SIDE - 2)
    down, right = np.clip(row - top, 0, 1), np.clip(column - left, 0, 1)
    upper = values[top, left] * (1 - right) + values[top, left + 1] * right
    lower = values[top + 1, left] * (1 - right) + values[top + 1, left + 1] * right
    return upper * (1 - down) + lower * down


def _hollow(dark: Values, across: Values, width: float) -> Values:
    half = width / 2
    left = dark[:, (across >= -half - 1) & (across <= 0)].max(1)
    right = dark[:, (across >= 0) & (across <= half + 1)].max(1)
    middle = dark[:, np.abs(across) <= max(_STEP, half / 2)].mean(1)
    return np.minimum(left, right) - middle


def _doubled(dark: Values, across: Values, width: float) -> Values:
    rises: list[Values] = []
    for side in (1, -1):
        beside = dark[:, side * across >= width / 2][:, ::side]
        rises.append((beside - np.minimum.accumulate(beside, 1)).max(1))
    return np.maximum(*rises)


def _faults(made: Bytes, truth: Bytes, angle: float, curve: _Curve) -> LineFaults | None:
    """Return the faults along one curve; None if too little of it is in the picture."""
    dark, across = _darkness(made, angle, curve)
    right, _ = _darkness(truth, angle, curve)
    if len(dark) < _SIDE // 4:
        return None
    middle = np.abs(across) <= curve.width / 2 + 2
    ink = dark[:, middle].sum(1) / right[:, middle].sum(1)
    ways = (
        measure(dark, across, curve.width) - measure(right, across, curve.width)
        for measure in (_hollow, _doubled)
    )
    hollow, doubled = (100 * float(np.mean(np.clip(way, 0, None))) for way in ways)
    return LineFaults(hollow, doubled, 100 * float(ink.std() / max(float(ink.mean()), 1e-6)))


def line_faults(enlarge: Enlarge, scale: int, harm: RoundTrip | None = None) -> LineFaults:
    """Return the mean faults of lines of 1 to 6 pixels at six angles.

    Args:
        enlarge: uint8 (h, w, 3) to (scale * h, scale * w, 3).
        scale: 1, 2, 3 or 4.
        harm: Damages the small pictures first, as a kind in `drawing.damage.DAMAGES` does.
    """
    found: list[LineFaults] = []
    for number, angle in enumerate(_ANGLES):
        truth = draw_lines(angle)
        small = degrade.shrink(truth, scale)
        if harm is not None:
            small = harm(np.random.default_rng(number), small)
        made = enlarge(small)
        each = (_faults(made, truth, angle, curve) for curve in _curves())
        found += [faults for faults in each if faults is not None]
    means = np.mean([astuple(faults) for faults in found], axis=0)
    return LineFaults(*(float(each) for each in means))
