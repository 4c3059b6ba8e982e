"""What the command line shows while it works: one bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable

_BAR_WIDTH = 24
_REDRAW_SECONDS = 0.1


@dataclass
class Console:
    """The stream for everything that is not the result itself.

    Attributes:
        stream: Where to write.
        quiet: Show only errors and warnings.
        live: Whether one line can be redrawn, as on a terminal.
    """

    stream: TextIO
    quiet: bool = False
    live: bool = False
    _drawn: int = field(default=0, init=False)

    @classmethod
    def standard(cls, *, quiet: bool) -> Console:
        """Return the one on stderr, so that stdout stays free for results."""
        return cls(sys.stderr, quiet=quiet, live=sys.stderr.isatty())

    def draw(self, text: str) -> None:
        """Show `text` in the line that is redrawn; nothing where there is no such line."""
        if not self.live or self.quiet:
            return
        text = text[: max(10, shutil.get_terminal_size().columns - 1)]
        self.stream.write("\r" + text.ljust(self._drawn))
        self.stream.flush()
        self._drawn = len(text)

    def clear(self) -> None:
        """Take the redrawn line away."""
        if self._drawn:
            self.stream.write("\r" + " " * self._drawn + "\r")
            self._drawn = 0

    def say(self, text: str) -> None:
        """Write a line, unless told to be quiet."""
        if not self.quiet:
            self.write(text)

    def write(self, text: str) -> None:
        """Write a line that must be seen."""
        self.clear()
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self.stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        self.stream.flush()


@dataclass
class BarProgress:
    """Shows one picture's progress as a bar. Implements `progress.Progress`.

    Ctrl-C needs no flag here: Python raises KeyboardInterrupt as soon as the tile that runs is
    done.
    """

    console: Console
    label: str
    _last: float = field(default=float("-inf"), init=False)

    def update(self, step: int, total: int, text: str = "") -> None:
        """Redraw the bar, at most ten times a second."""
        now = time.monotonic()
        if now - self._last < _REDRAW_SECONDS and step < total:
            return
        self._last = now
        done = step / total if total else 1.0
        filled = round(done * _BAR_WIDTH)
        bar = "#" * filled + "." * (_BAR_WIDTH - filled)
        self.console.draw(f"{self.label} [{bar}] {done:4.0%} {text}")

    def check_cancelled(self) -> None:
        """Return: an interrupted process gets a KeyboardInterrupt instead."""


class ConsoleHandler(logging.Handler):
    """Sends log records to the console, so that they do not run into the bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one line."""
        self._console.write(f"{record.levelname.lower()}: {self.format(record)}")


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lay rows of cells out as lines with columns that line up; numbers are not treated apart."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def readable_bytes(count: int) -> str:
    """Write a number of bytes as people do: ``"1.2 MB"``."""
    if count < 1_000_000:
        return f"{count / 1_000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"
