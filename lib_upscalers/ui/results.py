"""The files of results that a browser may fetch."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import threading
from collections import deque
from pathlib import Path

_KEPT = 60


class ResultFolder:
    """PNG files at places that nobody can guess; they go with the process.

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

    def new_file(self, name: str) -> Path:
        """Return a path that ends in `name`, for a result that is about to be written.

        The secret is in a folder of its own, since a web server tells browsers the file's name,
        which then is what people save.
        """
        path = self.path / secrets.token_urlsafe(16) / name
        path.parent.mkdir()
        with self._lock:
            self._files.append(path)
            while len(self._files) > self._kept:
                shutil.rmtree(self._files.popleft().parent, ignore_errors=True)
        return path

    def close(self) -> None:
        """Delete all files."""
        self._folder.cleanup()


def saved_name(picture: str, upscaler: str, width: int, height: int) -> str:
    """Return what a result is called on the user's disk; it is valid on every system."""
    text = f"{picture}-{upscaler}-{width}x{height}"
    return re.sub(r"[^\w.()+-]+", "_", text).strip("._")[:120] + ".png"
