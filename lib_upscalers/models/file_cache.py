"""What is known of network files without opening them again."""

from __future__ import annotations

import json
import logging
import os
import threading
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import OutputError
from lib_upscalers.file_writing import write_text
from lib_upscalers.models.architectures import private
from lib_upscalers.models.entry import stamp_of
from lib_upscalers.network import NetworkTraits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger("lib_upscalers")

_FILE = "network-facts.json"
# To be raised when this library finds out more, or otherwise, than before.
_FORMAT = 4


@dataclass(frozen=True)
class Fact:
    """What a file turned out to be: a network's traits, or the reason why it is none."""

    traits: NetworkTraits | None = None
    problem: str = ""


class Facts:
    """Facts by path, size and time of change, kept in a file between starts.

    They hold for one version of what finds them out, for another one may know more. A file of
    facts that is damaged is forgotten; one that cannot be written costs time and nothing else.
    Several threads and programs may use one file: it is always whole, and what one of them
    found and another did not is kept, unless they write in the very same moment.

    Args:
        file: Where they are kept.
        versions: What they depend on.
    """

    def __init__(self, file: Path, versions: str) -> None:
        self._file = file
        self._versions = versions
        self._lock = threading.Lock()
        self._fresh: dict[str, dict[str, Any]] = {}
        self._said: dict[Path, str] = {}
        self._known = self._read()

    @classmethod
    def in_folder(cls, folder: Path) -> Facts:
        """Read what is known, from a folder that need not exist."""
        # Not asked of the packages themselves: to import them takes seconds.
        versions = f"{_FORMAT}, {private.versions()}, torch {metadata.version('torch')}"
        return cls(folder / _FILE, versions)

    def get(self, path: Path, find_out: Callable[[Path], Fact]) -> Fact:
        """Return the fact of a file; `find_out` is asked where it is not known yet.

        Raises:
            Exception: The file is not there (OSError), or whatever `find_out` raises; then
                nothing is remembered.
        """
        key = str(path.resolve())
        stamp = list(stamp_of(path))
        with self._lock:
            known = self._fresh.get(key) or self._known.get(key)
        fact = _from_json(known, stamp)
        if fact is None:
            fact = find_out(path)
            with self._lock:
                self._fresh[key] = {"stamp": stamp, "fact": asdict(fact)}
        return fact

    def is_news(self, path: Path, problem: str) -> bool:
        """Return whether this is not what was said of a file last; from now on it is."""
        with self._lock:
            news = self._said.get(path) != problem
            self._said[path] = problem
        return news

    def save(self) -> None:
        """Write what was found out since, if anything was; those of files that are gone leave."""
        with self._lock:
            if not self._fresh:
                return
            held = {**self._known, **self._read(), **self._fresh}
            self._known = {path: fact for path, fact in held.items() if os.path.exists(path)}  # noqa: PTH110 - a string is cheaper
            self._fresh = {}
            try:
                self._write(json.dumps({"versions": self._versions, "files": self._known}))
            except OutputError as error:
                _log.warning("What is known of networks cannot be kept: %s", error)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            held: Any = json.loads(self._file.read_text("utf-8"))
            return dict(held["files"]) if held["versions"] == self._versions else {}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            _log.warning("%s cannot be read, networks are looked at anew: %s", self._file, error)
            return {}

    def _write(self, text: str) -> None:
        write_text(self._file, text, overwrite=True, make_folders=True)


def _from_json(held: Any, stamp: list[int]) -> Fact | None:  # noqa: ANN401
    """Return a fact that was kept; None if there is none, or if somebody damaged it."""
    try:
        if held["stamp"] != stamp:
            return None
        traits = cast("dict[str, Any] | None", held["fact"]["traits"])
        fact = Fact(NetworkTraits(**traits) if traits else None, str(held["fact"]["problem"]))
    except (TypeError, LookupError):
        return None
    return fact if fact.traits is None or _well_typed(fact.traits) else None


def _well_typed(traits: NetworkTraits) -> bool:
    model = NetworkTraits(name="", architecture="", scale=1, channels=1)
    names = [field.name for field in fields(model)]
    return all(type(getattr(traits, name)) is type(getattr(model, name)) for name in names)
