"""Accept only files that a browser has uploaded, whatever path a request names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

# The same for a file that is missing, a folder, and a file that is no picture, so that a request
# cannot find out which files there are elsewhere on this computer.
NOT_SENT = (
    "Expected a picture that was dropped here, but this one is not among those (any more): drop "
    "it again."
)


def is_inside(path: object, folders: Iterable[Path]) -> bool:
    """Return whether a path, links followed, is inside one of the folders; it need not exist.

    Paths that are outside by their names alone are never looked up on the disk, or in a network.
    """
    if not isinstance(path, str) or "\0" in path:
        return False
    name = Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would look it up
    try:
        return any(
            name.is_relative_to(base) and name.resolve().is_relative_to(base)
            for base in (folder.resolve() for folder in folders)
        )
    except (OSError, RuntimeError, ValueError):
        return False


def is_sent(path: object, folders: Iterable[Path]) -> bool:
    """Return whether a path is that of a file in one of the folders."""
    if not isinstance(path, str) or not is_inside(path, folders):
        return False
    try:
        return Path(path).is_file()
    except OSError:  # A name that is too long, for example, before Python 3.14.
        return False


def accepted(path: object, folders: Iterable[Path]) -> Path:
    """Return the path of a file that was uploaded.

    Args:
        path: The path that a request names; any value.
        folders: The folders with uploads.

    Raises:
        InputError: It is no such path; always with the same text.
    """
    if isinstance(path, str) and is_sent(path, folders):
        return Path(path)
    raise InputError(NOT_SENT)
