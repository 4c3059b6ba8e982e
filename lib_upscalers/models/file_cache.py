"""Cache the facts of network files, so that they are not opened again."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import OutputError
from lib_upscalers.json_files import read_object, table, write_object
from lib_upscalers.models.architectures import private
from lib_upscalers.models.entry import files_of, stamp_of
from lib_upscalers.models.file_hashes import FileHashes
from lib_upscalers.network import NetworkTraits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lib_upscalers.models.entry import ModelEntry

    Records = dict[str, dict[str, Any]]

_log = logging.getLogger("lib_upscalers")

_FILE = "network-facts.json"
# To be raised when this library reads more facts, or reads them differently.
_FORMAT = 6
_MOST_MEASURED = 1000


@dataclass(frozen=True)
class Fact:
    """What a file is: a network's traits, or the reason why it is no usable network."""

    traits: NetworkTraits | None = None
    problem: str = ""


class Facts:
    """Facts by path, size and time of change, stored in files between starts.

    They are valid for one set of versions, because others may recognise more. A damaged file of
    facts is ignored; if it cannot be written, files are only read again. Several threads and
    programs may use one file: it is always whole, and the facts of all of them are merged, unless
    they write at the very same moment.

    Args:
        folder: Where they are stored; it need not exist.
        versions: What they depend on.

    Attributes:
        hashes: Those of the same files, which no version changes.
    """

    def __init__(self, folder: Path, versions: str) -> None:
        self.hashes = FileHashes(folder)
        self._file = folder / _FILE
        self._versions = versions
        self._lock = threading.Lock()
        self._fresh: Records = {}
        self._fresh_measured: Records = {}
        self._reported: dict[Path, str] = {}
        self._known, self._measured = self._read()

    @classmethod
    def in_folder(cls, folder: Path) -> Facts:
        """Read the facts stored in a folder, which need not exist."""
        # Versions are read from metadata, because importing the packages takes seconds.
        versions = f"{_FORMAT}, {private.versions()}, torch {private.installed_version('torch')}"
        return cls(folder, versions)

    def get(self, path: Path, inspect: Callable[[Path], Fact], real: str | None = None) -> Fact:
        """Return the fact of a file.

        Args:
            path: The file.
            inspect: Reads it if it is not cached.
            real: Its path without links, where it is known.

        Raises:
            Exception: The file is not there (OSError), or whatever `inspect` raises; then nothing
                is cached.
        """
        key = real or str(path.resolve())
        stamp = list(stamp_of(path))
        with self._lock:
            known = self._fresh.get(key) or self._known.get(key)
        fact = _from_json(known, stamp)
        if fact is None:
            fact = inspect(path)
            with self._lock:
                self._fresh[key] = {"stamp": stamp, "fact": asdict(fact)}
        return fact

    def digest(self, entry: ModelEntry) -> str:
        """Return a hash of a network's files, which is computed once for each of them.

        Raises:
            OSError: They cannot be read.
        """
        if entry.sha256 is not None:
            return entry.sha256
        return " ".join(self.hashes.get(file) for file in files_of(entry.path))

    def measured(self, digest: str) -> dict[str, Any]:
        """Return what was stored of files with that hash; empty if nothing was."""
        with self._lock:
            found: Any = self._fresh_measured.get(digest) or self._measured.get(digest)
        return found if isinstance(found, dict) else {}

    def keep_measured(self, digest: str, values: dict[str, Any]) -> None:
        """Store what was measured of the network with that hash; JSON must be able to hold it."""
        with self._lock:
            self._fresh_measured[digest] = values
        self.save()

    def is_new_problem(self, path: Path, problem: str) -> bool:
        """Return whether a file's problem is not the one last reported, and remember it."""
        with self._lock:
            new = self._reported.get(path) != problem
            self._reported[path] = problem
        return new

    def problems(self) -> list[tuple[Path, str]]:
        """Return the files whose problems were reported, with the last of each, by name."""
        with self._lock:
            return sorted((path, text) for path, text in self._reported.items() if path.exists())

    def save(self) -> None:
        """Save new facts, if any; drop those of files that no longer exist."""
        with self._lock:
            if not (self._fresh or self._fresh_measured):
                return
            known, measured = self._read()
            stored = {**self._known, **known, **self._fresh}
            self._known = {path: fact for path, fact in stored.items() if os.path.exists(path)}  # noqa: PTH110 - a string is cheaper
            measured = {**self._measured, **measured, **self._fresh_measured}
            self._measured = dict(list(measured.items())[-_MOST_MEASURED:])
            self._fresh, self._fresh_measured = {}, {}
            held = {"versions": self._versions, "files": self._known, "measured": self._measured}
            try:
                write_object(self._file, held)
            except OutputError as error:
                _log.warning("What is known of networks cannot be kept: %s", error)

    def _read(self) -> tuple[Records, Records]:
        stored = read_object(self._file, "networks are looked at again")
        if stored.get("versions") != self._versions:
            return {}, {}
        return table(stored.get("files")), table(stored.get("measured"))


def _from_json(stored: Any, stamp: list[int]) -> Fact | None:  # noqa: ANN401
    """Return a fact that was stored; None if there is none or it is damaged."""
    try:
        if stored["stamp"] != stamp:
            return None
        traits = cast("dict[str, Any] | None", stored["fact"]["traits"])
        fact = Fact(NetworkTraits(**traits) if traits else None, str(stored["fact"]["problem"]))
    except (TypeError, LookupError):
        return None
    return fact if fact.traits is None or _well_typed(fact.traits) else None


def _well_typed(traits: NetworkTraits) -> bool:
    return list(map(type, vars(traits).values())) == _types_of_traits()


@cache
def _types_of_traits() -> list[type]:
    model = NetworkTraits(name="", architecture="", scale=1, channels=1)
    return [type(value) for value in vars(model).values()]
