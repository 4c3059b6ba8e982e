"""Count what a run has done, and state it in words and as JSON."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Literal

Skipped = Literal["before", "there", "elsewhere", "failed_before"]

_MOST_ERRORS = 1000


@dataclass
class Tally:
    """The counts of a run. Threads may share it.

    Attributes:
        total: How many pictures there are to do or to skip.
        before: Done by an earlier run.
        there: A file of the result's name was there, by no run of the journal.
        elsewhere: Done by another run at the same time.
        now: Done by this run.
        failed: Failed in this run.
        failed_before: Failed in an earlier run, and not tried again.
        megapixels: Of all results of this run.
        errors: Name and reason of those that failed, the first thousand.
    """

    total: int = 0
    before: int = 0
    there: int = 0
    elsewhere: int = 0
    now: int = 0
    failed: int = 0
    failed_before: int = 0
    megapixels: float = 0.0
    errors: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _begun: float = field(default_factory=time.monotonic)
    _ended: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def skipped(self) -> int:
        """How many need no work of this run."""
        return self.before + self.there + self.elsewhere + self.failed_before

    @property
    def left(self) -> int:
        """How many are still to do."""
        return max(0, self.total - self.skipped - self.now - self.failed)

    @property
    def seconds(self) -> float:
        """Since the run has begun, until its end."""
        return (self._ended or time.monotonic()) - self._begun

    def end(self) -> None:
        """Note that the run has ended, so that its speed stays as it was."""
        self._ended = time.monotonic()

    @property
    def complete(self) -> bool:
        """Whether every picture has a result."""
        return not (self.failed or self.failed_before or self.left)

    def add_skipped(self, kind: Skipped) -> None:
        """Count a picture that needs no work of this run."""
        with self._lock:
            setattr(self, kind, getattr(self, kind) + 1)

    def add_done(self, megapixels: float) -> None:
        """Count a picture that this run has done."""
        with self._lock:
            self.now += 1
            self.megapixels += megapixels

    def add_failed(self, name: str, reason: str) -> None:
        """Count a picture that failed."""
        with self._lock:
            self.failed += 1
            if len(self.errors) < _MOST_ERRORS:
                self.errors.append((name, reason))

    def speed(self) -> float:
        """Return the megapixels of results a second."""
        return self.megapixels / max(self.seconds, 1e-6)

    def seconds_left(self) -> float | None:
        """Return how long the rest will take, by the pictures so far; None before the first."""
        done = self.now + self.failed
        return self.seconds / done * self.left if done else None

    def in_words(self) -> str:
        """Return a line for people, without a full stop."""
        failed = f"{self.failed} failed"
        if not self.skipped:
            parts = [f"{self.now} of {self.total} done", *([failed] if self.failed else [])]
        else:
            counts = (
                (self.before, "done before"),
                (self.there, "there already"),
                (self.elsewhere, "done by another run"),
            )
            parts = [f"{number} {what}" for number, what in counts if number]
            parts += [f"{self.now} done now", failed]
        if self.failed_before:
            parts.append(f"{self.failed_before} failed before")
        if self.left:
            parts.append(f"{self.left} left")
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "pictures": self.total,
            "done_before": self.before,
            "there_already": self.there,
            "done_by_another_run": self.elsewhere,
            "done": self.now,
            "failed": self.failed,
            "failed_before": self.failed_before,
            "left": self.left,
            "megapixels": round(self.megapixels, 6),
            "seconds": round(self.seconds, 3),
            "errors": [{"name": name, "error": reason} for name, reason in self.errors],
        }
