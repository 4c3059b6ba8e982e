"""Recommended networks of the catalogue, each with a reason and what it costs."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILE = Path(__file__).with_name("recommended.json")
PURPOSES: Sequence[str] = ("anime", "photo", "manga", "video", "speed", "quality")


@dataclass(frozen=True)
class Recommendation:
    """A network that is worth having.

    Attributes:
        id: Its key in the catalogue.
        purposes: Some of `PURPOSES`.
        licence: SPDX, as the author states it.
        scale: How many times as large.
        architecture: Its name; "": unknown.
        megabytes: About how large its file is; None: unknown.
        reason: What speaks for it, and what against.
    """

    id: str
    purposes: tuple[str, ...]
    licence: str
    scale: int
    architecture: str
    megabytes: int | None
    reason: str


def recommendations() -> list[Recommendation]:
    """Return all of them, those of free licences first; no network is needed."""
    held: Any = json.loads(_FILE.read_text("utf-8"))
    found = (Recommendation(**each) for each in held["networks"])
    return [replace(each, purposes=tuple(each.purposes)) for each in found]
