"""Hash the list of tensors in a file, by which files of one layout are recognised at once.

Files that one trainer wrote of one architecture have the same list to the last byte.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lib_upscalers.models.reading.archive import read_bytes
from lib_upscalers.models.reading.faults import DamagedFileError
from lib_upscalers.models.reading.outline import OutlineSource
from lib_upscalers.models.reading.zip_directory import read_directory

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 4 << 20
_LENGTH = struct.Struct("<Q")
_STUMBLES = (DamagedFileError, LookupError, OSError, StopIteration, ValueError, struct.error)


def fingerprint(path: Path) -> bytes | None:
    """Return a hash of a .safetensors header, or of a zip file's pickle and sizes of parts.

    Returns:
        None for a file of another kind, and for one that cannot be read.
    """
    import hashlib

    try:
        with path.open("rb", buffering=0) as file:
            source = OutlineSource(file, path)
            head = source.read(0, 9)
            if head[8:] == b"{":
                listed = source.read(8, min(_LENGTH.unpack(head[:8])[0], _LONGEST + 1))
                if len(listed) > _LONGEST:
                    return None
                return hashlib.sha256(b"%d " % source.size + listed).digest()
            return hashlib.sha256(_archive(source)).digest() if head[:2] == b"PK" else None
    except _STUMBLES:
        return None


def _archive(source: OutlineSource) -> bytes:
    parts = read_directory(source)
    name = next(each for each in parts if each.endswith("data.pkl"))
    folder = name.removesuffix("data.pkl")
    lines = sorted(
        f"{each.removeprefix(folder)} {part.size} {part.stored}" for each, part in parts.items()
    )
    if parts[name].size > _LONGEST:
        raise DamagedFileError("its pickle is too large")
    order = parts.get(folder + "byteorder")
    first = b"" if order is None else read_bytes(source, order)
    listed = "\n".join(lines).encode("utf-8", "surrogateescape")
    return b"\0".join((first, listed, read_bytes(source, parts[name])))
