"""Run work whose progress a page shows, so that nothing is held for a page that was closed."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Value = TypeVar("Value")

_GONE_SECONDS = 8.0
_POLL_SECONDS = 0.1


class ClientWatch(Generic[Value]):
    """Hands on what an iterator yields, which runs in a thread of its own.

    Gradio 3.41 drops the iterator of a page that was closed without closing it, a thread of its
    pool may hold a reference for a long time, and a reload of the WebUI keeps it for ever. What an
    iterator holds while it waits at a `yield`, such as the WebUI's queue, would be held as long. So
    gradio gets an iterator that holds nothing, and the work ends by itself when nobody asks for its
    next value.

    Args:
        closing: Returns whether the program closes: then the iterator ends at once, while Gradio
            3.41 can still end its request, and the work soon after.
        clock: Returns seconds.
    """

    def __init__(
        self,
        closing: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._closing = closing
        self._clock = clock
        self._waiting_since: float | None = None
        self._left = threading.Event()
        self._made: queue.Queue[Value] = queue.Queue(1)
        self._error: BaseException | None = None

    def watch(self, work: Callable[[], Iterator[Value]]) -> Iterator[Value]:
        """Yield the values of the work, and raise its error.

        Args:
            work: Called in a thread, once; it should end when `is_closed`. It waits for a page that
                is slow; of what it yields for one that was closed, only the last value remains.
        """
        thread = threading.Thread(target=self._run, args=(work,), name="page work", daemon=True)
        thread.start()
        try:
            while (value := self._next(thread)) is not None:
                self._waiting_since = self._clock()
                yield value
                self._waiting_since = None
        finally:
            self._left.set()
        if self._error is not None:
            raise self._error

    def is_closed(self) -> bool:
        """Return whether the next value has not been requested for 8 seconds, or never will be."""
        since = self._waiting_since
        return self._left.is_set() or (since is not None and self._clock() - since > _GONE_SECONDS)

    def _next(self, thread: threading.Thread) -> Value | None:
        """Return the next value; None after the last one."""
        while not self._closing():
            runs = thread.is_alive()
            with contextlib.suppress(queue.Empty):
                return self._made.get(timeout=_POLL_SECONDS if runs else 0)
            if not runs:
                break
        return None

    def _run(self, work: Callable[[], Iterator[Value]]) -> None:
        try:
            for value in work():
                self._put(value)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread of the page
            self._error = error

    def _put(self, value: Value) -> None:
        while not self.is_closed():
            with contextlib.suppress(queue.Full):
                self._made.put(value, timeout=_POLL_SECONDS)
                return
        with contextlib.suppress(queue.Empty):
            self._made.get_nowait()
        self._made.put_nowait(value)
