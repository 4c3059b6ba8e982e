"""Recognise kinds of JPEG and TIFF that decoders often lack; they are not damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.pictures.tiff_kind import describe_tiff, is_common_tiff

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
# ITU-T T.81, table B.1, and T.87 (JPEG-LS): frames by their marker.
_FRAMES: Mapping[int, str] = {
    **dict.fromkeys((0xC0, 0xC1, 0xC2), ""),
    0xC3: "a lossless JPEG file",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "a hierarchical JPEG file"),
    **dict.fromkeys((0xC9, 0xCA), "an arithmetic-coded JPEG file"),
    0xCB: "a lossless arithmetic-coded JPEG file",
    0xF7: "a JPEG-LS file",
}
_COMMON_BANDS = (1, 3, 4)


def rare_kind(file: Path) -> str:
    """Return in words what a file is if it is of a kind that Pillow may not decode, else "".

    Example: ``"a lossless JPEG file of 16 bits"``. A damaged file is of no such kind.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
            if head.startswith(b"\xff\xd8"):
                stream.seek(2)
                return _rare_jpeg(stream)
    except OSError:
        return ""
    if head in (b"II*\0", b"MM\0*") and not is_common_tiff(file):
        described = describe_tiff(file)
        return f"a TIFF file ({described})" if described else ""
    return ""


def _rare_jpeg(stream: BinaryIO) -> str:
    """Return what the first frame header says, where that is not what every decoder reads."""
    while (marker := _next_marker(stream)) is not None and marker not in _FRAMES:
        if marker not in _STANDALONE:
            length = int.from_bytes(stream.read(2), "big")
            stream.seek(max(length - 2, 0), 1)
    if marker is None:
        return ""
    header = stream.read(8)
    bits, bands = header[2:3], header[7:8]
    if not bits or not bands:
        return ""
    if not _FRAMES[marker] and bits[0] == 8 and bands[0] in _COMMON_BANDS:
        return ""
    kind = _FRAMES[marker] or "a JPEG file"
    channels = "1 channel" if bands[0] == 1 else f"{bands[0]} channels"
    return f"{kind} of {bits[0]} bits in {channels}"


def _next_marker(stream: BinaryIO) -> int | None:
    """Read up to the next marker and return it; None at the end or where the pixels begin."""
    byte = stream.read(1)
    while byte and byte != b"\xff":
        byte = stream.read(1)
    while byte == b"\xff":
        byte = stream.read(1)
    if not byte or byte[0] in (0xDA, 0xD9):
        return None
    return byte[0]
