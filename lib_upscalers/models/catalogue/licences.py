"""Licences in plain words: what may be done with a network's results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

PaidWork = Literal["yes", "no", "unknown"]

_FREE = ("MIT", "Apache", "BSD", "CC0", "WTFPL", "Unlicense", "ISC", "0BSD", "Zlib")
_NAMED = ("CC-BY-4", "CC-BY-3", "CC-BY-2", "CC-BY-1", "CC-BY-SA", "CC-BY-ND")
_COPYLEFT = ("GPL", "AGPL", "LGPL", "MPL", "EUPL")
_NON_COMMERCIAL = re.compile(r"(?:^|[-_ ])(?:NC|noncommercial)(?:$|[-_ ])", re.IGNORECASE)


@dataclass(frozen=True)
class LicenceWords:
    """A licence in plain words. It is a summary, and the licence itself counts.

    Attributes:
        paid_work: Whether it allows paid work.
        text: A few words.
    """

    paid_work: PaidWork
    text: str


def licence_words(licence: str | None) -> LicenceWords:
    """Return what a licence allows, by its SPDX identifier; None: not stated."""
    if not licence:
        return LicenceWords("unknown", "licence not stated: ask the author")
    if _NON_COMMERCIAL.search(licence):
        return LicenceWords("no", "not for paid work")
    if licence.startswith(_FREE):
        return LicenceWords("yes", "free, also for paid work")
    if licence.startswith(_NAMED):
        return LicenceWords("yes", "also for paid work, name the author")
    if licence.startswith(_COPYLEFT):
        return LicenceWords("yes", "free; who passes the file on keeps its licence")
    return LicenceWords("unknown", "read the licence")
