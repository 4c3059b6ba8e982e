"""Check a file against its SHA-256."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.models.entry import ModelEntry

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    import hashlib

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def verify(entry: ModelEntry) -> None:
    """Compare a file with the hash that its entry states.

    Raises:
        ModelFileError: They differ, or the file cannot be read.
    """
    if entry.sha256 is None:
        return
    try:
        found = sha256_of(entry.path)
    except OSError as error:
        raise ModelFileError(
            f"Expected the file of {entry.name} at {str(entry.path)!r}, but it cannot be read "
            f"({error.strerror or error}): get it again."
        ) from error
    if found != entry.sha256.lower():
        raise ModelFileError(
            f"Expected SHA-256 {entry.sha256} for {entry.name}, but {str(entry.path)!r} has "
            f"{found}: the file is damaged or was replaced, get it again."
        )
