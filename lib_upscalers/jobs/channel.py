"""A short queue between two threads, bounded by items and by bytes, that either side can end."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
# Waiting without an end cannot be interrupted on Windows.
_WAIT_SECONDS = 0.5


class Channel(Generic[T]):
    """A queue of at most so many items.

    Args:
        items: How many may wait.
        most_bytes: How many bytes may wait or be in use; one item may always.
    """

    def __init__(self, items: int, most_bytes: int) -> None:
        self._items = items
        self._most_bytes = most_bytes
        self._waiting: deque[tuple[T, int]] = deque()
        self._changed = threading.Condition()
        self._reserved = 0
        self._ended = self._abandoned = False

    def reserve(self, size: int) -> bool:
        """Wait until an item of that many bytes has room; return False if nobody takes it.

        The room is taken by `put`, and is free again once the item after it is asked for.
        """
        with self._changed:
            while not self._abandoned and self._reserved and self._is_full(size):
                self._changed.wait(_WAIT_SECONDS)
            self._reserved += size
            return not self._abandoned

    def _is_full(self, size: int) -> bool:
        return self._reserved + size > self._most_bytes

    def put(self, item: T, size: int) -> bool:
        """Add an item whose room was reserved; return False if nobody takes it."""
        with self._changed:
            while not self._abandoned and len(self._waiting) >= self._items:
                self._changed.wait(_WAIT_SECONDS)
            if self._abandoned:
                return False
            self._waiting.append((item, size))
            self._changed.notify_all()
            return True

    def free(self, size: int) -> None:
        """Free room that was reserved for an item that is not put."""
        with self._changed:
            self._reserved -= size
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Yield the items as they come, until the channel has ended."""
        while True:
            with self._changed:
                while not self._waiting and not self._ended and not self._abandoned:
                    self._changed.wait(_WAIT_SECONDS)
                if self._abandoned or not self._waiting:
                    return
                item, size = self._waiting.popleft()
                self._changed.notify_all()
            yield item
            del item
            self.free(size)

    def end(self) -> None:
        """Add no further items; those that wait are still taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Take no further items; those that wait are dropped."""
        with self._changed:
            self._abandoned = True
            self._waiting.clear()
            self._changed.notify_all()
