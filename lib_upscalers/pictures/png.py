"""Write PNG, 8 and 16 bit, straight from arrays, strip by strip and on several cores.

Pillow supports no 16-bit RGB, and copies the whole picture. Every row is stored as its difference
to the one above: files of enlarged pictures are up to 8 % larger than with a filter chosen for each
row, and written in half the time (see benchmarks/png.py).

PNG (Portable Network Graphics) Specification, https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.pictures.xmp import PNG_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES: Mapping[int, int] = {1: 0, 2: 4, 3: 2, 4: 6}
_UP = 2
_LEVEL = 1
_STRIP_BYTES = 1 << 21
_SAMPLE_BYTES = 1 << 16
# By how much larger a file may be that is written in two thirds of the time.
_WORTH = 1.06
_MOST_WORKERS = 8
_ADLER_BASE = 65521
_INCHES_IN_A_METRE = 1 / 0.0254


@dataclass(frozen=True)
class PngExtras:
    """What a PNG file holds beside its pixels.

    Attributes:
        icc_profile: The colour profile.
        exif: The EXIF block, from its byte order mark on.
        text: Keys and texts; keys of 1 to 79 Latin-1 characters, others are omitted.
        dpi: Pixels an inch, across and down.
        chunks: Further chunks to write before the pixels: names and contents.
    """

    icc_profile: bytes | None
    exif: bytes | None
    text: Mapping[str, str]
    dpi: tuple[float, float] | None
    chunks: tuple[tuple[bytes, bytes], ...] = ()


def write_png(
    file: BinaryIO, pixels: NDArray[Any], alpha: NDArray[Any] | None, extras: PngExtras
) -> None:
    """Write a PNG file.

    Args:
        file: Where to.
        pixels: Shape (H, W, 1 or 3), uint8 or uint16.
        alpha: Shape (H, W), same dtype; None where opaque.
        extras: What the file holds beside them.
    """
    write_head(file, pixels, alpha)
    write_extras(file, extras)
    for data in deflated(pixels, alpha):
        write_chunk(file, b"IDAT", data)
    write_chunk(file, b"IEND", b"")


def write_head(file: BinaryIO, pixels: NDArray[Any], alpha: NDArray[Any] | None) -> None:
    """Write the signature and what the file says of size and depth; arguments as `write_png`."""
    height, width, colours = pixels.shape
    kind = _COLOUR_TYPES[colours + (alpha is not None)]
    depth = 8 * pixels.dtype.itemsize
    file.write(_SIGNATURE)
    write_chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))


def write_chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    """Write a chunk with its length and checksum."""
    file.write(struct.pack(">I", len(data)) + kind)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))


def write_extras(file: BinaryIO, extras: PngExtras) -> None:
    """Write what goes with the pixels, before them."""
    for kind, data in extras.chunks:
        write_chunk(file, kind, data)
    if extras.icc_profile:
        write_chunk(file, b"iCCP", b"ICC Profile\0\0" + zlib.compress(extras.icc_profile))
    if extras.dpi:
        across, down = (round(each * _INCHES_IN_A_METRE) for each in extras.dpi)
        write_chunk(file, b"pHYs", struct.pack(">IIB", across, down, 1))
    if extras.exif:
        write_chunk(file, b"eXIf", extras.exif)
    for key, text in extras.text.items():
        _write_text(file, key, text.replace("\0", ""))


def _write_text(file: BinaryIO, key: str, text: str) -> None:
    try:
        name = key.encode("latin-1")
    except UnicodeEncodeError:
        return
    if not 1 <= len(name) <= 79 or b"\0" in name:
        return
    if key == PNG_KEY:
        # Readers of XMP look for it in iTXt alone.
        write_chunk(file, b"iTXt", name + b"\0\0\0\0\0" + text.encode("utf-8", errors="replace"))
        return
    try:
        write_chunk(file, b"tEXt", name + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        encoded = text.encode("utf-8", errors="replace")
        write_chunk(file, b"iTXt", name + b"\0\0\0\0\0" + encoded)


@dataclass(frozen=True)
class _Packed:
    """A strip, compressed by itself: its data; length and checksum of the uncompressed bytes."""

    data: bytes
    length: int
    adler: int


def deflated(pixels: NDArray[Any], alpha: NDArray[Any] | None) -> Iterator[bytes]:
    """Yield one zlib stream, whose strips were compressed apart."""
    height = len(pixels)
    row = pixels[:1].nbytes + (0 if alpha is None else alpha[:1].nbytes)
    step = max(1, _STRIP_BYTES // row)
    tops = range(0, height, step)

    def pack(top: int) -> _Packed:
        filtered = _filtered(pixels, alpha, top, min(top + step, height))
        end = zlib.Z_FINISH if top + step >= height else zlib.Z_SYNC_FLUSH
        data = _compressed(filtered.data, _strategy(filtered), end)
        return _Packed(data, filtered.nbytes, zlib.adler32(filtered.data))

    workers = max(1, min(_MOST_WORKERS, os.cpu_count() or 1, len(tops)))
    checksum = 1
    yield b"\x78\x01"
    for packed in _mapped(pack, tops, workers):
        checksum = _combine_adler(checksum, packed)
        yield packed.data
    yield struct.pack(">I", checksum)


def _mapped(pack: Callable[[int], _Packed], tops: Sequence[int], workers: int) -> Iterator[_Packed]:
    """Yield the strips, packed by several threads where there are several."""
    if workers == 1:
        yield from map(pack, tops)
        return
    with ThreadPoolExecutor(workers) as pool:
        # In groups, so that little compressed data waits to be written.
        for first in range(0, len(tops), 2 * workers):
            yield from pool.map(pack, tops[first : first + 2 * workers])


def _compressed(data: memoryview, strategy: int, end: int) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, 9, strategy)
    return packer.compress(data) + packer.flush(end)


def _strategy(filtered: NDArray[np.uint8]) -> int:
    """Return which repetitions to search for: of single bytes, if hardly anything else repeats.

    That is so in most pictures, in which a longer search takes a third of the time; but not in
    those of few colours or large pixels, which it makes several times smaller.
    """
    start = max(0, (filtered.size - _SAMPLE_BYTES) // 2)
    sample = filtered.reshape(-1)[start : start + _SAMPLE_BYTES]
    quick, thorough = (
        len(_compressed(sample.data, strategy, zlib.Z_FINISH))
        for strategy in (zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY)
    )
    return zlib.Z_RLE if quick < thorough * _WORTH else zlib.Z_DEFAULT_STRATEGY


def _filtered(
    pixels: NDArray[Any], alpha: NDArray[Any] | None, top: int, stop: int
) -> NDArray[np.uint8]:
    """Return rows as PNG stores them: most significant byte first, less the row above."""
    before = max(0, top - 1)
    parts = [pixels[before:stop]]
    if alpha is not None:
        parts.append(alpha[before:stop, :, None])
    values = np.concatenate(parts, axis=2) if alpha is not None else np.ascontiguousarray(parts[0])
    if values.dtype.itemsize == 2:
        values = values.astype(">u2")
    lines = values.view(np.uint8).reshape(stop - before, -1)
    result = np.empty((stop - top, lines.shape[1] + 1), np.uint8)
    result[:, 0] = _UP
    if top == 0:
        result[0, 1:] = lines[0]
    shift = 1 if top == 0 else 0
    np.subtract(lines[1:], lines[:-1], out=result[shift:, 1:])
    return result


def _combine_adler(checksum: int, packed: _Packed) -> int:
    """Return Adler-32 of what has `checksum`, followed by the strip (RFC 1950)."""
    low, high = checksum & 0xFFFF, checksum >> 16
    next_low, next_high = packed.adler & 0xFFFF, packed.adler >> 16
    joined_high = (high + next_high + packed.length * (low - 1)) % _ADLER_BASE
    return joined_high << 16 | (low + next_low - 1) % _ADLER_BASE
