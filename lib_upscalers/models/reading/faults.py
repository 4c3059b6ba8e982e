"""Errors of foreign files, and how to print their names safely."""

from __future__ import annotations

# What torch and spandrel raise where weights, sizes or numbers do not fit together.
MISFITS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class DamagedFileError(Exception):
    """A file is not what it should be; the text says in a few words why."""


class NoNetworkError(DamagedFileError):
    """A file is whole, but contains no network that can be loaded; the text says what it is."""


def printable(text: object, longest: int = 80) -> str:
    """Return a foreign name as text without control characters, for terminals and logs.

    Args:
        text: The name.
        longest: More characters than this are replaced by an ellipsis.
    """
    name = str(text)
    cut = name[:longest] + ("..." if len(name) > longest else "")
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in cut)
