"""Progress reporting and cancellation of long-running work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """Told of every piece of work that is done; all that the engine knows of its caller."""

    def update(self, step: int, total: int, text: str = "") -> None:
        """Take note that `step` of `total` units are done; `text` says what is going on."""
        ...

    def check_cancelled(self) -> None:
        """Return if the work should go on.

        Raises:
            Cancelled: The user stopped it.
        """
        ...


class NullProgress:
    """Nobody is listening and nobody will cancel."""

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
        parent: Who is told.
        start: Where the part begins, as a fraction of the whole.
        stop: Where it ends.
        prefix: Put before every text.
    """

    parent: Progress
    start: float
    stop: float
    prefix: str = ""

    def update(self, step: int, total: int, text: str = "") -> None:
        """Tell the parent, with the part's place in the whole."""
        fraction = self.start + (self.stop - self.start) * (step / total if total else 1.0)
        self.parent.update(round(fraction * _RESOLUTION), _RESOLUTION, self.prefix + text)

    def check_cancelled(self) -> None:
        """Ask the parent."""
        self.parent.check_cancelled()
