"""Detect that the browser page was closed while a generator is still running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Value = TypeVar("Value")

_GONE_SECONDS = 8.0


class ClientWatch:
    """Detects that a generator's next value is no longer requested.

    Gradio 3.41 drops the iterator of a page that was closed, but a thread of its pool may hold a
    reference for a long time, so that the iterator is not closed.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting_since: float | None = None

    def watch(self, values: Iterable[Value]) -> Iterator[Value]:
        """Yield the values, and measure how long the next one is not requested."""
        for value in values:
            self._waiting_since = self._clock()
            yield value
            self._waiting_since = None

    def is_closed(self) -> bool:
        """Return whether the next value has not been requested for 8 seconds."""
        since = self._waiting_since
        return since is not None and self._clock() - since > _GONE_SECONDS
