"""A file that cannot be read is called what it is: unsupported, damaged, or no picture."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures import opening
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.pictures.signatures import recognise

if TYPE_CHECKING:
    from pathlib import Path


def media(brand: bytes, *others: bytes) -> bytes:
    body = brand + bytes(4) + b"".join(others)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + bytes(64)


EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n"
    b"0 0 moveto\nshowpage\n%%EOF\n"
)
WMF = (
    b"\xd7\xcd\xc6\x9a\0\0"
    + struct.pack("<4hHIH", 0, 0, 100, 100, 96, 0, 0)
    + b"\x01\0\x09\0\0\x03"
    + bytes(40)
)
EMF = struct.pack("<2I8i", 1, 88, 0, 0, 10, 10, 0, 0, 100, 100) + b" EMF" + bytes(60)
UNSUPPORTED = {
    "heic": (media(b"heic", b"mif1", b"heic"), "needs the package pillow-heif"),
    "heif": (media(b"mif1", b"mif1", b"heix"), "needs the package pillow-heif"),
    "jxl": (b"\xff\x0a" + bytes(60), "needs the package pillow-jxl-plugin"),
    "jxl box": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60), "needs the package pillow-jxl-plugin"),
    "eps": (EPS, "needs Ghostscript|needs a renderer"),
    "wmf": (WMF, "needs Windows|needs a renderer"),
    "emf": (EMF, "needs Windows|needs a renderer"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 file"),
    "grib": (b"GRIB" + bytes(3) + b"\x01" + bytes(60), "a GRIB file"),
    "bufr": (b"BUFR" + bytes(60), "a BUFR file"),
    "exr": (b"\x76\x2f\x31\x01" + bytes(60), "an OpenEXR picture"),
    "hdr": (b"#?RADIANCE\n" + bytes(60), "a Radiance HDR picture"),
    "svg": (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "an SVG drawing"),
    "pdf": (b"%PDF-1.7\n" + bytes(60), "a PDF document"),
    "xcf": (b"gimp xcf v011" + bytes(60), "a GIMP project"),
    "kra": (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/x-krita", "a Krita project"),
    "psd": (b"8BPS\0\1" + bytes(60), "a Photoshop file"),
    "psb": (b"8BPS\0\2" + bytes(60), "a Photoshop file"),
    "dds": (b"DDS " + bytes(120), "a kind that Pillow does not read"),
    "mp4": (media(b"isom", b"mp41"), "a video"),
    "mkv": (b"\x1a\x45\xdf\xa3" + bytes(60), "a video"),
    "zip": (b"PK\x03\x04" + bytes(60), "a zip archive"),
    "html": (b"<!DOCTYPE html><html>", "a web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    "cr2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(60), "raw file|damaged"),
    "cr3": (media(b"crx ", b"isom"), "a camera's raw file"),
    "raf": (b"FUJIFILMCCD-RAW " + bytes(60), "a camera's raw file"),
}


def test_an_unsupported_file_is_called_what_it_is(tmp_path: Path) -> None:
    for name, (content, text) in UNSUPPORTED.items():
        (tmp_path / "odd.png").write_bytes(content)
        with pytest.raises(ImageError, match=text) as caught:
            read_picture(tmp_path / "odd.png")
        assert "damaged" not in str(caught.value) or name == "cr2", name


def test_what_is_of_a_known_format_may_be_damaged(tmp_path: Path) -> None:
    for name, content in {
        "PNG": b"\x89PNG\r\n\x1a\n",
        "JPEG": b"\xff\xd8\xff\xe0" + bytes(20),
        "WebP": b"RIFF\0\0\0\0WEBP",
        "TIFF": b"II*\0\xff\xff\xff\0",
        "AVIF": media(b"avif", b"mif1"),
        "GIF": b"GIF89a",
    }.items():
        (tmp_path / "cut").write_bytes(content)
        with pytest.raises(ImageError, match="damaged") as caught:
            read_picture(tmp_path / "cut")
        assert name in str(caught.value) or "cannot be decoded" in str(caught.value)
    (tmp_path / "text.png").write_bytes(b"hello, this is a text")
    with pytest.raises(ImageError, match="no format that can be read"):
        read_picture(tmp_path / "text.png")


def grey_tiff_of(compression: int, bits: int = 8, bands: int = 1) -> bytes:
    tags = [
        *((256, 3, 4), (257, 3, 4), (258, 3, bits), (259, 3, compression), (262, 3, 1)),
        *((273, 4, 200), (277, 3, bands), (278, 3, 4), (279, 4, 16)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    return head.ljust(200, b"\0") + bytes(64)


def test_kinds_of_tiff_that_are_not_read_are_named(tmp_path: Path) -> None:
    for compression, name in (
        (34712, "JPEG 2000"),
        (34887, "LERC"),
        (50002, "JPEG XL"),
        (999, "999"),
    ):
        (tmp_path / "in.tif").write_bytes(grey_tiff_of(compression))
        with pytest.raises(ImageError, match=name) as caught:
            read_picture(tmp_path / "in.tif")
        assert "damaged" not in str(caught.value), name
    (tmp_path / "in.tif").write_bytes(grey_tiff_of(1, bits=24, bands=7))
    with pytest.raises(ImageError, match="24-bit whole numbers in 7 channels"):
        read_picture(tmp_path / "in.tif")


def jpeg_of(marker: int, bits: int = 8, bands: int = 3) -> bytes:
    frame = bytes((bits, 0, 16, 0, 16, bands)) + bytes((1, 0x11, 0)) * bands
    header = b"\xff" + bytes((marker,)) + struct.pack(">H", len(frame) + 2) + frame
    return b"\xff\xd8\xff\xe0\0\x04ab" + header + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + bytes(9)


def test_rare_kinds_of_jpeg_and_tiff_are_not_called_damaged(tmp_path: Path) -> None:
    for content, name in (
        (jpeg_of(0xC3), "a lossless JPEG file of 8 bits in 3 channels"),
        (jpeg_of(0xF7, bits=16, bands=1), "a JPEG-LS file of 16 bits in 1 channel"),
        (jpeg_of(0xC1, bits=12), "a JPEG file of 12 bits in 3 channels"),
        (jpeg_of(0xC5), "a hierarchical JPEG file"),
        (grey_tiff_of(50001), r"a TIFF file \(8-bit whole numbers in 1 channel, compression WebP"),
        (grey_tiff_of(6), "compression old JPEG"),
    ):
        (tmp_path / "in.pic").write_bytes(content)
        with pytest.raises(ImageError, match=name) as caught:
            read_picture(tmp_path / "in.pic")
        assert "damaged" not in str(caught.value), name
    for content in (jpeg_of(0xC0), grey_tiff_of(5)):
        (tmp_path / "in.pic").write_bytes(content)
        with pytest.raises(ImageError, match="damaged"):
            read_picture(tmp_path / "in.pic")


@pytest.mark.filterwarnings("error")
def test_describing_a_damaged_tiff_warns_nobody(tmp_path: Path) -> None:
    (tmp_path / "cut.tif").write_bytes(grey_tiff_of(6)[:100])
    with pytest.raises(ImageError):
        read_picture(tmp_path / "cut.tif")


def test_a_raw_files_preview_is_not_taken(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    image.save(tmp_path / "in.nef", "TIFF")
    image.save(tmp_path / "in.tif", tiffinfo={50706: b"\1\4\0\0"})
    for name in ("in.nef", "in.tif"):
        with pytest.raises(ImageError, match="raw converter"):
            read_picture(tmp_path / name)


def test_plugins_are_used_where_they_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Plugin:
        def register_heif_opener(self) -> None:
            asked.append("registered")

    def find(name: str) -> Plugin:
        asked.append(name)
        return Plugin()

    monkeypatch.setattr(opening.importlib, "import_module", find)
    for name in ("heic", "jxl"):
        (tmp_path / "in").write_bytes(UNSUPPORTED[name][0])
        with pytest.raises(ImageError):
            read_picture(tmp_path / "in")
    assert asked == ["pillow_heif", "registered", "pillow_jxl"]


def test_pictures_are_not_mistaken_for_something_else() -> None:
    for head in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"", b"P6\n"):
        assert recognise(head) is None, head
