"""Find black and white among numbers whose range no file format defines: float and 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.errors import ImageError
from lib_upscalers.geometry import row_strips

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What programs write for a pixel without a value, such as -3.4e38.
_NO_NUMBER = 1e30
# White, where a picture's greatest value is at least a quarter of it and no more than it: whole
# numbers of 8, 10, 12, 14, 15, 16, 31 and 32 bits.
_WHITES = (255.0, 1023.0, 4095.0, 16383.0, 32767.0, 65535.0, 2.0**31 - 1, 2.0**32 - 1)
# Below this share of white, a picture is black to the eye.
_DIM = 1 / 64
_MOST_SAMPLES = 1 << 22


@dataclass(frozen=True)
class NumberRange:
    """The values that become black and white.

    Attributes:
        black: The value of black.
        white: The value of white.
        notes: Notes about it for the user, a sentence each.
    """

    black: float
    white: float
    notes: tuple[str, ...] = ()


def find_range(values: NDArray[Any]) -> NumberRange:
    """Find a picture's black and white by its values, so that it is never black throughout.

    - Float with most values in [0, 1], and not all of them dark: 0 and 1; values beyond are cut
      off.
    - No negative values, and the greatest at least a quarter of what 8, 10, 12, 14, 15, 16, 31 or
      32 bits hold, and no more: 0 and that number, as 255 or 65535.
    - Anything else: the least value (0 if none is negative) and the greatest.

    The thousandth of the values at either end is cut off if it lies far beyond all others.

    A note states the range unless it is 0 to 1, 255 or 65535 and nothing is cut off.

    Args:
        values: Shape (H, W), float or whole numbers of 32 bits.

    Raises:
        ImageError: None of the values is a number.
    """
    sample = _sample(values)
    usable = sample[np.abs(sample) < _NO_NUMBER] if sample.dtype.kind == "f" else sample
    if not usable.size:
        raise ImageError("Expected a picture, but none of its values is a number: get it again.")
    notes: list[str] = []
    least, greatest = _extremes(values)
    if values.dtype.kind == "f" and (lost := _count_unusable(values)):
        notes.append(f"{lost:,} values are no finite numbers; they become black, or white.")
    black, white = _choose(usable, least, greatest, is_float=values.dtype.kind == "f")
    usual = black == 0 and white in (1.0, 255.0, 65535.0)
    if not usual:
        notes.append(
            f"Values from {least:g} to {greatest:g}: {black:g} is taken as black and {white:g} as "
            "white."
        )
    elif least < black or greatest > white:
        notes.append(
            f"Values from {least:g} to {greatest:g}: what is below {black:g} or above {white:g} is "
            "cut off."
        )
    return NumberRange(black, white, tuple(notes))


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    """Return an even selection of the values, flat, without those that are not finite."""
    step = max(1, int(np.ceil((values.size / _MOST_SAMPLES) ** 0.5)))
    sample = values[::step, ::step].ravel()
    return sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample


def _extremes(values: NDArray[Any]) -> tuple[float, float]:
    least, greatest = np.inf, -np.inf
    for rows in row_strips(len(values), values[:1].nbytes):
        strip = values[rows]
        if strip.dtype.kind == "f":
            strip = strip[np.abs(strip) < _NO_NUMBER]
        if strip.size:
            least, greatest = min(least, strip.min()), max(greatest, strip.max())
    return float(least), float(greatest)


def _count_unusable(values: NDArray[Any]) -> int:
    strips = row_strips(len(values), values[:1].nbytes)
    return sum(int((~(np.abs(values[rows]) < _NO_NUMBER)).sum()) for rows in strips)


def _choose(
    sample: NDArray[Any], least: float, greatest: float, *, is_float: bool
) -> tuple[float, float]:
    low, high = (float(each) for each in np.quantile(sample, (0.001, 0.999)))
    if is_float and _is_mostly_unit(sample, least, greatest):
        return 0.0, 1.0
    black = 0.0 if least >= 0 else low if low - least > 3 * (high - low) else least
    white = high if high > black and greatest - black > 4 * (high - black) else greatest
    if black == 0:
        for usual in _WHITES:
            if usual / 4 <= white <= usual:
                return 0.0, usual
    return black, white if white > black else black + 1.0


def _is_mostly_unit(sample: NDArray[Any], least: float, greatest: float) -> bool:
    """Return whether float values are meant to be from 0 to 1."""
    if least >= -0.5 and greatest <= 2:
        return greatest >= _DIM
    inside = float(((sample >= 0) & (sample <= 1)).mean())
    return inside >= 0.5 and least > -1 and float(np.quantile(sample, 0.9)) >= _DIM


def to_unit(values: NDArray[Any], span: NumberRange) -> NDArray[np.float32]:
    """Return values from 0 to 1, float32; those that are no numbers become 0, infinity 1."""
    result = np.empty(values.shape, np.float32)
    factor = 1.0 / (span.white - span.black)
    for rows in row_strips(len(values), 2 * values[:1].nbytes):
        with np.errstate(invalid="ignore"):  # there are NaNs that warn whoever touches them
            strip = values[rows].astype(np.float64)
        if values.dtype.kind == "f":
            strip[~(np.abs(strip) < _NO_NUMBER) & ~(strip == np.inf)] = span.black
        result[rows] = np.clip((strip - span.black) * factor, 0, 1)
    return result
