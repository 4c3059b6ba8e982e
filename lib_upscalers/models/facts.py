"""What is known of network files without opening them again."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.network import NetworkTraits

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("lib_upscalers")

_FILE = "network-facts.json"
_FORMAT = 1


@dataclass(frozen=True)
class Fact:
    """What a file turned out to be: a network's traits, or the reason why it is none."""

    traits: NetworkTraits | None = None
    problem: str = ""


@dataclass
class Facts:
    """Facts by path, size and time of change, kept in a file between starts.

    The version of spandrel is part of the key, for another one may know more. A file of facts
    that is damaged is forgotten; one that cannot be written costs time and nothing else.

    Attributes:
        file: Where they are kept.
        versions: What else they depend on.
    """

    file: Path
    versions: str
    _known: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def in_folder(cls, folder: Path) -> Facts:
        """Read what is known, from a folder that need not exist."""
        from lib_upscalers.models.architectures import spandrel_version

        facts = cls(folder / _FILE, f"{_FORMAT}/{spandrel_version()}")
        facts._read()
        return facts

    def get(self, path: Path, find_out: Callable[[Path], Fact]) -> Fact:
        """Return the fact of a file; `find_out` is asked where it is not known yet.

        Raises:
            OSError: The file is not there.
        """
        facts = path.stat()
        stamp = [facts.st_size, facts.st_mtime_ns]
        key = str(path.resolve())
        with self._lock:
            known = self._known.get(key)
        fact = _from_json(known["fact"]) if known and known.get("stamp") == stamp else None
        if fact is None:
            fact = find_out(path)
            with self._lock:
                self._known[key] = {"stamp": stamp, "fact": asdict(fact)}
                self._write()
        return fact

    def _read(self) -> None:
        try:
            held: Any = json.loads(self.file.read_text("utf-8"))
            if held["versions"] == self.versions:
                self._known = dict(held["files"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError) as error:
            _log.warning("The facts in %s cannot be read and are found anew: %s", self.file, error)

    def _write(self) -> None:
        text = json.dumps({"versions": self.versions, "files": self._known}, indent=1)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.file.parent, prefix=_FILE)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self.file)
        except OSError as error:
            _log.warning("The facts of networks cannot be kept in %s: %s", self.file, error)


def _from_json(held: dict[str, Any]) -> Fact | None:
    try:
        traits = cast("dict[str, Any] | None", held["traits"])
        return Fact(NetworkTraits(**traits) if traits else None, str(held["problem"]))
    except (TypeError, KeyError):
        return None
