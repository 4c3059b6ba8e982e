"""Remember the last warnings and errors of the log, without the names that they contain."""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from pathlib import PurePath
from typing import TYPE_CHECKING

from lib_upscalers.errors import UpscalerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_log = logging.getLogger("lib_upscalers")
_MOST_CHARACTERS = 300
_MOST_FRAMES = 8


class RecentProblems(logging.Handler):
    """Stores the library's last warnings and errors.

    A message is stored as the code has it, without the values that are put into it: these name
    pictures and folders.

    Args:
        most: How many.
    """

    def __init__(self, most: int = 8) -> None:
        super().__init__(logging.WARNING)
        self._found: deque[tuple[str, ...]] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        """Store what was logged."""
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        lines = [f"{at} {record.levelname}: {record.msg}"]
        if record.exc_info and record.exc_info[1] is not None:
            lines += describe_error(record.exc_info[1], ours=False)
        self._found.append(tuple(lines))

    def lines(self) -> Sequence[str]:
        """Return the problems, the oldest first; what belongs to one is indented."""
        return [
            line if index == 0 else f"  {line}"
            for found in list(self._found)
            for index, line in enumerate(found)
        ]

    def attach(self) -> None:
        """Store what the library logs from now on."""
        _log.addHandler(self)

    def detach(self) -> None:
        """Store no more."""
        _log.removeHandler(self)


def describe_error(error: BaseException, *, ours: bool = True) -> list[str]:
    """Return an error's type, text and last frames, a line each; causes first.

    Args:
        error: The error.
        ours: Whether the texts of errors of this library are included; they name what the user
            has chosen.
    """
    cause = error.__cause__
    lines = [] if cause is None else describe_error(cause, ours=ours)
    hidden = isinstance(error, UpscalerError) and not ours
    text = "" if hidden else " ".join(str(error).split())
    lines.append(f"{type(error).__name__}: {text[:_MOST_CHARACTERS]}".rstrip(": "))
    return lines + _frames(error.__traceback__)


def _frames(trace: TracebackType | None) -> list[str]:
    return [
        f"  {_short(frame.filename)}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace)[-_MOST_FRAMES:]
    ]


def _short(file: str) -> str:
    """Return the last parts of a source file's path: those below its package."""
    parts = PurePath(file).parts
    for root in ("site-packages", "dist-packages", "extensions", "extensions-builtin"):
        if root in parts:
            return "/".join(parts[parts.index(root) + 1 :])
    start = parts.index("lib_upscalers") if "lib_upscalers" in parts else -2
    return "/".join(parts[start:])
