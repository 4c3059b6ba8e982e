"""Our PNG writer against Pillow's: ratios of time and of size, below 1 is better.

    python -m benchmarks.png PICTURE [PICTURE ...]

The pictures are enlarged twofold with Lanczos first, which is what this project writes. Both
run by turns; the median of the ratios is printed. Pillow compresses on one core.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from lib_upscalers.pictures.files import read_picture
from lib_upscalers.pictures.png import PngExtras, write_png
from lib_upscalers.resampling.resample import resample_pixels

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

LEVELS = (1, 3, 6)
NOTHING = PngExtras(icc_profile=None, exif=None, text={}, dpi=None)


def ours(pixels: NDArray[Any]) -> tuple[float, int]:
    """Return the seconds that writing takes, and the bytes written."""
    file = io.BytesIO()
    start = time.perf_counter()
    write_png(file, pixels, None, NOTHING)
    return time.perf_counter() - start, file.tell()


def pillows(pixels: NDArray[Any], level: int) -> tuple[float, int]:
    """Return the same for Pillow."""
    file = io.BytesIO()
    start = time.perf_counter()
    Image.fromarray(pixels.squeeze()).save(file, "PNG", compress_level=level)
    return time.perf_counter() - start, file.tell()


def main() -> None:
    """Measure the pictures that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| picture | Pillow's level | time | size |")
    print("|---|---|---|---|")
    for path in options.pictures:
        picture = read_picture(path)
        pixels = resample_pixels(picture.pixels, picture.size.scaled(2), "Lanczos")
        for level in LEVELS:
            pairs = [(ours(pixels), pillows(pixels, level)) for _ in range(options.rounds)]
            faster = statistics.median(mine[0] / other[0] for mine, other in pairs)
            smaller = pairs[0][0][1] / pairs[0][1][1]
            print(f"| {path.name} | {level} | {faster:.2f} | {smaller:.2f} |")


if __name__ == "__main__":
    main()
