"""Read protocol buffers without their description, with bounded memory and steps.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lib_upscalers.models.reading.faults import DamagedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lib_upscalers.models.reading.source import TensorSource

_MOST_FIELDS = 500_000
# Only the raw bytes of weights are longer, and those are not read as a message.
_LONGEST = 16 << 20


class Span:
    """A message, or a text, or bytes: a part of the file that is read when it is needed.

    Args:
        source: The file.
        begin: Where it begins.
        end: Where it ends.
        count: How many fields were read from the file so far; all its spans share it.
    """

    def __init__(self, source: TensorSource, begin: int, end: int, count: list[int]) -> None:
        self.begin = begin
        self.end = end
        self._source = source
        self._count = count

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.end - self.begin

    def bytes(self) -> bytes:
        """Return its bytes.

        Raises:
            DamagedFileError: They are too many.
        """
        if self.size > _LONGEST:
            raise DamagedFileError("a text or a list in it is too long")
        return self._source.read(self.begin, self.size)

    def text(self) -> str:
        """Return it as text."""
        return self.bytes().decode("utf-8", "replace")

    def fields(self) -> Iterator[tuple[int, int | Span]]:
        """Yield the number of each field and its value; numbers as they are stored.

        Raises:
            DamagedFileError: It is no message, ends too early, or has too many fields.
        """
        at = self.begin
        window, base = b"", at
        while at < self.end:
            self._count[0] += 1
            if self._count[0] > _MOST_FIELDS:
                raise DamagedFileError(f"it has more than {_MOST_FIELDS:,} parts")
            if at + 30 > base + len(window):
                base = at
                window = self._source.read(at, min(_WINDOW, self.end - at))
            key, used = _varint(window, at - base)
            at = base + used
            kind = key & 7
            if kind == 0:
                number, used = _varint(window, at - base)
                at = base + used
                yield key >> 3, number
            elif kind == 2:
                size, used = _varint(window, at - base)
                at = base + used
                if size > self.end - at:
                    raise DamagedFileError("it ends too early")
                yield key >> 3, Span(self._source, at, at + size, self._count)
                at += size
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
                if size > self.end - at:
                    raise DamagedFileError("it ends too early")
                held = window[at - base : at - base + size]
                yield key >> 3, int.from_bytes(held, "little")
                at += size
            else:
                raise DamagedFileError("it has a part of an unknown kind")

    def numbers(self) -> list[int]:
        """Return a packed list of integers."""
        held, found, at = self.bytes(), list[int](), 0
        while at < len(held):
            number, at = _varint(held, at)
            found.append(signed(number))
            if len(found) > _MOST_FIELDS:
                raise DamagedFileError("a list in it is too long")
        return found

    def floats(self) -> list[float]:
        """Return a packed list of fp32 numbers."""
        held = self.bytes()
        return list(struct.unpack(f"<{len(held) // 4}f", held[: len(held) // 4 * 4]))


_WINDOW = 4096


def whole(source: TensorSource) -> Span:
    """Return a file as one message."""
    return Span(source, 0, source.size, [0])


def signed(number: int) -> int:
    """Return the signed integer that is stored as an unsigned one of 64 bits."""
    return number - (1 << 64) if number >= 1 << 63 else number


def as_float(number: int) -> float:
    """Return the fp32 number of these 32 bits."""
    return struct.unpack("<f", struct.pack("<I", number & 0xFFFFFFFF))[0]


def _varint(held: bytes, at: int) -> tuple[int, int]:
    if at < len(held) and held[at] < 0x80:
        return held[at], at + 1
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(held):
            raise DamagedFileError("it ends too early")
        byte = held[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at
    raise DamagedFileError("a number in it is too long")
