"""Take the one network file out of a .zip archive, and nothing else of it."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lib_upscalers.errors import DownloadError
from lib_upscalers.file_writing import writing

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.models.catalogue.schema import CatalogueFile
    from lib_upscalers.progress import Progress

_CHUNK = 1 << 20
_MOST_MEMBERS = 10_000
_LARGEST = 2 << 30
_ENDINGS = {"pth": (".pth", ".pt", ".ckpt")}.get
_STUMBLES = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError)


def names_of_networks(path: Path, kind: str) -> list[str]:
    """Return the names in an archive that end like a network of this kind; none if it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [each.filename for each in _members(archive, kind)]
    except (OSError, *_STUMBLES):
        return []


def extract_network(archive: Path, target: Path, file: CatalogueFile, progress: Progress) -> str:
    """Write the network of an archive to a file of our own naming; return its SHA-256.

    Names inside the archive are compared and never used. Not a byte more than the catalogue's size
    is written, whatever the archive says of itself.

    Raises:
        DownloadError: It holds no such network, or several, or is damaged or a bomb.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            member = _the_one(opened, file)
            digest = hashlib.sha256()
            most = file.size_bytes or _LARGEST
            with (
                opened.open(member) as source,
                writing(target, overwrite=True, size=member.file_size) as stream,
            ):
                written = 0
                while chunk := source.read(_CHUNK):
                    written += len(chunk)
                    if written > most:
                        raise _refusal(f"its network has more than {most:,} bytes")
                    progress.check_cancelled()
                    digest.update(chunk)
                    stream.write(chunk)
            return digest.hexdigest()
    except _STUMBLES as error:
        raise _refusal(f"it is damaged ({str(error)[:100]!r})") from error


def _members(archive: zipfile.ZipFile, kind: str) -> list[zipfile.ZipInfo]:
    endings = _ENDINGS(kind) or (f".{kind}",)
    listed = archive.infolist()
    if len(listed) > _MOST_MEMBERS:
        raise _refusal(f"it has {len(listed):,} files")
    found = (each for each in listed if not each.is_dir())
    return [
        each
        for each in found
        if each.filename.lower().endswith(endings)
        and not PurePosixPath(each.filename).name.startswith(".")
        and "__MACOSX" not in each.filename
    ]


def _the_one(archive: zipfile.ZipFile, file: CatalogueFile) -> zipfile.ZipInfo:
    found = _members(archive, file.kind)
    if len(found) > 1 and file.size_bytes is not None:
        found = [each for each in found if each.file_size == file.size_bytes]
    if len(found) != 1:
        raise _refusal(f"it holds {len(found)} files that may be it")
    member = found[0]
    most = file.size_bytes or _LARGEST
    if member.file_size > most:
        raise _refusal(f"its network has {member.file_size:,} bytes, more than {most:,}")
    if member.flag_bits & 1:
        raise _refusal("it is encrypted")
    return member


def _refusal(reason: str) -> DownloadError:
    return DownloadError(
        f"Expected a .zip archive with one network, but {reason}: open the model's page and look."
    )
