"""What reaches a terminal, and what a pipe."""

from __future__ import annotations

import io
import logging
import os
import sys

import pytest

from lib_upscalers.cli.console import Bars, Console, ConsoleHandler
from lib_upscalers.cli.main import main
from lib_upscalers.cli.terminal_text import readable_bytes, visible
from lib_upscalers.errors import OutputError

# Colours, the window's title, a cleared screen, carriage return, C1 codes, markup and emoji of
# rich, reversed text, a line separator, a byte of an unknown encoding.
HOSTILE = (
    "\x1b[31mred\x1b]0;title\x07\x1b[2J\rover\x08\x9b1m\x7f\n[bold]b[/bold] :smile: "
    "\u202egnp.\u2028 \udce9"
)
UNSAFE = ("\x1b", "\x07", "\r", "\x08", "\x9b", "\x7f", "\u202e", "\u2028", "\udce9")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 60) -> tuple[Console, Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "40")
    stream = Terminal()
    return Console(stream, live=True), stream


def test_whatever_a_terminal_would_obey_is_shown_as_text() -> None:
    text = visible(HOSTILE)
    assert not [each for each in UNSAFE if each in text]
    assert "\n" not in text
    assert r"\x1b[31mred" in text
    assert "[bold]b[/bold] :smile:" in text
    for plain in ("für 猫.png", "C:\\a\\b.png", "👩‍🎨 [1].png", "", "a~b"):
        assert visible(plain) == plain


def test_lines_tables_and_records_hold_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for live in (False, True):
        console, stream = on_terminal(monkeypatch, 400)
        console.live = live
        console.write(HOSTILE)
        console.table(["NAME"], [[HOSTILE]])
        record = logging.LogRecord("x", logging.WARNING, "", 0, "file %s", (HOSTILE,), None)
        ConsoleHandler(console).emit(record)
        text = stream.getvalue()
        for each in UNSAFE[1:]:
            assert each not in text, (live, each)
        assert "\x1b[31m" not in text, live
        assert text.count("[bold]b[/bold] :smile:") == 3, live


def test_bars_show_names_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    console, stream = on_terminal(monkeypatch, 300)
    with Bars(console, 3) as bars:
        bars.begin(HOSTILE)
        bars.update(1, 2, HOSTILE)
        bars.finish()
    text = stream.getvalue()
    assert "\x1b[31m" not in text
    assert "\x1b]0;title" not in text
    assert "[bold]b[/bold]" in text


def test_bars_show_picture_total_rate_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    console, stream = on_terminal(monkeypatch, 200)
    with Bars(console, 4) as bars:
        bars.begin("a.png")
        bars.update(1, 4, "tile 1/4")
        bars.finish()
        bars.begin("b.png")
        console.write("a line above the bars")
        bars.update(1, 2, "tile 2/4")
    text = stream.getvalue()
    for part in ("1/4", "b.png", "50%", "tile 2/4", "pictures/min", "a line above the bars"):
        assert part in text, part
    assert text.rstrip().endswith("\x1b[2K"), "the bars are removed"


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_shows_all_of_a_bar_and_its_text(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    console, stream = on_terminal(monkeypatch, width)
    text = "piece 2 of 5, 1200 of 4000 frames, 400 before, 0.95 frames/s"
    with Bars(console) as bars:
        bars.begin("holiday at the sea with everybody, the whole of it.mkv")
        bars.update(1, 2, text)
    shown = stream.getvalue()
    for part in ("holiday", "━", "50%", *text.split()):
        assert part in shown, part
    assert "…" in shown, "the name is what is cut"


def test_no_bars_where_nobody_sees_them() -> None:
    for console in (Console(io.StringIO()), Console(Terminal(), quiet=True, live=True)):
        with Bars(console, 2) as bars:
            bars.begin("a")
            bars.update(1, 2)
            bars.finish()
        assert console.stream.getvalue() == ""  # type: ignore[attr-defined]


def test_a_piped_table_is_neither_wrapped_nor_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    long = "a name of a network " * 40
    Console(stream).table(["NAME", "SIZE"], [[long, "1"], ["猫", "2"]])
    first, second, third = stream.getvalue().splitlines()
    assert first.split() == ["NAME", "SIZE"]
    assert second == f"{long}  1"
    assert third.split() == ["猫", "2"]
    assert "\x1b" not in stream.getvalue()


def test_colour_is_for_terminals_and_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for no_color, expected in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", no_color)
        console, stream = on_terminal(monkeypatch)
        console.write("problem", "red")
        assert ("\x1b[31m" in stream.getvalue()) == expected, no_color


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert not Console.standard(quiet=False).live


def test_an_encoding_that_lacks_a_letter_is_no_error() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii")
    Console(stream).say("für 猫.png")
    assert buffer.getvalue() == b"f?r ?.png" + os.linesep.encode()


class Broken(io.StringIO):
    """A stream that cannot be written to."""

    def write(self, text: str, /) -> int:
        raise OSError(28, "No space left on device")


def test_messages_that_cannot_be_written_stop_nothing_but_results_do() -> None:
    Console(Broken()).write("a message")
    with pytest.raises(OutputError, match="No space left"):
        Console(Broken(), strict=True).table(["A"], [["b"]])


def test_closed_streams_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["list"]) == 0


def test_wrong_usage_shows_what_was_typed_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["list", HOSTILE], ["upscale", "a", "b", "--\x1b[31m"], [HOSTILE]):
        with pytest.raises(SystemExit):
            main(arguments)
        error = capsys.readouterr().err
        assert not [each for each in UNSAFE if each in error], arguments


def test_without_rich_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["list"]) == 1
    assert "pip install rich" in capsys.readouterr().err


def test_sizes_are_readable() -> None:
    assert readable_bytes(540_000) == "540 kB"
    assert readable_bytes(66_900_000) == "66.9 MB"
