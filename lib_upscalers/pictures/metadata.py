"""Read what a picture file holds beside its pixels: profile, texts, EXIF, XMP, resolution."""

from __future__ import annotations

import logging
import math
import struct
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lib_upscalers.pictures.colour_spaces import CodePoints, profile_of_points, profile_of_tags
from lib_upscalers.pictures.file_facts import FileFacts
from lib_upscalers.pictures.quiet import warnings_logged
from lib_upscalers.pictures.xmp import PNG_KEY, correct_xmp, read_xmp, take_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

_log = logging.getLogger("lib_upscalers")

ORIENTATION = 0x0112
EXIF_IFD = 0x8769
GPS_IFD = 0x8825
USER_COMMENT = 0x9286
# The EXIF tags in which ComfyUI stores "key:text": Make, Model and further text tags.
TEXT_TAGS = (0x0110, 0x010F, 0x010E, 0x010D)
COMFY_KEYS = ("prompt", "workflow")
# Tags that describe how the old file stored its pixels, and would be wrong in a new one: a TIFF's
# EXIF directory is the one that locates its pixels.
_STORAGE = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 266, ORIENTATION, 273, 277, 278, 279, 282, 283, 284),
        *(292, 293, 296, 301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 338, 339, 347, 512),
        *(513, 514, 529, 530, 531, 532, 700, 33723, 34377, 34675, 42113),
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
    """What a picture file holds beside pixels, to be written with the result.

    Attributes:
        icc_profile: The colour profile of the pixels; None means sRGB.
        text: PNG's text, such as a WebUI's "parameters"; or such texts found in EXIF and XMP.
        exif: The EXIF block, without orientation, which the pixels have already, and without
            what only described the old file.
        dpi: Pixels an inch, across and down.
        mode: Pillow's name of the pixels, such as "P" or "I;16".
        xmp: The XMP packet, corrected like the EXIF block.
        points: The code points of the colours, where the file had some that are not sRGB; the
            profile then means the same.
        hdr_chunks: PNG's chunks about an HDR picture's light: names and contents.
        lossless: Whether the pixels were stored without loss; False where that is not known.
    """

    icc_profile: bytes | None = None
    text: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    mode: str = "RGB"
    xmp: bytes | None = None
    points: CodePoints | None = None
    hdr_chunks: tuple[tuple[bytes, bytes], ...] = ()
    lossless: bool = False


def read_metadata(
    image: Image.Image, facts: FileFacts | None = None
) -> tuple[Metadata, int, tuple[str, ...]]:
    """Return what a loaded image has beside its pixels.

    Args:
        image: The image.
        facts: What its file's structure contains.

    Returns:
        The metadata, the EXIF orientation that the pixels still lack, and notes about damaged parts
        that are omitted, a sentence each.
    """
    with warnings_logged():
        return _read_metadata(image, facts or FileFacts())


def _read_metadata(image: Image.Image, facts: FileFacts) -> tuple[Metadata, int, tuple[str, ...]]:
    orientation, exif, texts, notes = _read_exif(image)
    packet, in_xmp = take_texts(correct_xmp(read_xmp(image) or b""))
    own = {
        str(key): str(value)
        for key, value in dict(getattr(image, "text", None) or {}).items()
        if not str(key).startswith("Raw profile type") and str(key) != PNG_KEY
    }
    profile, colour_notes = _read_profile(image, facts)
    points = facts.points
    metadata = Metadata(
        icc_profile=profile,
        text=MappingProxyType({**texts, **in_xmp, **own}),
        exif=exif,
        dpi=_read_dpi(image.info.get("dpi")),
        mode=image.mode,
        xmp=packet or None,
        points=None if points is None or points.is_srgb else points,
        hdr_chunks=facts.hdr_chunks,
        lossless=facts.lossless,
    )
    return metadata, orientation, (*notes, *colour_notes)


def _read_profile(image: Image.Image, facts: FileFacts) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the colour profile, or the one that the file's other colour tags mean."""
    notes: list[str] = []
    if facts.bits is not None and facts.bits > 8 and not image.mode.startswith(("I", "F")):
        notes.append(f"Of the file's {facts.bits} bits a channel, 8 are read.")
    if facts.points is not None and facts.points.is_hdr:
        notes.append(
            "The picture is HDR (PQ or HLG): its brightness is right only in programs that know "
            "HDR profiles."
        )
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return profile, tuple(notes)
    if facts.points is not None:
        grey = image.mode in ("1", "L", "LA", "I", "I;16", "I;16B", "F")
        profile = profile_of_points(facts.points, grey=grey)
        if profile is None and not facts.points.is_srgb:
            notes.append(f"The file's colour space ({facts.points}) is unknown and left out.")
        return profile, tuple(notes)
    profile, more = profile_of_tags(image)
    return profile, (*notes, *more)


def _read_exif(
    image: Image.Image,
) -> tuple[int, bytes | None, dict[str, str], tuple[str, ...]]:
    """Return the orientation, the block without it, the texts in it, and notes."""
    from PIL import Image as Images

    try:
        found = image.getexif()
        # Pillow turns TIFF files when it decodes them; older versions do not note that.
        turned = image.format == "TIFF" and not getattr(image, "tile", ())
        orientation = 1 if turned else found.get(ORIENTATION, 1)
        texts = _comfy_texts(found)
        remaining = Images.Exif()
        for tag, value in found.items():
            if tag not in (*_STORAGE, EXIF_IFD, GPS_IFD) and not (texts and tag in TEXT_TAGS):
                remaining[tag] = as_read(value)
        details = _without(found.get_ifd(EXIF_IFD), _STORAGE_IN_EXIF)
        comment = _read_comment(details.get(USER_COMMENT))
        place = _without(found.get_ifd(GPS_IFD), frozenset())
        for tag, directory in ((EXIF_IFD, details), (GPS_IFD, place)):
            if directory:
                remaining[tag] = directory
        exif, notes = _written(remaining)
    except _DAMAGE as error:
        _log.warning("The picture's EXIF block is damaged and left out: %s", error)
        return 1, None, {}, ("The EXIF block is damaged and left out.",)
    if comment:
        texts["parameters"] = comment
    return (orientation if orientation in range(1, 9) else 1), exif, texts, notes


def _written(exif: Image.Exif) -> tuple[bytes | None, tuple[str, ...]]:
    """Return an EXIF block without the values that Pillow cannot write, and a note about those."""
    if not len(exif):
        return None, ()
    try:
        return exif.tobytes(), ()
    except _DAMAGE as error:
        _log.debug("A value of the EXIF block cannot be written: %s", error)
    from PIL import Image as Images

    kept, lost = Images.Exif(), 0
    for tag, value in exif.items():
        if tag in (EXIF_IFD, GPS_IFD) and isinstance(value, dict):
            directory = {each: held for each, held in value.items() if _can_write(each, held)}
            lost += len(value) - len(directory)
            kept[tag] = directory
        elif _can_write(tag, value):
            kept[tag] = value
        else:
            lost += 1
    note = (
        "Of the EXIF block 1 value is damaged and left out."
        if lost == 1
        else f"Of the EXIF block {lost} values are damaged and left out."
    )
    return (kept.tobytes() if len(kept) else None), (note,)


def _can_write(tag: int, value: object) -> bool:
    from PIL import Image as Images

    alone = Images.Exif()
    alone[tag] = value
    try:
        alone.tobytes()
    except _DAMAGE:
        return False
    return True


def _without(directory: Mapping[int, Any], tags: frozenset[int]) -> dict[int, Any]:
    return {tag: as_read(value) for tag, value in directory.items() if tag not in tags}


def as_read(value: object) -> Any:  # noqa: ANN401 - a value of any of EXIF's types
    """Return an EXIF value that Pillow writes as the bytes that it read.

    It decodes texts as Latin-1, and writes "?" for everything that is not ASCII.
    """
    if isinstance(value, str) and not value.isascii():
        return value.encode("latin-1", errors="replace")
    return value


def exif_of(block: bytes | None) -> Image.Exif:
    """Return an EXIF block as Pillow's object, to be changed and written again."""
    from PIL import Image as Images

    exif = Images.Exif()
    if block:
        exif.load(block)
        for tag, value in list(exif.items()):
            exif[tag] = as_read(value)
    for tag in (EXIF_IFD, GPS_IFD):
        directory = _without(exif.get_ifd(tag), frozenset())
        if directory:
            exif[tag] = directory
    return exif


def _comfy_texts(exif: Mapping[int, Any]) -> dict[str, str]:
    """Return the texts that ComfyUI writes into EXIF's text tags, each after its key."""
    texts: dict[str, str] = {}
    for tag in TEXT_TAGS:
        key, colon, text = str(exif.get(tag, "")).partition(":")
        if colon and key in COMFY_KEYS:
            # Pillow decodes UTF-8 as Latin-1.
            texts[key] = text.encode("latin-1", "replace").decode("utf-8", "replace").rstrip("\0")
    return texts


def _read_comment(value: object) -> str:
    """Return the text of EXIF's UserComment, whose first 8 bytes name its encoding."""
    if not isinstance(value, bytes) or len(value) <= 8:
        return ""
    label, rest = value[:8], value[8:]
    if label == b"UNICODE\0":
        marked = rest[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = rest.decode("utf-16" if marked else _byte_order(rest), errors="replace")
    else:
        try:
            text = rest.decode("utf-8")
        except UnicodeDecodeError:
            return ""  # JIS, or another encoding; the comment stays in EXIF
    return text.strip("\0 ")


def _byte_order(data: bytes) -> str:
    """Return in which order the bytes of UTF-16 are: WebUIs write one, many programs the other.

    The upper bytes of a text, which name its script, differ less than the lower ones.
    """
    upper, lower = (len(set(data[start::2])) for start in (0, 1))
    return "utf-16-be" if upper <= lower else "utf-16-le"


def _read_dpi(value: object) -> tuple[float, float] | None:
    try:
        across, down = (float(each) for each in value)  # type: ignore[attr-defined]
    except _DAMAGE:
        return None
    usable = all(math.isfinite(each) and 0 < each < 1e6 for each in (across, down))
    return (across, down) if usable else None
