"""Register the measures of a result, each a pure function of two planes of luma."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from lib_upscalers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Plane: TypeAlias = NDArray[np.float32]

Measure: TypeAlias = "Callable[[Plane, Plane], float]"


@dataclass(frozen=True)
class Metric:
    """A measure.

    Attributes:
        label: Its name in tables.
        better: Which values are the better ones.
        range: The least and the largest value that it can have.
        needs_reference: Whether the result is measured against the true picture, which has its
            size; else against the picture that was enlarged.
        unit: Of its values, or "".
        digits: How many decimals are significant.
        explanation: Its meaning, in a sentence or two, for those who do not know it.
        measure: Takes the result and that other picture: shape (H, W), luma from 16 to 235. Returns
            NaN if it is not defined for pictures of that size.
    """

    label: str
    better: Literal["higher", "lower"]
    range: tuple[float, float]
    needs_reference: bool
    unit: str
    digits: int
    explanation: str
    measure: Measure


METRICS: Registry[Metric] = Registry("a measure")


def metric(
    label: str,
    better: Literal["higher", "lower"],
    range: tuple[float, float],  # noqa: A002 - what it is
    *,
    needs_reference: bool,
    digits: int,
    explanation: str,
    unit: str = "",
) -> Callable[[Measure], Measure]:
    """Register the decorated function in `METRICS`, under its own name."""

    def enter(measure: Measure) -> Measure:
        entry = Metric(label, better, range, needs_reference, unit, digits, explanation, measure)
        METRICS.add(getattr(measure, "__name__"), entry)  # noqa: B009 - a callable may have none
        return measure

    return enter
