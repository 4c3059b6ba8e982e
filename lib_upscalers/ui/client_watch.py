"""Whether somebody still takes what is yielded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Value = TypeVar("Value")

_GONE_SECONDS = 8.0


class Listener:
    """Whoever takes what is yielded, as long as the page is open.

    Gradio 3.41 drops the iterator of a page that was closed, but a thread of its pool may hold it
    for long, so that nobody closes it.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: float | None = None

    def telling(self, values: Iterable[Value]) -> Iterator[Value]:
        """Yield the values, and note how long nobody asks for the next one."""
        for value in values:
            self._left = self._clock()
            yield value
            self._left = None

    def gone(self) -> bool:
        """Return whether nobody has asked for the next value for 8 seconds."""
        left = self._left
        return left is not None and self._clock() - left > _GONE_SECONDS
