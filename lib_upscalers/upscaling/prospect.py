"""Facts about an upscaler before it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lib_upscalers.upscaling.choices import Choice

# As many as WebUIs run a network in a row at most.
_MOST_PASSES = 3


@dataclass(frozen=True)
class Prospect:
    """An upscaler, as a menu describes it.

    Attributes:
        architecture: Of a network; "" for a kernel, which does any scale.
        scale: By how much a network enlarges at once.
        size_bytes: The size of its file.
        seconds_per_megapixel: Time for a million pixels before enlarging, measured in this
            session; None where it has not run yet.
    """

    architecture: str = ""
    scale: int = 1
    size_bytes: int = 0
    seconds_per_megapixel: float | None = None

    def passes(self, target: float) -> int:
        """Return how often a network runs to reach a scale; 1 at least."""
        if self.scale < 2 or target <= self.scale:
            return 1
        needed = math.ceil(math.log(target) / math.log(self.scale) - 1e-9)
        return min(_MOST_PASSES, needed)


def prospect_of(choice: Choice, seconds_per_megapixel: float | None = None) -> Prospect:
    """Return what is known of an upscaler of the list."""
    if choice.kind == "pixel":
        return Prospect(seconds_per_megapixel=seconds_per_megapixel)
    return Prospect(
        choice.architecture, choice.scale or 1, choice.size_bytes or 0, seconds_per_megapixel
    )
