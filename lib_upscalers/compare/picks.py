"""Store the picks of blind tests, and count which upscaler is preferred to which."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import InputError
from lib_upscalers.json_files import read_object, write_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_FILE = "blind-picks.json"
KINDS: Sequence[str] = ("", "drawing", "photograph")
"""Kinds of pictures that a user may name; "": none."""
MOST_PICKS = 5000
_LONGEST = 300


@dataclass(frozen=True)
class Pick:
    """A pair that was shown without names, and which one the user took.

    Attributes:
        id: A text of the page's own, by which a pick that was sent twice counts once.
        better: The upscaler whose result was taken.
        worse: The other one.
        half: Whether both were called alike.
        kind: One of `KINDS`.
        better_strength: Of a finished picture, its denoising strength; else None.
        worse_strength: Likewise.
    """

    id: str
    better: str
    worse: str
    half: bool = False
    kind: str = ""
    better_strength: float | None = None
    worse_strength: float | None = None


@dataclass(frozen=True)
class Preference:
    """How often one upscaler was preferred to another.

    Attributes:
        better: The one that was preferred more often, or as often.
        worse: The other one.
        wins: How often `better` was.
        pairs: How many pairs of the two were shown.
    """

    better: str
    worse: str
    wins: int
    pairs: int

    def is_of(self, first: str, second: str) -> bool:
        """Return whether it is of these two, in either order."""
        return {self.better, self.worse} == {first, second}


@dataclass(frozen=True)
class StoredPicks:
    """What the file holds.

    Attributes:
        storing: Whether new picks are stored.
        picks: Oldest first.
    """

    storing: bool = True
    picks: tuple[Pick, ...] = ()


class PickStore:
    """The user's picks, in a file. Several threads may use it.

    Args:
        folder: Where the file is; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._lock = threading.Lock()

    def read(self) -> StoredPicks:
        """Return all that is stored; picks that cannot be read are left out."""
        held = read_object(self._file, "no pick is known")
        picks: Any = held.get("picks", [])
        found = tuple(_readable(picks)) if isinstance(picks, list) else ()
        return StoredPicks(bool(held.get("storing", True)), found)

    def add(self, picks: Iterable[Pick]) -> None:
        """Store picks, unless that is switched off; those that are there already once.

        Raises:
            OutputError: They cannot be stored.
        """
        with self._lock:
            held = self.read()
            known = {each.id for each in held.picks}
            fresh = {each.id: each for each in picks if each.id not in known}
            if held.storing and fresh:
                self._write(StoredPicks(held.storing, (*held.picks, *fresh.values())[-MOST_PICKS:]))

    def switch(self, *, storing: bool) -> None:
        """Switch storing on or off; what is stored stays.

        Raises:
            OutputError: That cannot be stored.
        """
        with self._lock:
            self._write(StoredPicks(storing, self.read().picks))

    def forget(self) -> None:
        """Delete all picks.

        Raises:
            OutputError: The file cannot be written.
        """
        with self._lock:
            self._write(StoredPicks(self.read().storing))

    def export(self) -> str:
        """Return all picks as JSON, without the page's own marks."""
        picks = [asdict(each) for each in self.read().picks]
        for each in picks:
            del each["id"]
        return json.dumps({"picks": picks}, ensure_ascii=False, indent=2) + "\n"

    def tallies(self, kind: str = "") -> list[Preference]:
        """Return the tally of every two upscalers, those with most pairs first.

        Args:
            kind: Of pictures; those of no named kind count, too. "": all pictures.
        """
        picks = (each for each in self.read().picks if not kind or each.kind in ("", kind))
        return tallies(picks)

    def _write(self, held: StoredPicks) -> None:
        picks = [asdict(each) for each in held.picks]
        write_object(self._file, {"storing": held.storing, "picks": picks})


def pick_from(values: object) -> Pick:
    """Return the pick in an object of JSON.

    Raises:
        InputError: It is none.
    """
    if not isinstance(values, dict):
        raise InputError("Expected a pick of a blind test, but got something else.")
    given = cast("dict[str, Any]", values)
    try:
        pick = Pick(**given)
    except TypeError:
        raise InputError("Expected a pick of a blind test, but it has other fields.") from None
    if not _is_sound(**asdict(pick)):
        raise InputError("Expected a pick of a blind test, but a value is of the wrong kind.")
    return pick


def _is_sound(
    *,
    id: object,  # noqa: A002 - as the field is called
    better: object,
    worse: object,
    half: object,
    kind: object,
    better_strength: object,
    worse_strength: object,
) -> bool:
    texts = all(isinstance(each, str) and 0 < len(each) <= _LONGEST for each in (id, better, worse))
    numbers = all(
        each is None or (isinstance(each, (int, float)) and 0 <= each <= 1)
        for each in (better_strength, worse_strength)
    )
    return texts and numbers and isinstance(half, bool) and kind in KINDS


def _readable(values: Iterable[Any]) -> Iterable[Pick]:
    for each in values:
        try:
            yield pick_from(each)
        except InputError:
            continue


def tallies(picks: Iterable[Pick]) -> list[Preference]:
    """Count which upscaler was preferred to which, whatever the denoising strengths were."""
    pairs: Counter[tuple[str, str]] = Counter()
    wins: Counter[tuple[str, str, str]] = Counter()
    for pick in picks:
        if pick.better == pick.worse:
            continue
        first, second = sorted((pick.better, pick.worse))
        pairs[first, second] += 1
        wins[first, second, "" if pick.half else pick.better] += 1
    found: list[Preference] = []
    for (first, second), count in pairs.most_common():
        better, worse = sorted((first, second), key=lambda name: -wins[first, second, name])
        found.append(Preference(better, worse, wins[first, second, better], count))
    return found
