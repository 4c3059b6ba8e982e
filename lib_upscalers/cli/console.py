"""Lines, tables and bars on a terminal; plain lines where the output is a file or a pipe."""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from lib_upscalers.cli.terminal_text import cell_width, encodable, terminal_width, visible
from lib_upscalers.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from rich.console import Console as RichConsole
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
    from rich.table import Table
    from typing_extensions import Self

# Between two columns of a table.
_GAP = 2
_SPEED_SECONDS = 120.0
_BAR = 40
_STANDARD_ERROR = 2


@dataclass
class Console:
    """A stream for people.

    Everything that is written is shown as text: no control character of a file name reaches a
    terminal, and nothing is interpreted as rich's markup.

    Attributes:
        stream: Where to write.
        quiet: Show only errors and warnings.
        live: Whether the stream is a terminal, which can show colours and redraw lines.
        strict: Whether a failure to write is an error. Messages must not stop the work; results
            must not be lost silently.
        words: Translates what is written for people.
    """

    stream: TextIO
    quiet: bool = False
    live: bool = False
    strict: bool = False
    words: Callable[[str], str] = str
    _rich: RichConsole | None = field(default=None, init=False)

    @classmethod
    def standard(cls, *, quiet: bool, words: Callable[[str], str] = str) -> Console:
        """Return the console for messages, on stderr; stdout stays free for results."""
        stream = _own(_stream(sys.stderr))
        return cls(stream, quiet=quiet, live=_is_terminal(sys.stderr), words=words)

    @classmethod
    def results(cls, words: Callable[[str], str] = str) -> Console:
        """Return the console for results, on stdout; programs' own formats need no `words`."""
        stream = _stream(sys.stdout)
        return cls(stream, live=_is_terminal(sys.stdout), strict=True, words=words)

    def say(self, text: str) -> None:
        """Write a line, unless the console is quiet."""
        if not self.quiet:
            self.write(text)

    def write(self, text: str, style: str = "") -> None:
        """Write a line that must be seen, in the user's language.

        Args:
            text: One line; line breaks in it are shown as text.
            style: A style of rich's, such as "red", where the stream is a terminal.

        Raises:
            OutputError: The console is strict, and the stream cannot be written.
            BrokenPipeError: Likewise, and whoever read the stream has closed it.
        """
        self.write_as_it_is(self.words(text), style)

    def write_as_it_is(self, text: str, style: str = "") -> None:
        """Write a line that is not translated, of a log or for programs; else as `write`."""
        try:
            if self.live:
                from rich.text import Text

                self.rich().print(Text(self._encodable(text), style), soft_wrap=True)
            else:
                self.stream.write(self._encodable(text) + "\n")
            self.stream.flush()
        except (OSError, ValueError) as error:
            self._fail(error)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table; in a pipe one line a row, neither wrapped nor cut.

        Raises:
            OutputError: As `write`.
            BrokenPipeError: As `write`.
        """
        titles = [self._encodable(self.words(title)) for title in head]
        lines = [titles, *([self._encodable(self._cell(each)) for each in row] for row in rows)]
        widths = [max(map(cell_width, column)) for column in zip(*lines, strict=True)]
        try:
            # Rich folds what does not fit; importing it takes longer than most lists.
            if self.live and sum(widths) + _GAP * len(widths) > terminal_width():
                self.rich().print(_folding(lines))
            else:
                self.stream.writelines(f"{line}\n" for line in self._aligned(lines, widths))
            self.stream.flush()
        except (OSError, ValueError) as error:
            self._fail(error)

    def rich(self) -> RichConsole:
        """Return rich's console on the stream; NO_COLOR is respected."""
        if self._rich is None:
            from rich.console import Console as RichConsole

            self._rich = RichConsole(
                file=self.stream,
                force_terminal=self.live,
                force_jupyter=False,
                markup=False,
                emoji=False,
                highlight=False,
            )
        return self._rich

    def _cell(self, text: str) -> str:
        return self.words(text) if " " in text else text  # a single word may be a name

    def _encodable(self, text: str) -> str:
        return encodable(visible(text), self.stream)

    def _aligned(self, lines: Iterable[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
        bold = self.live and os.name != "nt"
        for line in lines:
            cells = [
                cell + " " * (width + _GAP - cell_width(cell))
                for cell, width in zip(line, widths, strict=True)
            ]
            text = "".join(cells).rstrip()
            yield f"\x1b[1m{text}\x1b[0m" if bold else text
            bold = False

    def _fail(self, error: OSError | ValueError) -> None:
        if not self.strict:
            return
        if isinstance(error, BrokenPipeError):
            raise error
        reason = error.strerror if isinstance(error, OSError) else error
        raise OutputError(
            f"Expected to write to the standard output, but that failed ({reason}): free some "
            "space, or write elsewhere."
        ) from error


def _stream(stream: TextIO | None) -> TextIO:
    # A process that was started with closed streams has none.
    return io.StringIO() if stream is None else stream


def _own(stream: TextIO) -> TextIO:
    """Return a stream to where the process's standard error leads now.

    While a decoder of pictures runs in another thread, what is written to the standard error
    itself goes to the log.
    """
    try:
        if stream.fileno() != _STANDARD_ERROR:
            return stream
        return os.fdopen(
            os.dup(_STANDARD_ERROR),
            "w",
            buffering=1,
            encoding=stream.encoding,
            errors=stream.errors,
        )
    except (OSError, ValueError):
        return stream


def _is_terminal(stream: TextIO | None) -> bool:
    if stream is None or os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def _folding(lines: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name in lines[0]:
        table.add_column(Text(name), overflow="fold")
    for row in lines[1:]:
        table.add_row(*map(Text, row))
    return table


@dataclass
class Bars:
    """The progress of a job of several parts. Implements `progress.Progress` for one part.

    On a terminal it draws a bar for the part that runs and, of several, one for all; elsewhere
    nothing. Ctrl-C needs no flag: Python raises KeyboardInterrupt as soon as the tile that runs
    is done.

    Attributes:
        console: Where to draw.
        total: How many parts there are.
        unit: What the parts are called, in the plural.
    """

    console: Console
    total: int = 1
    unit: str = "pictures"
    _done: int = field(default=0, init=False)
    _skipped: int = field(default=0, init=False)
    _begun: float = field(default=0.0, init=False)
    _rich: RichProgress | None = field(default=None, init=False)
    _all: TaskID | None = field(default=None, init=False)
    _part: TaskID | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Show the bars, if somebody can see them."""
        if self.console.live and not self.console.quiet:
            with suppress(OSError):
                self._start(_rich_bars(self.console))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the bars."""
        if self._rich is not None:
            with suppress(OSError):
                self._rich.stop()

    def _start(self, bars: RichProgress) -> None:
        self._begun = time.monotonic()
        if self.total > 1:
            self._all = bars.add_task(f"0/{self.total}", total=self.total, text="")
        self._part = bars.add_task("", total=1.0, text="", start=False)
        bars.start()
        self._rich = bars

    def begin(self, name: str) -> None:
        """Show that a part begins."""
        if self._rich is not None and self._part is not None:
            self._rich.reset(self._part, total=1.0, description=visible(name), text="")

    def update(self, step: int, total: int, text: str = "") -> None:
        """Show how much of the part is done."""
        if self._rich is None or self._part is None:
            return
        share = step / total if total else 1.0
        words = self.console.words
        self._rich.update(self._part, completed=share, text=visible(words(text)))
        if self._all is not None:
            self._rich.update(self._all, completed=self._done + share)

    def finish(self, more: str = "") -> None:
        """Count a part as done; `more` is shown beside the speed."""
        self._done += 1
        if self._rich is None or self._all is None:
            return
        minutes = (time.monotonic() - self._begun) / 60
        done = self._done - self._skipped
        speed = f"{done / minutes:.1f} {self.console.words(self.unit)}/min" if minutes else ""
        self._rich.update(
            self._all,
            completed=self._done,
            description=f"{self._done}/{self.total}",
            text=", ".join(part for part in (speed, more) if part),
        )

    def skip(self) -> None:
        """Count a part that needs no work; it does not count for the speed."""
        self._done += 1
        self._skipped += 1
        if self._rich is not None and self._all is not None:
            self._rich.reset(
                self._all, completed=self._done, description=f"{self._done}/{self.total}"
            )

    def check_cancelled(self) -> None:
        """Return: an interrupted process gets a KeyboardInterrupt instead."""


def _rich_bars(console: Console) -> RichProgress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    # A narrow terminal gets the whole text, on further lines, rather than a wide bar.
    width = terminal_width()
    name = Column(no_wrap=True, overflow="ellipsis", max_width=max(12, width // 4))
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=name),
        BarColumn(bar_width=min(_BAR, width // 5)),
        TextColumn("{task.percentage:>3.0f}%", markup=False),
        TimeRemainingColumn(elapsed_when_finished=False),
        TextColumn("{task.fields[text]}", markup=False, table_column=Column(overflow="fold")),
        console=console.rich(),
        speed_estimate_period=_SPEED_SECONDS,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


class ConsoleHandler(logging.Handler):
    """Writes log records to the console, so that they do not run into a bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as one line, its traceback below it."""
        name, style = record.levelname.lower(), ""
        if record.levelno >= logging.WARNING:
            style = "red" if record.levelno >= logging.ERROR else "yellow"
        self._console.write_as_it_is(f"{name}: {record.getMessage()}", style)
        if record.exc_info:
            trace = (self.formatter or logging.Formatter()).formatException(record.exc_info)
            for line in trace.splitlines():
                self._console.write_as_it_is(line)
