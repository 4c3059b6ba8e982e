"""What is wrong with a foreign file, and how its names are shown."""

from __future__ import annotations


class DamagedFileError(Exception):
    """A file is not what it should be; the text says in a few words why."""


class NoNetworkError(DamagedFileError):
    """A file is whole, but what it holds is no network that can be loaded; the text says what."""


def printable(text: object, longest: int = 80) -> str:
    """Return a foreign name as text that a terminal and a log show and do not obey.

    Args:
        text: The name.
        longest: More characters than this are cut off, which an ellipsis shows.
    """
    name = str(text)
    cut = name[:longest] + ("..." if len(name) > longest else "")
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in cut)
