"""SHA-256 of local files: computed once, remembered by path, size and time of change."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import OutputError
from lib_upscalers.json_files import read_object, table, write_object

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_log = logging.getLogger("lib_upscalers")
_FILE = "file-hashes.json"
_CHUNK = 1 << 20
# In the background, work a tenth of the time.
_REST = 9.0
_SAVE_SECONDS = 10.0


class FileHashes:
    """Hashes of files, in memory and in a file. Several threads may use it.

    Args:
        folder: Where they are stored; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._lock = threading.Lock()
        self._held = self._read()
        self._worker: threading.Thread | None = None
        self._stopped = threading.Event()

    def known(self, path: Path) -> str | None:
        """Return a file's hash if it is known; nothing is read but size and time of change."""
        try:
            key, stamp = _key(path)
        except OSError:
            return None
        with self._lock:
            held = self._held.get(key)
        return str(held[2]) if held is not None and held[:2] == stamp else None

    def get(self, path: Path) -> str:
        """Return a file's hash, computed now if it is not known.

        Raises:
            OSError: The file cannot be read.
        """
        found = self.known(path)
        if found is None:
            found = self._compute(path, 0.0)
            self.save()
        return found or ""

    def note(self, path: Path, sha256: str) -> None:
        """Remember what was computed elsewhere."""
        with suppress(OSError):
            key, stamp = _key(path)
            with self._lock:
                self._held[key] = [*stamp, sha256]
        self.save()

    def start(self, paths: Iterable[Path]) -> bool:
        """Begin to hash files in the background, at low priority; return whether there is any.

        A run that is going on is left to its end, and nothing is begun.
        """
        missing = [path for path in paths if self.known(path) is None and path.is_file()]
        with self._lock:
            if self._worker is not None and self._worker.is_alive():
                return True
            if not missing:
                return False
            self._stopped.clear()
            self._worker = threading.Thread(
                target=self._work, args=(missing,), name="file hashes", daemon=True
            )
            self._worker.start()
        return True

    def stop(self) -> None:
        """End the run in the background, and wait for it."""
        self._stopped.set()
        worker = self._worker
        if worker is not None:
            worker.join()

    def is_working(self) -> bool:
        """Return whether files are hashed in the background now."""
        return self._worker is not None and self._worker.is_alive()

    def _work(self, paths: list[Path]) -> None:
        _lower_priority()
        saved = time.monotonic()
        for path in paths:
            if self._stopped.is_set():
                break
            try:
                self._compute(path, _REST)
            except OSError as error:
                _log.info("%s cannot be read: %s", path, error)
            if time.monotonic() - saved > _SAVE_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()

    def _compute(self, path: Path, rest: float) -> str | None:
        """Hash a file; None where the run was stopped. `rest`: pause per second of work."""
        import hashlib

        key, stamp = _key(path)
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            begun = time.monotonic()
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                if rest:
                    if self._stopped.wait((time.monotonic() - begun) * rest):
                        return None
                    begun = time.monotonic()
        found = digest.hexdigest()
        if _key(path)[1] == stamp:
            with self._lock:
                self._held[key] = [*stamp, found]
        return found

    def save(self) -> None:
        """Write what is known; files that are gone are left out."""
        with self._lock:
            held = {**self._read(), **self._held}
            self._held = {key: value for key, value in held.items() if os.path.exists(key)}  # noqa: PTH110
            files = dict(self._held)
        try:
            write_object(self._file, {"files": files})
        except OutputError as error:
            _log.warning("The hashes of files cannot be stored: %s", error)

    def _read(self) -> dict[str, list[Any]]:
        files = table(read_object(self._file, "files are hashed again").get("files"))
        return {key: value for key, value in files.items() if _is_sound(value)}


def _is_sound(value: Any) -> bool:  # noqa: ANN401 - JSON
    return (
        isinstance(value, list)
        and [type(each) for each in cast("list[Any]", value)] == [int, int, str]
        and len(value[2]) == 64
    )


def _key(path: Path) -> tuple[str, list[Any]]:
    real = path.resolve()
    stat = real.stat()
    return str(real), [stat.st_size, stat.st_mtime_ns]


def _lower_priority() -> None:
    """Have the system run this thread after others, where it can be told so."""
    if sys.platform == "linux":
        with suppress(OSError):
            # On Linux a thread has a priority of its own.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
