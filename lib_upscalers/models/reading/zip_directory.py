"""Read the list of parts in a zip file, with bounded memory.

Python's zipfile allocates a thousand bytes for a part of fifty, and reads a list of any length.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.models.reading.faults import DamagedFileError
from lib_upscalers.models.reading.limits import MOST_TENSORS

if TYPE_CHECKING:
    from lib_upscalers.models.reading.source import TensorSource

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 0xFFFF
_LONGEST_LIST = 16 << 20
# Beside its tensors a script has a part for each of its source files.
_MOST_PARTS = 2 * MOST_TENSORS
_FULL = 0xFFFFFFFF


@dataclass(frozen=True)
class Part:
    """One part of a zip file.

    Attributes:
        stored: Whether its bytes are stored as they are, neither compressed nor encrypted.
        size: How many bytes it has.
        header: The offset in the file of its local header.
    """

    stored: bool
    size: int
    header: int


def read_directory(source: TensorSource) -> dict[str, Part]:
    """Return the parts of a zip file by name.

    Raises:
        DamagedFileError: It is no zip file or not all of it, has too many parts, or has two of
            one name. Readers of foreign bytes may stumble in other ways, too.
    """
    offset, size = _where(source)
    if size > _LONGEST_LIST:
        raise DamagedFileError("its list of parts is too long")
    listed = source.read(offset, size)
    parts: dict[str, Part] = {}
    at = 0
    while at < size:
        signature, *facts = _ENTRY.unpack_from(listed, at)
        if signature != b"PK\x01\x02":
            raise DamagedFileError("its list of parts is damaged")
        begin = at + _ENTRY.size
        end = begin + facts[9]
        at = end + facts[10] + facts[11]
        name = listed[begin:end].decode("utf-8", "surrogateescape")
        if name in parts:
            raise DamagedFileError("it has two parts of one name")
        parts[name] = _part(facts, listed[end : end + facts[10]])
        if len(parts) > _MOST_PARTS:
            raise DamagedFileError(f"it has more than {_MOST_PARTS:,} parts")
    return parts


def content_offset(source: TensorSource, part: Part) -> int:
    """Return where the bytes of a part begin; only its local header shows how long that is."""
    signature, *facts = _LOCAL.unpack(source.read(part.header, _LOCAL.size))
    if signature != b"PK\x03\x04":
        raise DamagedFileError("one of its parts is not where it should be")
    return part.header + _LOCAL.size + facts[-2] + facts[-1]


def _where(source: TensorSource) -> tuple[int, int]:
    """Return where the list of parts begins, and how many bytes it has."""
    tail = min(source.size, _END.size + _LONGEST_COMMENT)
    end = source.read(source.size - tail, tail)
    at = end.rfind(b"PK\x05\x06")
    if at < 0:
        raise DamagedFileError("it ends too early")
    *_, size, offset, _ = _END.unpack_from(end, at)
    before = source.size - tail + at - _LOCATOR.size
    if before >= 0:
        signature, _, end64, _ = _LOCATOR.unpack(source.read(before, _LOCATOR.size))
        if signature == b"PK\x06\x07":
            *_, size, offset = _END64.unpack(source.read(end64, _END64.size))
    return offset, size


def _part(facts: list[int], extra: bytes) -> Part:
    flags, method = facts[2], facts[3]
    sizes = [facts[8], facts[7], facts[15]]
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            numbers = iter(struct.unpack_from(f"<{length // 8}Q", extra, at + 4))
            sizes = [next(numbers, size) if size == _FULL else size for size in sizes]
        at += 4 + length
    plain, packed, header = sizes
    return Part(stored=not (flags & 1 or method) and plain == packed, size=plain, header=header)
