"""Fit a picture's metadata into an output format: convert it, or omit it with a note."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from lib_upscalers.pictures.icc import for_pixels
from lib_upscalers.pictures.metadata import COMFY_KEYS, EXIF_IFD, TEXT_TAGS, USER_COMMENT, exif_of
from lib_upscalers.pictures.xmp import add_texts

if TYPE_CHECKING:
    from lib_upscalers.pictures.metadata import Metadata

_LONGEST_KEY = 79


@dataclass(frozen=True)
class Room:
    """The metadata that a file format holds.

    Attributes:
        profile: Whether it holds an ICC profile.
        exif: The most bytes of EXIF; 0 for none.
        xmp: The most bytes of XMP; 0 for none.
        text: Whether it holds keys and texts of any length by itself.
        comfy: Whether ComfyUI reads "prompt" and "workflow" from its EXIF.
        dpi: Whether it holds a resolution.
    """

    profile: bool = True
    exif: int = 1 << 30
    xmp: int = 1 << 30
    text: bool = False
    comfy: bool = False
    dpi: bool = True


def fit_metadata(
    metadata: Metadata, room: Room, ending: str, *, grey: bool
) -> tuple[Metadata, tuple[str, ...]]:
    """Return the metadata that a file of a format holds.

    Texts go where programs look for them: "parameters" into EXIF's UserComment, as WebUIs write it;
    ComfyUI's "prompt" and "workflow" into EXIF of WebP and AVIF, as ComfyUI does; all other texts
    into XMP.

    Args:
        metadata: The picture's metadata.
        room: The metadata that the format holds.
        ending: Of its file names, for notes.
        grey: Whether the pixels are stored as grey.

    Returns:
        The metadata to write as they are (texts only if the format holds them), and notes about
        what is omitted, a sentence each.
    """
    notes: list[str] = []
    profile = metadata.icc_profile
    if profile is not None:
        fitting = for_pixels(profile, grey=grey) if room.profile else None
        if fitting is None:
            notes.append(_left_out("The colour profile", ending))
        profile = fitting
    metadata = replace(metadata, icc_profile=profile)
    exif, xmp = metadata.exif, metadata.xmp
    if exif is not None and len(exif) > room.exif:
        notes.append(_left_out("EXIF", ending))
        exif = None
    if xmp is not None and len(xmp) > room.xmp:
        notes.append(_left_out("XMP", ending))
        xmp = None
    metadata = replace(metadata, exif=exif, xmp=xmp)
    if room.text:
        metadata, missing = _checked_keys(metadata)
    else:
        metadata, missing = _move_texts(metadata, room)
    if missing:
        size = sum(len(each) for each in missing.values())
        names = ", ".join(f'"{key[:40]}"' for key in missing)
        plural = "texts" if len(missing) > 1 else "text"
        notes.append(_left_out(f"The {plural} {names} ({size:,} characters)", ending))
    return metadata, tuple(notes)


def _left_out(what: str, ending: str) -> str:
    verb = "do" if what.startswith("The texts") else "does"
    return f"{what} {verb} not fit into a {ending} file: left out. PNG holds it."


def _checked_keys(metadata: Metadata) -> tuple[Metadata, dict[str, str]]:
    """Omit texts whose keys PNG does not allow: 1 to 79 characters of Latin-1 are."""
    good = {key: text for key, text in metadata.text.items() if _is_png_key(key)}
    missing = {key: text for key, text in metadata.text.items() if key not in good}
    return replace(metadata, text=MappingProxyType(good)), missing


def _is_png_key(key: str) -> bool:
    return 1 <= len(key) <= _LONGEST_KEY and "\0" not in key and max(key) < "\u0100"


def _move_texts(metadata: Metadata, room: Room) -> tuple[Metadata, dict[str, str]]:
    """Move texts into EXIF and XMP; return those that fit into neither."""
    missing: dict[str, str] = {}
    exif, xmp = metadata.exif, metadata.xmp
    # Short ones first, so that the longest is the one that does not fit.
    for key, text in sorted(metadata.text.items(), key=lambda each: len(each[1])):
        changed = _exif_with(exif, key, text, room)
        if changed is not None and len(changed) <= room.exif:
            exif = changed
            continue
        packet = add_texts(xmp, {key: text})
        if packet is not None and len(packet) <= room.xmp:
            xmp = packet
        else:
            missing[key] = text
    return replace(metadata, exif=exif, xmp=xmp, text=MappingProxyType({})), missing


def _exif_with(block: bytes | None, key: str, text: str, room: Room) -> bytes | None:
    """Return an EXIF block with a text where programs expect it; None if none expects it."""
    comfy = room.comfy and key in COMFY_KEYS
    if key != "parameters" and not comfy:
        return None
    exif = exif_of(block)
    if comfy:
        tag = TEXT_TAGS[COMFY_KEYS.index(key)]
        if tag in exif:
            return None
        exif[tag] = f"{key}:{text}".encode()
        return exif.tobytes()
    details = dict(exif.get_ifd(EXIF_IFD))
    details[USER_COMMENT] = b"UNICODE\0" + text.encode("utf-16-be", errors="replace")
    exif[EXIF_IFD] = details
    return exif.tobytes()
