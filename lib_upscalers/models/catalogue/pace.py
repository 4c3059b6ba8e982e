"""State how patient a download is, and watch that its server goes on sending."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lib_upscalers.errors import DownloadError

if TYPE_CHECKING:
    from lib_upscalers.models.catalogue.fetching import Response


@dataclass(frozen=True)
class Pace:
    """How patient a download is.

    Attributes:
        window_seconds: In each such time ...
        least_bytes: ... so many bytes must come, or the connection counts as lost.
        attempts: How many connections in a row may bring nothing, or be too slow.
        pause_seconds: Between two of them.
    """

    window_seconds: float = 30.0
    least_bytes: int = 30_000
    attempts: int = 4
    pause_seconds: float = 1.0


class SlowError(DownloadError):
    """A server that sends next to nothing."""


@dataclass
class PaceWatch:
    """Watches that a server goes on sending.

    Attributes:
        pace: How much has to come in what time.
        at: How many bytes were there when the window began.
        since: When that was.
    """

    pace: Pace
    at: int
    since: float = field(default_factory=time.monotonic)

    def check(self, at: int, answer: Response) -> None:
        """Raise a SlowError if too little came since the window began.

        Args:
            at: How many bytes are there.
            answer: Whose host the error names.
        """
        now = time.monotonic()
        if now - self.since < self.pace.window_seconds:
            return
        if at - self.at < self.pace.least_bytes:
            raise SlowError(
                f"Expected a file, but {answer.address.host} sends next to nothing: try again "
                "later, what is there is used."
            )
        self.at, self.since = at, now
