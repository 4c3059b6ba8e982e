"""A network that can be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.network import NetworkTraits


@dataclass(frozen=True)
class ModelEntry:
    """A network file and what is known of it without loading it.

    Attributes:
        name: What people call it; no two entries of one list have the same.
        path: The file.
        size_bytes: Its size.
        traits: What the file says of the network.
        licence: The licence of the weights, where it is known.
        sha256: What the file's bytes must hash to, in hexadecimal; None: anything.
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


def stamp_of(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the time of change in nanoseconds of a network's files.

    Raises:
        OSError: The file is not there; a second one that is missing counts as empty.
    """
    facts = path.stat()
    beside = weights_beside(path)
    if beside is None or not beside.exists():
        return facts.st_size, facts.st_mtime_ns
    more = beside.stat()
    return facts.st_size + more.st_size, max(facts.st_mtime_ns, more.st_mtime_ns)
