"""What a picture file says beside its pixels: colour profile, texts, EXIF, resolution."""

from __future__ import annotations

import logging
import math
import struct
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

_log = logging.getLogger("lib_upscalers")

ORIENTATION = 0x0112
EXIF_IFD = 0x8769
GPS_IFD = 0x8825
_USER_COMMENT = 0x9286
# What describes how the old file stored its pixels, and would be wrong in a new one: of a TIFF
# the EXIF directory is the one that the pixels are found by.
_STORAGE = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 266, ORIENTATION, 273, 277, 278, 279, 282, 283, 284),
        *(292, 293, 296, 301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 338, 339, 347, 512),
        *(513, 514, 529, 530, 531, 532, 700, 33723, 34377, 34675),
    )
)
_STORAGE_IN_EXIF = frozenset((0x927C, 0xA002, 0xA003, 0xA005))
_DAMAGE = (
    AttributeError,
    IndexError,
    KeyError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
)


@dataclass(frozen=True)
class Metadata:
    """What came with the pixels and should go on with them.

    Attributes:
        icc_profile: The colour profile of the pixels; None means sRGB.
        text: PNG's text, such as a WebUI's "parameters"; or such a text found in EXIF.
        exif: The EXIF block, without orientation, which the pixels have already, and without
            what only described the old file.
        dpi: Pixels an inch, across and down.
        mode: What Pillow called the pixels, such as "P" or "I;16".
    """

    icc_profile: bytes | None = None
    text: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    mode: str = "RGB"


def read_metadata(image: Image.Image) -> tuple[Metadata, int]:
    """Return what a loaded image says, and the EXIF orientation that its pixels still lack.

    Damaged metadata is left out, with a warning in the log; the pixels are what matters.
    """
    orientation, exif, comment = _read_exif(image)
    text = {
        str(key): str(value)
        for key, value in dict(getattr(image, "text", None) or {}).items()
        if not str(key).startswith("Raw profile type")
    }
    if orientation != 1:
        # XMP repeats the orientation, and whoever reads it would turn the picture again.
        text.pop("XML:com.adobe.xmp", None)
    if comment and not text:
        text["parameters"] = comment
    profile = image.info.get("icc_profile")
    metadata = Metadata(
        icc_profile=profile if isinstance(profile, bytes) and profile else None,
        text=MappingProxyType(text),
        exif=exif,
        dpi=_read_dpi(image.info.get("dpi")),
        mode=image.mode,
    )
    return metadata, orientation


def _read_exif(image: Image.Image) -> tuple[int, bytes | None, str]:
    from PIL import Image as Images

    try:
        found = image.getexif()
        orientation = found.get(ORIENTATION, 1)
        kept = Images.Exif()
        for tag, value in found.items():
            if tag not in _STORAGE and tag not in (EXIF_IFD, GPS_IFD):
                kept[tag] = value
        details = _without(found.get_ifd(EXIF_IFD), _STORAGE_IN_EXIF)
        for tag, directory in ((EXIF_IFD, details), (GPS_IFD, dict(found.get_ifd(GPS_IFD)))):
            if directory:
                kept[tag] = directory
        exif = kept.tobytes() if len(kept) else None
        comment = _read_comment(details.get(_USER_COMMENT))
    except _DAMAGE as error:
        _log.warning("The picture's EXIF block is damaged and left out: %s", error)
        return 1, None, ""
    return (orientation if orientation in range(1, 9) else 1), exif, comment


def _without(directory: Mapping[int, Any], tags: frozenset[int]) -> dict[int, Any]:
    return {tag: value for tag, value in directory.items() if tag not in tags}


def _read_comment(value: object) -> str:
    """Return the text of EXIF's UserComment, whose first 8 bytes name its encoding."""
    if not isinstance(value, bytes) or len(value) <= 8:
        return ""
    label, rest = value[:8], value[8:]
    if label == b"UNICODE\0":
        marked = rest[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = rest.decode("utf-16" if marked else "utf-16-be", errors="replace")
    else:
        text = rest.decode("utf-8", errors="replace")
    return text.strip("\0 ")


def _read_dpi(value: object) -> tuple[float, float] | None:
    try:
        across, down = (float(each) for each in value)  # type: ignore[attr-defined]
    except _DAMAGE:
        return None
    usable = all(math.isfinite(each) and 0 < each < 1e6 for each in (across, down))
    return (across, down) if usable else None


def profile_for(metadata: Metadata, *, grey: bool) -> bytes | None:
    """Return the colour profile, if it is one for such pixels."""
    profile = metadata.icc_profile
    if profile is None:
        return None
    if profile[16:20] == (b"GRAY" if grey else b"RGB "):
        return profile
    _log.warning(
        "The colour profile is for %r and not for these pixels, and is left out.", profile[16:20]
    )
    return None


def exif_with_text(metadata: Metadata) -> bytes | None:
    """Return the EXIF block with "parameters" as its UserComment, where WebUIs look for them."""
    from PIL import Image as Images

    text = metadata.text.get("parameters")
    if not text:
        return metadata.exif
    exif = Images.Exif()
    if metadata.exif:
        exif.load(metadata.exif)
    details = dict(exif.get_ifd(EXIF_IFD))
    details[_USER_COMMENT] = b"UNICODE\0" + text.encode("utf-16-be", errors="replace")
    exif[EXIF_IFD] = details
    return exif.tobytes()
