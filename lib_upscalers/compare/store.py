"""The files of comparisons: results by URL, kept for later, cleaned by age and size."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from lib_upscalers.compare.session import Entry, Session, Shown, entry_from, from_json
from lib_upscalers.errors import InputError, OutputError
from lib_upscalers.file_writing import write_text
from lib_upscalers.pictures.files import write_picture

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.pictures.picture import Picture

MOST_BYTES = 4 << 30
MOST_SECONDS = 14 * 24 * 3600.0
_NAME = re.compile(r"[0-9a-f]{32}")
_FACTS = "facts.json"


def saved_name(*parts: str) -> str:
    """Return what a result is called on the user's disk, without an ending; valid everywhere."""
    return re.sub(r"[^\w.()+-]+", "_", "-".join(parts)).strip("._")[:120] or "picture"


def fingerprint(picture: Picture) -> str:
    """Return a text that differs for every other picture: pixels, transparency and profile."""
    digest = hashlib.sha256()
    for values in (picture.pixels, picture.alpha):
        if values is not None:
            digest.update(f"{values.shape} {values.dtype} ".encode())
            for row in range(0, len(values), 256):
                digest.update(values[row : row + 256].tobytes())
    digest.update(picture.metadata.icc_profile or b"")
    return digest.hexdigest()


class Store:
    """A folder of comparisons. Several processes may use it.

    Every file lies in a folder whose name nobody can guess, since a web server hands them out to
    whoever names them; a result's is derived from what it was made of, so that it is found again.

    Args:
        folder: Where; made when it is needed.
        most_bytes: So much is kept in all; what was not used for longest leaves.
        most_seconds: So long is a thing kept after its last use.
    """

    def __init__(
        self, folder: Path, *, most_bytes: int = MOST_BYTES, most_seconds: float = MOST_SECONDS
    ) -> None:
        self.folder = folder
        self._most_bytes = most_bytes
        self._most_seconds = most_seconds
        self._lock = threading.Lock()

    def new_name(self) -> str:
        """Return a secret name for a session."""
        return secrets.token_hex(16)

    def path(self, file: str) -> Path:
        """Return the path of what `Shown.file` names."""
        return self.folder / file

    def _secret(self) -> bytes:
        path = self.folder / "secret"
        with self._lock:
            if not path.is_file():
                self._write(path, secrets.token_hex(32))
                with suppress(OSError):
                    path.chmod(0o600)
            return path.read_bytes()

    def _write(self, path: Path, text: str) -> None:
        write_text(path, text, overwrite=True, make_folders=True)

    def key(self, *parts: str) -> str:
        """Return the secret name of what is made of these parts."""
        text = json.dumps(parts).encode()
        return hmac.new(self._secret(), text, hashlib.sha256).hexdigest()[:32]

    def put_picture(self, key: str, name: str, picture: Picture) -> Shown:
        """Write a picture as PNG; it is there, whole, when this returns.

        Raises:
            OutputError: It cannot be written.
        """
        path = self.folder / "pictures" / key / f"{name}.png"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Expected to make {path.parent}, but that failed ({error.strerror})."
            ) from error
        write_picture(picture, path)
        size = picture.size
        file = path.relative_to(self.folder).as_posix()
        return Shown(file, size.width, size.height, path.stat().st_size)

    def keep(self, key: str, entry: Entry) -> None:
        """Remember a finished entry, whose picture is there already, under its key."""
        self._write(self.folder / "pictures" / key / _FACTS, json.dumps(asdict(entry)))

    def kept(self, key: str) -> Entry | None:
        """Return the entry that was kept under that key, or None."""
        path = self.folder / "pictures" / key / _FACTS
        try:
            entry = entry_from(json.loads(path.read_text(encoding="utf-8")))
            os.utime(path)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        there = entry.result is not None and self.path(entry.result.file).is_file()
        return entry if there else None

    def save(self, session: Session) -> None:
        """Store a session, for a page that is opened again."""
        self._write(self.folder / "sessions" / f"{session.name}.json", session.to_json())

    def load(self, name: str) -> Session:
        """Return the session of that name.

        Raises:
            InputError: There is none (any more).
        """
        path = self.folder / "sessions" / f"{name}.json"
        if not _NAME.fullmatch(name) or not path.is_file():
            raise InputError("That comparison is no longer there: compare again.")
        return from_json(path.read_text(encoding="utf-8"))

    def new_file(self, name: str) -> Path:
        """Return the path for a report or the like, in a folder of its own."""
        path = self.folder / "reports" / secrets.token_hex(16) / name
        path.parent.mkdir(parents=True)
        return path

    def tidy(self) -> None:
        """Delete what is too old, and what was not used for longest until the rest is small."""
        things = [*self.folder.glob("pictures/*"), *self.folder.glob("reports/*")]
        things += self.folder.glob("sessions/*.json")
        now, total = time.time(), 0
        dated = sorted(((_last_use(thing), thing) for thing in things), reverse=True)
        for used, thing in dated:
            total += _bytes_in(thing)
            if now - used > self._most_seconds or total > self._most_bytes:
                _delete(thing)


def _files(thing: Path) -> list[Path]:
    with suppress(OSError):
        return [thing] if thing.is_file() else list(thing.iterdir())
    return []


def _last_use(thing: Path) -> float:
    times: list[float] = [0.0]
    for file in _files(thing):
        with suppress(OSError):
            times.append(file.stat().st_mtime)
    return max(times)


def _bytes_in(thing: Path) -> int:
    total = 0
    for file in _files(thing):
        with suppress(OSError):
            total += file.stat().st_size
    return total


def _delete(thing: Path) -> None:
    if thing.is_dir():
        shutil.rmtree(thing, ignore_errors=True)
    else:
        with suppress(OSError):
            thing.unlink()
