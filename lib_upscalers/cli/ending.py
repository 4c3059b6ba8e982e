"""The exit codes of a command; end it at SIGTERM and SIGHUP as cleanly as at Ctrl-C."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lib_upscalers.errors import ImageError, InputError, ReportFileError

if TYPE_CHECKING:
    from collections.abc import Generator

ALL_DONE, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
_NAMES = ("SIGTERM", "SIGHUP", "SIGBREAK")


class Ended(KeyboardInterrupt):
    """A signal asks the process to end.

    Attributes:
        number: The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def failure_code(error: BaseException) -> int:
    """Return the exit code for an error: wrong usage, unless a file or the machine is at fault."""
    about_a_file = isinstance(error, ImageError | ReportFileError)
    return WRONG_USAGE if isinstance(error, InputError) and not about_a_file else SOME_FAILED


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
