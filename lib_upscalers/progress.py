"""Progress reporting and cancellation of long-running work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """Receives reports of finished work; all that the engine knows of its caller."""

    def update(self, step: int, total: int, text: str = "") -> None:
        """Receive that `step` of `total` units are done; `text` describes the current work."""
        ...

    def check_cancelled(self) -> None:
        """Return if the work should continue.

        Raises:
            Cancelled: The user stopped it.
        """
        ...


class NullProgress:
    """Ignores reports, and never cancels."""

    def update(self, step: int, total: int, text: str = "") -> None:
        """Do nothing."""

    def check_cancelled(self) -> None:
        """Do nothing."""


NULL = NullProgress()

_RESOLUTION = 10_000


@dataclass(frozen=True)
class SubRange:
    """A part of a longer job: 0 to 100 % of the part are `start` to `stop` of the whole.

    Attributes:
        parent: Receives the reports.
        start: The begin of the part, as a fraction of the whole.
        stop: Its end, likewise.
        prefix: The start of every text.
    """

    parent: Progress
    start: float
    stop: float
    prefix: str = ""

    def update(self, step: int, total: int, text: str = "") -> None:
        """Report to the parent, as a fraction of the whole."""
        fraction = self.start + (self.stop - self.start) * (step / total if total else 1.0)
        self.parent.update(round(fraction * _RESOLUTION), _RESOLUTION, self.prefix + text)

    def check_cancelled(self) -> None:
        """Check the parent."""
        self.parent.check_cancelled()
