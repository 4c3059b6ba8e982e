"""Describe a TIFF file's pixels from its tags, for files that Pillow does not decode."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Literal

from lib_upscalers.pictures.quiet import warnings_logged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BITS, _COMPRESSION, _MEANING, _BANDS, _NUMBERS = 258, 259, 262, 277, 339
_TAGS = frozenset((_BITS, _COMPRESSION, _MEANING, _BANDS, _NUMBERS))
_JPEG, _YCBCR = 7, 6
# Compressions by their number, and where Pillow decodes them: with every build of libtiff, with
# those that have another library, nowhere.
_COMPRESSIONS: Mapping[int, tuple[str, Literal["always", "perhaps", "never"]]] = {
    1: ("none", "always"),
    2: ("CCITT RLE", "always"),
    3: ("CCITT Group 3", "always"),
    4: ("CCITT Group 4", "always"),
    5: ("LZW", "always"),
    6: ("old JPEG", "perhaps"),
    7: ("JPEG", "always"),
    8: ("Deflate", "always"),
    32773: ("PackBits", "always"),
    32946: ("Deflate", "always"),
    34712: ("JPEG 2000", "never"),
    34887: ("LERC", "never"),
    34925: ("LZMA", "perhaps"),
    50000: ("Zstandard", "perhaps"),
    50001: ("WebP", "perhaps"),
    50002: ("JPEG XL", "never"),
    52546: ("JPEG XL", "never"),
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
    name, _ = _COMPRESSIONS.get(compression, (f"number {compression}", "never"))
    kind = _NUMBER_KINDS.get(numbers[0], "other numbers")
    channels = "1 channel" if bands == 1 else f"{bands} channels"
    return f"{bits[0]}-bit {kind} in {channels}, compression {name}"


def is_tiff_undecodable(file: Path) -> bool:
    """Return whether the file's compression is one that Pillow does not decode."""
    tags = _read_tags(file)
    if not tags:
        return False
    return _decoded(tags) == "never"


def is_common_tiff(file: Path) -> bool:
    """Return whether Pillow decodes such a file wherever it runs, unless the file is damaged.

    Not so are compressions that libtiff may lack, JPEG of more than 8 bits, and YCbCr that JPEG has
    not compressed. A file whose tags cannot be read counts as common.
    """
    tags = _read_tags(file)
    if not tags:
        return True
    if tags.get(_COMPRESSION, 1) == _JPEG:
        return bool(tags.get(_BITS, (1,))[0] <= 8)
    return _decoded(tags) == "always" and tags.get(_MEANING) != _YCBCR


def is_uncompressed_tiff(file: Path) -> bool:
    """Return whether a file is a TIFF file whose first page is not compressed."""
    tags = _read_tags(file)
    return bool(tags) and tags.get(_COMPRESSION, 1) == 1


def _decoded(tags: Mapping[int, Any]) -> str:
    return _COMPRESSIONS.get(tags.get(_COMPRESSION, 1), ("", "never"))[1]


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
