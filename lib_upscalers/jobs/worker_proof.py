"""Prove before the work that a worker on another machine does what this process would do."""

from __future__ import annotations

import os
import platform
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.file_writing import write_text
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Generator

    from lib_upscalers.jobs.worker_pool import Worker

_MARKER = ".upscalers-marker-"


@dataclass(frozen=True)
class Proof:
    """What holds on the machine of the run, and must hold on each machine of a worker.

    Attributes:
        marker: A file in the folder of results.
        text: What is in it.
        fingerprint: Of what decides the pixels: networks, by their bytes, and settings.
        version: Of this program.
    """

    marker: Path
    text: str
    fingerprint: str
    version: str = VERSION

    def check(self, worker: Worker) -> str:
        """Return this machine's name.

        Raises:
            InputError: The folder, the version, a network or a setting differs here.
        """
        name = platform.node()
        folder = self.marker.parent
        found = ""
        with suppress(OSError):
            found = self.marker.read_text("utf-8")
        if found != self.text or not os.access(folder, os.W_OK):
            raise InputError(
                f"Expected every machine to read and write {folder}, but {name} does not: mount "
                "the folder there under the same path."
            )
        if self.version != VERSION:
            raise InputError(
                f"Expected version {self.version} on every machine, but {name} has {VERSION}: "
                "install the same one there."
            )
        if worker.fingerprint != self.fingerprint:
            raise InputError(
                f"Expected the same network files and the same packages on every machine, but "
                f"{name} has others: copy the folder of networks there."
            )
        return name


@contextmanager
def proving(folder: Path, fingerprint: str) -> Generator[Proof]:
    """Put a marker into a folder while the block runs.

    Raises:
        OutputError: It cannot be written.
    """
    text = secrets.token_hex(16)
    marker = Path(os.path.abspath(folder)) / f"{_MARKER}{text[:8]}"  # noqa: PTH100 - links may differ
    write_text(marker, text, overwrite=False, make_folders=True)
    try:
        yield Proof(marker, text, fingerprint)
    finally:
        with suppress(OSError):
            marker.unlink()
