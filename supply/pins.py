"""Read the files in locks/: one package of one version a block, with the hashes of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A package as a lock lists it.

    Attributes:
        name: As its index spells it.
        version: The only one that may be installed.
        marker: The machines and Pythons that it is for; "" for all.
        hashes: SHA-256 of all its files, one of which fits a machine.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def canonical(name: str) -> str:
    """Return a package's name as all spellings of it have in common (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(text: str) -> Iterator[Pin]:
    """Yield the packages of a file of requirements; without a lock, they have no hashes."""
    found = list(_PIN.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=True):
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", text[match.end() : end])
        name, version, marker = match.groups()
        yield Pin(name, version, marker or "", tuple(hashes))
