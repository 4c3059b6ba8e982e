"""Damage picture files at random and read them: done or refused, and nothing else.

python -m tests.fuzz.pictures --minutes 10 --keep found/
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, PngImagePlugin, features

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures.files import read_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with some bytes changed, removed, repeated, or the end cut off."""
    wrong = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        # Headers say more than pixels.
        reach = len(wrong) if rng.random() < 0.4 else min(len(wrong), 300)
        place = int(rng.integers(0, max(1, reach)))
        length = int(rng.integers(1, 9))
        choice = rng.integers(0, 6)
        if choice == 0:
            wrong[place : place + length] = rng.bytes(length)
        elif choice == 1:
            wrong[place : place + length] = b"\xff" * length
        elif choice == 2:
            wrong[place : place + length] = bytes(length)
        elif choice == 3:
            del wrong[place : place + length]
        elif choice == 4:
            wrong[place:place] = wrong[place : place + 4 * length]
        elif rng.random() < 0.3:
            del wrong[place:]
    return bytes(wrong)


def cases(seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged files for ever: their names, with the number of the case, and contents."""
    files = list(seeds().items())
    number = 0
    while True:
        rng = np.random.default_rng((seed, number))
        name, data = files[int(rng.integers(len(files)))]
        yield f"{seed}-{number}-{name}", damaged(data, rng)
        number += 1


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


def fuzz(folder: Path, seconds: float, seed: int) -> dict[str, int]:
    """Check damaged files for some time; return how many were done and refused.

    Raises:
        AssertionError: A file did something else; it lies in `folder`.
    """
    counts = {"done": 0, "refused": 0}
    end = time.monotonic() + seconds
    for name, data in cases(seed):
        if time.monotonic() > end:
            break
        file = folder / name
        file.write_bytes(data)
        start = time.monotonic()
        try:
            counts[check(file)] += 1
        except Exception as error:
            raise AssertionError(f"{file}: {type(error).__name__}: {error}") from error
        assert time.monotonic() - start < 30, f"{file} takes too long"
        file.unlink()
    return counts


def main() -> None:
    """Run the fuzzer from the command line."""
    parser = argparse.ArgumentParser(description="Read damaged pictures at random.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"), metavar="FOLDER")
    options = parser.parse_args()
    logging.disable()
    options.keep.mkdir(parents=True, exist_ok=True)
    counts = fuzz(options.keep, options.minutes * 60, options.seed)
    sys.stdout.write(f"seed {options.seed}: {counts}, nothing else\n")


if __name__ == "__main__":
    main()
