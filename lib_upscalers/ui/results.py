"""The files of results that a browser may fetch."""

from __future__ import annotations

import re
import secrets
import tempfile
import threading
from collections import deque
from pathlib import Path

_KEPT = 60


class ResultFolder:
    """A folder of PNG files with names that nobody can guess; it goes with the process.

    Args:
        kept: So many files stay; the oldest leaves when another one comes.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="upscaler-lab-")
        self._files: deque[Path] = deque()
        self._kept = kept
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        """The folder, which has to be allowed to the web server."""
        return Path(self._folder.name).resolve()

    def new_file(self) -> Path:
        """Return a path for a result that is about to be written."""
        path = self.path / f"{secrets.token_urlsafe(16)}.png"
        with self._lock:
            self._files.append(path)
            while len(self._files) > self._kept:
                self._files.popleft().unlink(missing_ok=True)
        return path

    def close(self) -> None:
        """Delete all files."""
        self._folder.cleanup()


def saved_name(picture: str, upscaler: str, width: int, height: int) -> str:
    """Return what a result is called on the user's disk; it is valid on every system."""
    text = f"{picture}-{upscaler}-{width}x{height}"
    return re.sub(r"[^\w.()+-]+", "_", text).strip("._")[:120] + ".png"
