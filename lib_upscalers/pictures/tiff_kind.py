"""Describe a TIFF file's pixels from its tags, for files that Pillow does not decode."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from lib_upscalers.pictures.quiet import warnings_logged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BITS, _COMPRESSION, _MEANING, _BANDS, _NUMBERS = 258, 259, 262, 277, 339
_TAGS = frozenset((_BITS, _COMPRESSION, _MEANING, _BANDS, _NUMBERS))
_JPEG, _YCBCR = 7, 6
# Decoded by every build of libtiff, whatever libraries it was built with.
_ALWAYS_DECODED = frozenset((1, 2, 3, 4, 5, _JPEG, 8, 32773, 32946))
# Compressions by their number; those with False are decoded by neither Pillow nor its libtiff.
_COMPRESSIONS: Mapping[int, tuple[str, bool]] = {
    1: ("none", True),
    2: ("CCITT RLE", True),
    3: ("CCITT Group 3", True),
    4: ("CCITT Group 4", True),
    5: ("LZW", True),
    6: ("old JPEG", True),
    7: ("JPEG", True),
    8: ("Deflate", True),
    32773: ("PackBits", True),
    32946: ("Deflate", True),
    34712: ("JPEG 2000", False),
    34887: ("LERC", False),
    34925: ("LZMA", True),
    50000: ("Zstandard", True),
    50001: ("WebP", True),
    50002: ("JPEG XL", False),
    52546: ("JPEG XL", False),
}
_NUMBER_KINDS: Mapping[int, str] = {1: "whole numbers", 2: "signed numbers", 3: "float"}
_DAMAGE = (
    *(AttributeError, EOFError, LookupError, OSError, OverflowError, RuntimeError, SyntaxError),
    *(TypeError, ValueError, struct.error),
)


def describe_tiff(file: Path) -> str:
    """Return what the pixels of a TIFF file are, in words; "" where its tags are damaged.

    Example: ``"32-bit float in 3 channels, compression LERC"``.
    """
    tags = _read_tags(file)
    if not tags:
        return ""
    bits = tags.get(_BITS, (1,))
    numbers = tags.get(_NUMBERS, (1,))
    bands = tags.get(_BANDS, 1)
    compression = tags.get(_COMPRESSION, 1)
    name = _COMPRESSIONS.get(compression, (f"number {compression}", False))[0]
    kind = _NUMBER_KINDS.get(numbers[0], "other numbers")
    channels = "1 channel" if bands == 1 else f"{bands} channels"
    return f"{bits[0]}-bit {kind} in {channels}, compression {name}"


def is_tiff_undecodable(file: Path) -> bool:
    """Return whether the file's compression is one that Pillow does not decode."""
    tags = _read_tags(file)
    if not tags:
        return False
    return not _COMPRESSIONS.get(tags.get(_COMPRESSION, 1), ("", False))[1]


def is_common_tiff(file: Path) -> bool:
    """Return whether Pillow decodes such a file wherever it runs, unless the file is damaged.

    Not so are compressions that libtiff may lack, JPEG of more than 8 bits, and YCbCr that JPEG has
    not compressed. A file whose tags cannot be read counts as common.
    """
    tags = _read_tags(file)
    if not tags:
        return True
    compression = tags.get(_COMPRESSION, 1)
    if compression == _JPEG:
        return bool(tags.get(_BITS, (1,))[0] <= 8)
    return compression in _ALWAYS_DECODED and tags.get(_MEANING) != _YCBCR


def _read_tags(file: Path) -> dict[int, Any] | None:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    try:
        with warnings_logged(), file.open("rb") as stream:
            directory = ImageFileDirectory_v2(stream.read(8))
            if directory.next is None:
                return None
            stream.seek(directory.next)
            directory.load(stream)
            return {int(tag): directory[tag] for tag in directory if tag in _TAGS}
    except _DAMAGE:
        return None
