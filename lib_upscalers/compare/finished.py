"""The request for a comparison of finished pictures: upscalers and denoising strengths."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.compare.request import MOST
from lib_upscalers.errors import InputError
from lib_upscalers.registry import unknown_name

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_CELLS = 40
"""More pictures than this are made only if that is confirmed."""
_MOST_STRENGTHS = 20
_MOST_STEPS = 150
_RANGE = re.compile(r"\s*([\d.]+)\s*-\s*([\d.]+)\s*(?::\s*([\d.]+)\s*)?")
_STEP = 0.1


@dataclass(frozen=True)
class Cell:
    """One finished picture of the comparison.

    Attributes:
        upscaler: What enlarges.
        strength: The denoising strength of the second pass.
    """

    upscaler: str
    strength: float

    @property
    def name(self) -> str:
        """What it is called, such as "Latent (Lab), 0.45"."""
        return f"{self.upscaler}, {self.strength:g}"


@dataclass(frozen=True)
class FinishedRequest:
    """What to compare.

    Attributes:
        upscalers: 2 to 12 names, or one with several strengths; none twice.
        strengths: Denoising strengths above 0, 1 at most; none twice.
        steps: Of the second pass; 0: as many as in the first.
        confirmed: Whether more than `MOST_CELLS` pictures are intended.

    Raises:
        InputError: It makes no sense.
    """

    upscalers: tuple[str, ...]
    strengths: tuple[float, ...]
    steps: int = 0
    confirmed: bool = False

    def __post_init__(self) -> None:
        """Check it."""
        count = len(self.upscalers)
        if not 1 <= count <= MOST or len(set(self.upscalers)) != count or len(self.cells) < 2:
            raise InputError(
                f"Expected 2 to {MOST} different upscalers, or one with several strengths, but got "
                f"{count} with {len(self.strengths)}: choose others."
            )
        if not 0 <= self.steps <= _MOST_STEPS:
            raise InputError(
                f"Expected 0 to {_MOST_STEPS} steps for the second pass, but got {self.steps}."
            )
        if len(self.cells) > MOST_CELLS and not self.confirmed:
            raise InputError(
                f"Expected {MOST_CELLS} pictures at most, but {count} upscalers with "
                f"{len(self.strengths)} strengths are {len(self.cells)}: choose fewer, or tick "
                "that so many are intended."
            )

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All pictures: a row for each strength, a column for each upscaler."""
        return tuple(Cell(name, strength) for strength in self.strengths for name in self.upscalers)

    def check_names(self, listed: Collection[str]) -> None:
        """Check the upscalers' names.

        Args:
            listed: What the menu of Hires. fix lists.

        Raises:
            UnknownNameError: It lists no such name; the text suggests the nearest.
        """
        for name in self.upscalers:
            if name not in listed:
                raise unknown_name("an upscaler of Hires. fix", name, listed)


def parse_strengths(text: str) -> tuple[float, ...]:
    """Read denoising strengths, such as ``0.3, 0.45`` or ``0.2-0.6:0.1``.

    A range without a step has one of 0.1. What is there twice counts once.

    Raises:
        InputError: It is something else, or a strength is not above 0 and at most 1.
    """
    found: list[float] = []
    for part in re.split(r"[,;]", text):
        if part.strip():
            found += _part(part)
    strengths = tuple(dict.fromkeys(found))
    if not 1 <= len(strengths) <= _MOST_STRENGTHS:
        raise InputError(
            f"Expected 1 to {_MOST_STRENGTHS} denoising strengths such as 0.3, 0.45 or "
            f"0.2-0.6:0.1, but got {len(strengths)}."
        )
    return strengths


def _part(part: str) -> list[float]:
    spread = _RANGE.fullmatch(part)
    if spread is None:
        return [_strength(part)]
    first, last = _strength(spread[1]), _strength(spread[2])
    step = _strength(spread[3]) if spread[3] else _STEP
    count = round((last - first) / step, 6)
    if count < 0 or count >= _MOST_STRENGTHS:
        raise InputError(
            f"Expected a range of up to {_MOST_STRENGTHS} denoising strengths such as 0.2-0.6:0.1, "
            f"but got {part.strip()!r}."
        )
    return [round(first + i * step, 10) for i in range(int(count) + 1)]


def _strength(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise InputError(
            "Expected denoising strengths above 0 and at most 1, such as 0.3, 0.45 or 0.2-0.6:0.1, "
            f"but got {text.strip()[:40]!r}: correct it."
        )
    return value
