"""The entry of a network in a list: its file and its traits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.network import NetworkTraits


@dataclass(frozen=True)
class ModelEntry:
    """A network file, and its facts that need no loading.

    Attributes:
        name: Its name in menus; unique in a list.
        path: The file.
        size_bytes: Its size.
        traits: The network's traits, as read from the file.
        licence: The licence of the weights, where it is known.
        sha256: The hash that the file must have, in hexadecimal; None: any.
        built_in: Whether it comes with this library.
    """

    name: str
    path: Path
    size_bytes: int
    traits: NetworkTraits
    licence: str | None = None
    sha256: str | None = None
    built_in: bool = False


def weights_beside(path: Path) -> Path | None:
    """Return the second file of an ncnn network, whose layers are in a .param file; else None."""
    if path.suffix.lower() != ".param":
        return None
    return path.with_suffix(".BIN" if path.suffix.isupper() else ".bin")


def files_of(path: Path) -> list[Path]:
    """Return the files of a network: one, or two where ncnn's weights lie beside its layers."""
    beside = weights_beside(path)
    return [path, *([beside] if beside is not None and beside.exists() else [])]


def stamp_of(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the time of change in nanoseconds of a network's files.

    Raises:
        OSError: The file is not there; a second one that is missing counts as empty.
    """
    found = [file.stat() for file in files_of(path)]
    return sum(each.st_size for each in found), max(each.st_mtime_ns for each in found)
