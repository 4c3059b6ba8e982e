"""Describe the state and results of a comparison, as plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

from lib_upscalers.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lib_upscalers.compare.candidate import Kind

_Made = TypeVar("_Made")
_MOST_NUMBER = 1 << 63
State = Literal["waiting", "running", "finished", "failed", "stopped"]


@dataclass(frozen=True)
class StoredPicture:
    """A picture in a file.

    Attributes:
        file: Its path, relative to the folder of comparisons.
        width: In pixels.
        height: In pixels.
        size_bytes: Of the file.
    """

    file: str
    width: int
    height: int
    size_bytes: int = 0


@dataclass(frozen=True)
class Cost:
    """The cost of a result.

    Attributes:
        load_seconds: Time to load a network.
        run_seconds: Time for everything else.
        peak_bytes: The peak growth of memory; None if it is unknown.
        peak_of: Which memory: the GPU's, or the process's.
        passes: How often a network ran; 0 if none did.
        tiles: In how many tiles, over all passes.
        precision: In which precision, or "".
        device: Where, or "".
        tiling: The decisions about tiles, in words, or "".
        enlarge_seconds: Of a finished picture, the part of `run_seconds` before the second pass.
    """

    load_seconds: float
    run_seconds: float
    peak_bytes: int | None = None
    peak_of: Literal["VRAM", "process"] = "process"
    passes: int = 0
    tiles: int = 0
    precision: str = ""
    device: str = ""
    tiling: str = ""
    enlarge_seconds: float | None = None


@dataclass(frozen=True)
class Entry:
    """One upscaler in a comparison.

    Attributes:
        name: Its name.
        kind: What it is.
        scale: The scale that it was made for; None: any.
        architecture: Of a network, or "".
        licence: Of a network, or "".
        size_bytes: Of the network's file; None if there is none.
        state: Its state.
        fraction: How much of it is done, 0 to 1; None if that is unknown.
        text: The current step, the reason of a failure, or notes about the finished result.
        result: The picture.
        cost: Its cost; of a cached one, when it was made.
        figures: The measures, by their names in `METRICS`.
        cached: Whether the result is that of an earlier comparison.
        upscaler: Of a finished picture, what enlarged it; else "", and the name is it.
        strength: Of a finished picture, the denoising strength of its second pass.
        steps: Of a finished picture, the steps of its second pass; 0: as many as in the first.
    """

    name: str
    kind: Kind
    scale: int | None = None
    architecture: str = ""
    licence: str = ""
    size_bytes: int | None = None
    state: State = "waiting"
    fraction: float | None = None
    text: str = ""
    result: StoredPicture | None = None
    cost: Cost | None = None
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    cached: bool = False
    upscaler: str = ""
    strength: float | None = None
    steps: int = 0


@dataclass(frozen=True)
class Session:
    """One comparison.

    Attributes:
        name: A secret name, under which it is stored.
        title: The picture's name.
        source: The picture that is enlarged.
        reference: The true picture, if it is known.
        width: Of the results.
        height: Of the results.
        trial: How the source was made of the reference, in words; "" if it was not.
        notes: What the user should know of the picture.
        settings: The request as text.
        version: Of the program.
        entries: The upscalers; of finished pictures row by row, a row for each strength.
        columns: Of finished pictures, how many are in a row; else 0.
        siblings: Of finished pictures of several seeds, the titles of all their sessions by name.
    """

    name: str
    title: str
    source: StoredPicture
    width: int
    height: int
    entries: tuple[Entry, ...]
    reference: StoredPicture | None = None
    trial: str = ""
    notes: tuple[str, ...] = ()
    settings: str = ""
    version: str = ""
    columns: int = 0
    siblings: Mapping[str, str] = field(default_factory=dict[str, str])

    def with_entry(self, index: int, entry: Entry) -> Session:
        """Return the session with one upscaler's place changed."""
        entries = (*self.entries[:index], entry, *self.entries[index + 1 :])
        return replace(self, entries=entries)

    def ended(self) -> Session:
        """Return the session as it is when no job runs: unfinished entries are stopped."""
        entries = (
            replace(entry, state="stopped", fraction=None, text="")
            if entry.state in ("waiting", "running")
            else entry
            for entry in self.entries
        )
        return replace(self, entries=tuple(entries))

    def to_json(self) -> str:
        """Return all of it as JSON, which `from_json` reads."""
        return json.dumps(asdict(self), ensure_ascii=False)


# What JSON gives for the fields' annotations; Python would take anything.
_IN_JSON: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "str": (str,),
        "bool": (bool,),
        "int": (int,),
        "int | None": (int, type(None)),
        "float": (int, float),
        "float | None": (int, float, type(None)),
        "Kind": (str,),
        "State": (str,),
        "Literal['VRAM', 'process']": (str,),
        "Mapping[str, float]": (dict,),
        "Mapping[str, str]": (dict,),
    }
)


def _made(kind: Callable[..., _Made], values: Mapping[str, Any]) -> _Made:
    """Make a dataclass of the fields that `dataclasses.asdict` gave.

    Raises:
        KeyError, TypeError: There are others, or one has a value of another type.
    """
    for each in fields(cast("Any", kind)):
        if each.name in values and str(each.type).replace('"', "'") in _IN_JSON:
            value = values[each.name]
            types = _IN_JSON[str(each.type).replace('"', "'")]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise TypeError(f"{each.name} is a {type(value).__name__}")
            _check_number(value)
    return kind(**values)


def _check_number(value: object) -> None:
    """See that a number is one that JSON has, and a page can show."""
    if isinstance(value, (int, float)) and not abs(value) < _MOST_NUMBER:
        raise ValueError("a number is too large, or none")


def _picture(values: Mapping[str, Any]) -> StoredPicture:
    made = _made(StoredPicture, values)
    if made.width < 1 or made.height < 1 or not _is_in_store(made.file):
        raise ValueError("a picture has no size, or is not in the store")
    return made


def _is_in_store(file: str) -> bool:
    """Return whether a path is a relative one that stays below its folder on every system."""
    path = PurePosixPath(file)
    plain = file.isprintable() and not any(sign in file for sign in "\\:")
    return plain and not path.is_absolute() and ".." not in path.parts


def _picture_or_none(values: Mapping[str, Any] | None) -> StoredPicture | None:
    return None if values is None else _picture(values)


def entry_from(values: Mapping[str, Any]) -> Entry:
    """Make an entry of the fields that `dataclasses.asdict` returned.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: There are others, or one has a value that
            it cannot have.
    """
    held: dict[str, Any] = dict(values)
    held["result"] = _picture_or_none(values["result"])
    held["cost"] = None if values["cost"] is None else _made(Cost, values["cost"])
    entry = _made(Entry, held)
    if entry.state not in get_args(State):
        raise ValueError(f"there is no state {entry.state!r}")
    figures = cast("Mapping[str, object]", entry.figures)
    if not all(isinstance(figure, (int, float)) for figure in figures.values()):
        raise TypeError("a figure is no number")
    for figure in figures.values():
        _check_number(figure)
    return entry


def _checked(session: Session) -> Session:
    if not (1 <= session.width < 1 << 31 and 1 <= session.height < 1 << 31):
        raise ValueError("the results have no size")
    siblings = cast("Mapping[str, object]", session.siblings)
    if not all(isinstance(title, str) for title in siblings.values()):
        raise TypeError("a title is no text")
    return session


def from_json(text: str) -> Session:
    """Read what `Session.to_json` wrote.

    Raises:
        InputError: It is no such text, or of another version that had other fields.
    """
    try:
        held: dict[str, Any] = json.loads(text)
        held["source"] = _picture(held["source"])
        held["reference"] = _picture_or_none(held["reference"])
        held["notes"] = tuple(str(note) for note in held["notes"])
        held["entries"] = tuple(entry_from(each) for each in held["entries"])
        return _checked(_made(Session, held))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"Expected a stored comparison, but it cannot be read ({error}): compare again."
        ) from None


def means(sessions: Sequence[Session]) -> dict[str, dict[str, list[float]]]:
    """Collect the figures of several pictures: upscaler -> measure -> one value a picture.

    An upscaler's time, in seconds, is among its figures as "seconds".
    """
    collected: dict[str, dict[str, list[float]]] = {}
    for session in sessions:
        for entry in session.entries:
            if entry.state != "finished":
                continue
            own = collected.setdefault(entry.name, {})
            seconds = {} if entry.cost is None else {"seconds": entry.cost.run_seconds}
            for name, value in {**entry.figures, **seconds}.items():
                own.setdefault(name, []).append(value)
    return collected
