"""Read from a file's own structure what Pillow does not pass on: code points, bits, losslessness.

PNG, https://www.w3.org/TR/png-3/; ISO base media format (AVIF, HEIC), ISO/IEC 14496-12 and
23008-12; JPEG 2000, ITU-T T.800, table A.9; WebP, https://developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.pictures.colour_spaces import CodePoints
from lib_upscalers.pictures.corrections import tiff_tags

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from PIL import ImageFile

_HDR_CHUNKS = (b"mDCV", b"cLLI")
_LOSSLESS = ("BMP", "DIB", "GIF", "ICO", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA")
_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp", "jpeg2000")
# The parts that are read are at the start of a file; larger ones are damaged or of no use here.
_MOST_BYTES = 1 << 20
_MOST_CHUNKS = 10_000
_TIFF_BITS = 258
_J2K_START, _J2K_BITS = b"\xff\x4f\xff\x51", 42


@dataclass(frozen=True)
class FileFacts:
    """What a file's structure contains.

    Attributes:
        points: The code points of its colours (PNG's cICP, nclx of AVIF and HEIC).
        hdr_chunks: PNG's chunks about the light of an HDR picture: names and contents.
        bits: Bits a channel, if they are known.
        lossless: Whether its pixels were stored without loss; False where that is not known.
    """

    points: CodePoints | None = None
    hdr_chunks: tuple[tuple[bytes, bytes], ...] = ()
    bits: int | None = None
    lossless: bool = False


def read_facts(file: Path, image: ImageFile.ImageFile) -> FileFacts:
    """Read a file's facts; damaged ones are omitted.

    Args:
        file: The file.
        image: The same file, opened and not yet decoded.
    """
    name = image.format or ""
    try:
        with file.open("rb") as stream:
            if name == "PNG":
                return _png_facts(stream)
            if name in ("AVIF", "HEIF"):
                return _media_facts(stream)
            if name == "WEBP":
                return FileFacts(lossless=_is_lossless_webp(stream))
            bits = _bits(image, stream)
    except (OSError, struct.error, LookupError, TypeError, ValueError):
        return FileFacts()
    if name == "TIFF":
        return FileFacts(bits=bits, lossless=image.info.get("compression") not in _LOSSY_TIFF)
    return FileFacts(bits=bits, lossless=name in _LOSSLESS)


def _bits(image: ImageFile.ImageFile, stream: BinaryIO) -> int | None:
    """Return the bits a channel of formats that may have more than 8; None for all others."""
    if image.format == "TIFF":
        return int(max(tiff_tags(image).get(_TIFF_BITS, (1,))))
    if image.format == "SGI":
        return 8 * stream.read(4)[3]
    if image.format == "PPM":
        tile: Any = image.tile[0]
        white = tile[3][-1]
        return white.bit_length() if isinstance(white, int) else None
    if image.format == "JPEG2000":
        # The bits of the first channel are in the header of the code stream.
        head = stream.read(_MOST_BYTES)
        return (head[head.index(_J2K_START) + _J2K_BITS] & 0x7F) + 1
    return None


def _png_facts(stream: BinaryIO) -> FileFacts:
    head = stream.read(25)
    stream.seek(8)
    points, chunks = None, []
    for _ in range(_MOST_CHUNKS):
        length, kind = struct.unpack(">I4s", stream.read(8))
        if kind in (b"IDAT", b"IEND"):
            break
        if kind == b"cICP" or kind in _HDR_CHUNKS:
            data = stream.read(min(length, 64))
            stream.seek(length - len(data) + 4, 1)
            if kind == b"cICP" and length == 4:
                points = CodePoints(data[0], data[1])
            else:
                chunks.append((kind, data))
        else:
            stream.seek(length + 4, 1)
    return FileFacts(points, tuple(chunks), bits=head[24], lossless=True)


def _is_lossless_webp(stream: BinaryIO) -> bool:
    stream.seek(12)
    for _ in range(_MOST_CHUNKS):
        head = stream.read(8)
        if len(head) < 8:
            return False
        kind, length = struct.unpack("<4sI", head)
        if kind in (b"VP8L", b"VP8 "):
            return kind == b"VP8L"
        if kind == b"ANMF":
            stream.seek(16, 1)
        else:
            stream.seek(length + length % 2, 1)
    return False


def _media_facts(stream: BinaryIO) -> FileFacts:
    """Read the properties of the first picture of an AVIF or HEIC file."""
    meta = _find(stream.read(_MOST_BYTES), b"meta")
    properties = _find(_find(meta[4:], b"iprp"), b"ipco")
    points, bits = None, None
    for kind, data in _boxes(properties):
        if kind == b"colr" and data[:4] == b"nclx" and points is None:
            points = CodePoints(*struct.unpack(">HH", data[4:8]))
        if kind == b"av1C" and bits is None:
            high, twelve = data[2] & 0x40, data[2] & 0x20
            bits = 12 if high and twelve else 10 if high else 8
    return FileFacts(points, bits=bits)


def _find(data: bytes, name: bytes) -> bytes:
    for kind, content in _boxes(data):
        if kind == name:
            return content
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and content of each box."""
    offset = 0
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        head = 8
        if length == 1 and offset + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, offset + 8)
            head = 16
        if length == 0:
            length = len(data) - offset
        if length < head:
            return
        yield kind, data[offset + head : offset + length]
        offset += length
