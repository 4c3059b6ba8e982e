"""Store the files of comparisons: serve results by URL, cache them, delete them by age and size."""

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

from lib_upscalers.compare.session import Entry, Session, StoredPicture, entry_from, from_json
from lib_upscalers.errors import InputError, OutputError
from lib_upscalers.file_writing import write_text
from lib_upscalers.pictures.files import write_picture

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.pictures.picture import Picture

MOST_BYTES = 4 << 30
MOST_SECONDS = 14 * 24 * 3600.0
_MOST_UPLOAD_SECONDS = 6 * 3600.0
_NAME = re.compile(r"[0-9a-f]{32}")
_SECRET = re.compile(r"[0-9a-f]{64}")
# Access for the user alone: pictures are private.
_FOLDER_MODE = 0o700
_FACTS = "facts.json"
# In bytes: file systems take 143 to 255 of them, and while a file is written its name is longer.
_LONGEST_NAME = 120
_LEAST_OF_FIRST = 30


def saved_name(*parts: str) -> str:
    """Return a file name for a result on the user's disk, without an ending; valid everywhere.

    Of a name that is too long the first part is cut, and a digest distinguishes it.
    """
    first, *others = (re.sub(r"[^\w.()+-]+", "_", part) for part in parts)
    rest = "".join(f"-{part}" for part in others)
    name = (first + rest).strip("._") or "picture"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    room = _LONGEST_NAME - len(digest)
    first = _cut(first, max(room - len(rest.encode()), _LEAST_OF_FIRST))
    return _cut(first + rest, room).strip("._") + digest


def _cut(text: str, most: int) -> str:
    """Return the beginning of a text that has at most so many bytes."""
    return text.encode()[:most].decode(errors="ignore")


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

    Every file lies in a folder whose name cannot be guessed, because a web server serves a file to
    anybody who names it. The folder of a result is derived from its inputs and a secret of the
    store, so that it is found again. No file contains the secret: it is the name of a file, which a
    web server does not serve.

    Args:
        folder: Its path; created when it is needed, for its owner alone.
        most_bytes: The budget for all files; the least recently used are deleted.
        most_seconds: How long a file stays after its last use; an upload: 6 hours at most.
    """

    def __init__(
        self, folder: Path, *, most_bytes: int = MOST_BYTES, most_seconds: float = MOST_SECONDS
    ) -> None:
        self.folder = folder
        self._most_bytes = most_bytes
        self._most_seconds = most_seconds
        self._lock = threading.Lock()

    @property
    def served(self) -> tuple[Path, ...]:
        """The folders whose files a web server may serve."""
        return tuple(self.folder / name for name in ("pictures", "reports", "samples"))

    @property
    def uploads(self) -> Path:
        """The folder for uploads: a subfolder for each process that serves a page."""
        return self.folder / "uploads"

    def new_name(self) -> str:
        """Return a secret name for a session."""
        return secrets.token_hex(16)

    def path(self, file: str) -> Path:
        """Return the path of what `StoredPicture.file` names."""
        return self.folder / file

    def make_folder(self, *parts: str) -> Path:
        """Make a folder in the store, for its owner alone.

        Raises:
            OutputError: It cannot be made.
        """
        path = self.folder
        try:
            path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            if os.name != "nt" and path.stat().st_mode & 0o077:
                with suppress(PermissionError):
                    path.chmod(_FOLDER_MODE)
            for part in parts:
                path /= part
                path.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Expected to make {path}, but that failed ({error.strerror})."
            ) from error
        return path

    def _secret(self) -> bytes:
        with self._lock:
            folder = self.make_folder("secret")
            names = sorted(path.name for path in folder.iterdir() if _SECRET.fullmatch(path.name))
            if not names:
                (folder / secrets.token_hex(32)).touch(mode=0o600)
                # Another process may have made one at the same time: all use the first.
                names = sorted(path.name for path in folder.iterdir())
            return names[0].encode()

    def _write(self, path: Path, text: str) -> None:
        write_text(path, text, overwrite=True)

    def key(self, *parts: str) -> str:
        """Return the secret name of a result of these inputs."""
        text = json.dumps(parts).encode()
        return hmac.new(self._secret(), text, hashlib.sha256).hexdigest()[:32]

    def put_picture(self, key: str, name: str, picture: Picture) -> StoredPicture:
        """Write a picture as PNG; the file is complete when this returns.

        Raises:
            OutputError: It cannot be written.
        """
        path = self.make_folder("pictures", key) / f"{name}.png"
        write_picture(picture, path)
        size = picture.size
        file = path.relative_to(self.folder).as_posix()
        return StoredPicture(file, size.width, size.height, path.stat().st_size)

    def put_entry(self, key: str, entry: Entry) -> None:
        """Cache a finished entry, whose picture is stored already, under its key."""
        self._write(self.make_folder("pictures", key) / _FACTS, json.dumps(asdict(entry)))

    def cached_entry(self, key: str) -> Entry | None:
        """Return the entry that was cached under that key, or None."""
        path = self.folder / "pictures" / key / _FACTS
        try:
            entry = entry_from(json.loads(path.read_text(encoding="utf-8")))
            os.utime(path)
        except (OSError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return None
        exists = entry.result is not None and self.path(entry.result.file).is_file()
        return entry if exists else None

    def save(self, session: Session) -> None:
        """Store a session, so that a page can be opened again."""
        self._write(self.make_folder("sessions") / f"{session.name}.json", session.to_json())

    def load(self, name: str) -> Session:
        """Return the session of that name.

        Raises:
            InputError: There is none (any more).
        """
        path = self.folder / "sessions" / f"{name}.json"
        if not _NAME.fullmatch(name) or not path.is_file():
            raise InputError("That comparison is no longer there: compare again.")
        return from_json(path.read_text(encoding="utf-8", errors="replace"))

    def new_file(self, name: str) -> Path:
        """Return the path for a report or another export, in a folder of its own."""
        return self.make_folder("reports", secrets.token_hex(16)) / name

    def tidy(self) -> None:
        """Delete files that are too old, then the least recently used ones, down to the budget."""
        things = [*self.folder.glob("pictures/*"), *self.folder.glob("reports/*")]
        things += [*self.folder.glob("sessions/*.json"), *self.folder.glob("uploads/*/*")]
        now, total = time.time(), 0
        dated = sorted(((_last_use(thing), thing) for thing in things), reverse=True)
        for used, thing in dated:
            total += _bytes_in(thing)
            if now - used > self._lifetime(thing) or total > self._most_bytes:
                _delete(thing)
        for folder in self.folder.glob("uploads/*"):
            with suppress(OSError):
                if now - folder.stat().st_mtime > _MOST_UPLOAD_SECONDS:
                    folder.rmdir()

    def _lifetime(self, thing: Path) -> float:
        upload = self.uploads in thing.parents
        return min(self._most_seconds, _MOST_UPLOAD_SECONDS) if upload else self._most_seconds


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
