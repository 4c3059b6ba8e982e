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
