"""Let "Reload UI" end: Gradio 3 waits for ever for requests whose page is gone."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("lib_upscalers")
_NEEDED = ("close", "should_exit", "force_exit", "server_state", "thread")
_TICK_SECONDS = 0.25
# Gradio looks once a second whether the page of a request is gone.
_IDLE_TICKS = 8


class ReloadWatch:
    """Ends a server that is asked to close, once nobody is connected and no job runs.

    Gradio 3.41's request for a result returns only after the server itself has ended the
    connection (routes.py:636-639). That is lost for a generator whose page is gone, for a page
    that was closed before it sent its inputs, and for what is queued when the queue stops
    (queueing.py:399-467). Uvicorn then waits for that request without a limit, and "Reload UI"
    with it. Nothing is done before the server is asked to close.

    Args:
        closing: Set when the server is asked to close: our own work ends then.
        tick: Seconds between two looks.
    """

    def __init__(self, closing: threading.Event, tick: float = _TICK_SECONDS) -> None:
        self._closing = closing
        self._tick = tick
        self._server: Any = None
        self._ours: Callable[[], None] | None = None

    def attach(self, blocks: Any) -> None:
        """Watch the server of a page; one that works in another way is left alone."""
        server = getattr(blocks, "server", None)
        if server is None or not all(hasattr(server, name) for name in _NEEDED):
            return
        self.detach()
        original: Callable[[], None] = server.close

        def close() -> None:
            self._closing.set()
            arguments = (server, getattr(blocks, "_queue", None))
            threading.Thread(
                target=self._watch, args=arguments, name="reload watch", daemon=True
            ).start()
            original()

        self._server, self._ours = server, close
        server.close = close

    def detach(self) -> None:
        """Give the server its own method back."""
        if self._server is not None and vars(self._server).get("close") is self._ours:
            del self._server.close
        self._server = self._ours = None

    def _watch(self, server: Any, queue: Any) -> None:
        pause = threading.Event()
        idle = 0
        while server.thread.is_alive() and idle < _IDLE_TICKS:
            pause.wait(self._tick)
            waits = server.should_exit and not _is_busy(server, queue)
            idle = idle + 1 if waits else 0
        if server.thread.is_alive():
            _log.info("Requests whose page is gone are ended, so that the UI can reload.")
            server.force_exit = True


def _is_busy(server: Any, queue: Any) -> bool:
    jobs = getattr(queue, "active_jobs", None) or ()
    return bool(server.server_state.connections) or any(job is not None for job in jobs)
