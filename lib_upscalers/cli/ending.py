"""End a command at SIGTERM and SIGHUP as cleanly as at Ctrl-C."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_NAMES = ("SIGTERM", "SIGHUP", "SIGBREAK")
INTERRUPTED = 130


class Ended(KeyboardInterrupt):
    """A signal asks the process to end.

    Attributes:
        number: The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_code(stop: BaseException) -> int:
    """Return the exit code by which shells recognise what ended a process: 128 + the signal."""
    return 128 + stop.number if isinstance(stop, Ended) else INTERRUPTED


@contextmanager
def signals_interrupt() -> Generator[None, None, None]:
    """Raise `Ended` in the block at the first of these signals; ignore further ones.

    A signal that is ignored, as by nohup, or that has another handler is not affected.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    named = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    ours = [number for number in named if signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, _frame: object) -> None:
        for each in ours:
            signal.signal(each, signal.SIG_IGN)  # cleaning up must not be interrupted again
        raise Ended(number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
