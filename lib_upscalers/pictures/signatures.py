"""Recognise file formats by their first bytes, for error texts and to find a plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNATURE_BYTES = 512
"""How many of a file's first bytes `recognise` looks at."""

Plugin = Literal["pillow_heif", "pillow_jxl"]


@dataclass(frozen=True)
class FileKind:
    """A kind of file that Pillow alone does not read.

    Attributes:
        name: What it is, with its article.
        advice: What to do, or to install.
        plugin: The Python package with which Pillow reads it, if there is one.
    """

    name: str
    advice: str
    plugin: Plugin | None = None


_HEIF = FileKind(
    "a HEIC (HEIF) picture",
    "this format needs the package pillow-heif: install it, or convert the picture to PNG",
    "pillow_heif",
)
_JXL = FileKind(
    "a JPEG XL picture",
    "this format needs the package pillow-jxl-plugin: install it, or convert the picture to PNG",
    "pillow_jxl",
)
_AVIF = FileKind(
    "an AVIF picture",
    "this format needs Pillow 11.3 or newer with AVIF: update it, or convert the picture to PNG",
)
_RAW = FileKind(
    "a camera's raw file",
    "develop it to a 16-bit TIFF or PNG with a raw converter (darktable, RawTherapee, Lightroom)",
)
_VIDEO = FileKind("a video", "name pictures, or take frames out of it with a video program")
_TO_PNG = "this format cannot be read: convert the picture to PNG"
_PROJECT = "export a PNG from the program that it was made with"
_VECTOR = "this format needs a renderer: export a PNG of the size that you need"

# Several have their signature later, so each is (offset, bytes).
_KINDS: Sequence[tuple[int, bytes, FileKind]] = (
    (0, b"\xff\x0a", _JXL),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", _JXL),
    (0, b"II*\0\x10\0\0\0CR", _RAW),
    (0, b"IIRO", _RAW),
    (0, b"IIRS", _RAW),
    (0, b"MMOR", _RAW),
    (0, b"IIU\0", _RAW),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"FOVb", _RAW),
    (0, b"II\xbc", FileKind("a JPEG XR picture", _TO_PNG)),
    (0, b"BPG\xfb", FileKind("a BPG picture", _TO_PNG)),
    (0, b"FLIF", FileKind("a FLIF picture", _TO_PNG)),
    (0, b"qoif", FileKind("a QOI picture", _TO_PNG)),
    (0, b"\x76\x2f\x31\x01", FileKind("an OpenEXR picture", _TO_PNG)),
    (0, b"#?RADIANCE", FileKind("a Radiance HDR picture", _TO_PNG)),
    (0, b"#?RGBE", FileKind("a Radiance HDR picture", _TO_PNG)),
    (0, b"AT&TFORM", FileKind("a DjVu document", _TO_PNG)),
    (0, b"\xabKTX ", FileKind("a KTX texture", _TO_PNG)),
    (0, b"\x97JB2\r\n", FileKind("a JBIG2 picture", _TO_PNG)),
    (0, b"DDS ", FileKind("a DDS texture of a kind that Pillow does not know", _TO_PNG)),
    (0, b"\x89HDF\r\n\x1a\n", FileKind("an HDF5 file", _TO_PNG)),
    (0, b"GRIB", FileKind("a GRIB file", _TO_PNG)),
    (0, b"BUFR", FileKind("a BUFR file", _TO_PNG)),
    (0, b"SIMPLE  =", FileKind("a FITS file of a kind that Pillow does not know", _TO_PNG)),
    (0, b"8BPS", FileKind("a Photoshop file of a kind that Pillow does not know", _PROJECT)),
    (0, b"gimp xcf", FileKind("a GIMP project", _PROJECT)),
    (0, b"CSFCHUNK", FileKind("a Clip Studio project", _PROJECT)),
    (30, b"mimetypeapplication/x-krita", FileKind("a Krita project", _PROJECT)),
    (30, b"mimetypeimage/openraster", FileKind("an OpenRaster project", _PROJECT)),
    (0, b"%!PS", FileKind("an EPS (PostScript) picture", _VECTOR)),
    (0, b"\xc5\xd0\xd3\xc6", FileKind("an EPS (PostScript) picture", _VECTOR)),
    (0, b"%PDF", FileKind("a PDF document", _VECTOR)),
    (0, b"\xd7\xcd\xc6\x9a", FileKind("a WMF drawing", _VECTOR)),
    (40, b" EMF", FileKind("an EMF drawing", _VECTOR)),
    (0, b"\x1a\x45\xdf\xa3", _VIDEO),
    (8, b"AVI ", _VIDEO),
    (0, b"PK\x03\x04", FileKind("a zip archive", "unpack it first")),
    (0, b"Rar!\x1a\x07", FileKind("a rar archive", "unpack it first")),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind("a 7z archive", "unpack it first")),
    (0, b"\x1f\x8b", FileKind("a gzip archive", "unpack it first")),
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2")
_AVIF_BRANDS = (b"avif", b"avis")
# Formats that Pillow reads: if it refuses such a file, this is damaged or of a rare kind.
_READABLE: Sequence[tuple[int, bytes, str]] = (
    (0, b"\x89PNG", "PNG"),
    (0, b"\xff\xd8", "JPEG"),
    (0, b"GIF8", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "BigTIFF"),
    (0, b"MM\0+", "BigTIFF"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\1\0", "ICO"),
)


def recognise(head: bytes) -> FileKind | None:
    """Return the kind of a file that Pillow alone does not read; None for any other file.

    Args:
        head: The file's first `SIGNATURE_BYTES` bytes, or fewer if it is shorter.
    """
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    for offset, signature, kind in _KINDS:
        if head.startswith(signature, offset):
            return kind
    return _by_text(head)


def readable_format(head: bytes) -> str | None:
    """Return the name of the format that these first bytes are of, if Pillow reads it."""
    for offset, signature, name in _READABLE:
        if head.startswith(signature, offset):
            return name
    return "AVIF" if head[4:8] == b"ftyp" and _by_brand(head) is _AVIF else None


def _by_brand(head: bytes) -> FileKind:
    """Distinguish files of the ISO base media format by their brands."""
    length = int.from_bytes(head[:4], "big")
    major, listed = head[8:12], head[16 : max(16, min(length, len(head)))]
    brands = [major, *(listed[i : i + 4] for i in range(0, len(listed), 4))]
    if major == b"crx ":
        return _RAW
    if any(brand in _AVIF_BRANDS for brand in brands):
        return _AVIF
    if any(brand in _HEIF_BRANDS for brand in brands):
        return _HEIF
    return _VIDEO


def _by_text(head: bytes) -> FileKind | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start and start.startswith(b"<"):
        return FileKind("an SVG drawing", _VECTOR)
    if start.startswith((b"<!doctype html", b"<html")):
        return FileKind(
            "a web page", "open it in a browser and save the picture that it shows, or get it again"
        )
    if start.startswith(b"version https://git-lfs"):
        return FileKind("a pointer of Git LFS", "get the file itself with `git lfs pull`")
    return None
