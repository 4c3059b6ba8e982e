"""Escape what a terminal must not interpret: control characters and text directions."""

from __future__ import annotations

import os
import sys
import unicodedata

# Controls, lone surrogates (bytes of a file name in an unknown encoding), line and paragraph
# separators; and the format characters that change the direction of the text around them.
_HIDDEN = frozenset(("Cc", "Cs", "Zl", "Zp"))
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_WIDTH = 80


def visible(text: str) -> str:
    r"""Return the text in one line that a terminal shows as it is.

    Control characters, line breaks and all else that moves the cursor, changes colours or the
    direction of reading becomes an escape sequence in letters, such as ``\x1b``.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(each) for each in text)


def encodable(text: str, stream: object) -> str:
    """Return the text as a stream can take it: with question marks for what it lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def encodings() -> list[str]:
    """Return the encodings of the process's streams for people."""
    streams = (sys.stdout, sys.stderr)
    return [each.encoding or "utf-8" for each in streams if getattr(each, "encoding", None)]


def _escaped(character: str) -> str:
    if character in _DIRECTIONS or unicodedata.category(character) in _HIDDEN:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


def cell_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: Chinese characters take two."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def terminal_width() -> int:
    """Return how many columns the terminal has, as `shutil.get_terminal_size` does.

    Importing shutil, with all that compresses, takes a tenth of the time of a list.
    """
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated) > 0:
        return int(stated)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _WIDTH  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return _WIDTH


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def readable_bytes(count: int) -> str:
    """Write a number of bytes with its unit: ``"1.2 MB"``."""
    if count < 1_000_000:
        return f"{count / 1_000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"
