"""Damage picture files at random and read them: done or refused, and nothing else.

python -m tests.fuzz.pictures --minutes 10 --keep found/
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, PngImagePlugin, features

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures.files import read_picture
from tests.fuzz.fuzzing import Fuzzer, damaged, run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

_MOST_PIXELS = 1 << 18


def seeds() -> dict[str, bytes]:
    """Return small files of every format and kind that is read, by name."""
    rng = np.random.default_rng(0)
    plain = Image.fromarray(rng.integers(0, 256, (12, 17, 3), dtype=np.uint8))
    clear = Image.fromarray(rng.integers(0, 256, (12, 17, 4), dtype=np.uint8))
    frames = [plain, plain.rotate(180)]
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "workflow:{}", 6
    exif[0x8769] = {0x9286: b"UNICODE\0" + "a cat".encode("utf-16-be")}
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a cat", zip=True)
    texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta><rdf:RDF></rdf:RDF></x:xmpmeta>")
    for kind, data in ((b"cICP", bytes((9, 16, 0, 1))), (b"gAMA", b"\0\1\x86\xa0")):
        texts.add(kind, data)
    wide = Image.fromarray(rng.integers(0, 65536, (12, 17), dtype=np.uint16))
    floats = Image.fromarray(rng.random((12, 17), dtype=np.float32) * 900 - 100)
    made: dict[str, bytes] = {}

    def save(name: str, image: Image.Image, kind: str, **options: object) -> None:
        file = io.BytesIO()
        image.save(file, kind, **options)
        made[name] = file.getvalue()

    save("texts.png", plain, "PNG", pnginfo=texts, exif=exif)
    save("clear.png", clear, "PNG")
    save("palette.png", clear.quantize(9), "PNG")
    save("moving.png", plain, "PNG", save_all=True, append_images=frames)
    save("grey16.png", wide, "PNG")
    save("plain.jpg", plain, "JPEG", exif=exif, xmp=b"<x/>", dpi=(72, 72))
    save("progressive.jpg", plain, "JPEG", progressive=True)
    save("cmyk.jpg", plain.convert("CMYK"), "JPEG")
    save("moving.gif", plain, "GIF", save_all=True, append_images=frames)
    save("lossy.webp", clear, "WEBP", exif=exif)
    save("lossless.webp", plain, "WEBP", lossless=True)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        save(f"{compression}.tif", plain, "TIFF", compression=compression)
    save("float.tif", floats, "TIFF")
    save("pages.tif", plain, "TIFF", save_all=True, append_images=frames)
    for kind in ("BMP", "TGA", "PPM", "ICO", "PCX", "SGI", "DDS"):
        save(f"plain.{kind.lower()}", clear if kind in ("ICO", "DDS") else plain, kind)
    if features.check("jpg_2000"):
        save("plain.jp2", plain, "JPEG2000")
    if features.check("avif"):
        save("plain.avif", clear, "AVIF", exif=exif)
    return made


def check(file: Path) -> str:
    """Read a file in both ways; return "done" or "refused".

    Raises:
        Exception: What reading must never raise.
    """
    result = "done"
    for partial in (False, True):
        try:
            picture = read_picture(file, max_pixels=_MOST_PIXELS, partial=partial)
        except ImageError as error:
            result = "refused" if str(error).startswith("Expected") else str(error)
        else:
            assert picture.size.area <= _MOST_PIXELS
            assert all(note.endswith(".") for note in picture.notes)
    return result


@contextmanager
def prepared(folder: Path) -> Generator[Callable[[Path], str]]:
    """Yield the check; it needs nothing."""
    del folder
    yield check


FUZZER = Fuzzer(
    "Read damaged pictures at random.", seeds, prepared, lambda _, data, rng: damaged(data, rng)
)

if __name__ == "__main__":
    run(FUZZER)
