"""Read every file in folders of test pictures, and count what becomes of them.

    UPSCALER_LAB_CORPUS=folder:another python -m tests.corpus.pictures

Each file is "done", "refused" (a sentence that names the cause) or "internal" (anything else, of
which there must be none). What is done is compared with Pillow where Pillow reads the same: the
pixels are equal, and enlarged by Lanczos they are within 2 levels; otherwise it is "different".
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from lib_upscalers.errors import ImageError
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.resampling.resample import resample_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from lib_upscalers.pictures.picture import Picture

VARIABLE = "UPSCALER_LAB_CORPUS"
KINDS = ("done", "refused", "different", "internal")
# Pillow's modes whose conversion to bytes of grey or colour, and alpha, leaves no choice.
_PLAIN = ("1", "L", "LA", "P", "RGB", "RGBA")
_LARGEST_TO_ENLARGE = 1 << 16


def folders() -> list[Path]:
    """Return the folders that the environment names; none where it names none."""
    return [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]


def files(places: Iterable[Path]) -> Iterator[Path]:
    """Yield all files in folders, in order."""
    for place in places:
        yield from (path for path in sorted(place.rglob("*")) if path.is_file())


def classify(path: Path) -> tuple[str, str]:
    """Return one of `KINDS`, and the notes or the reason."""
    try:
        picture = read_picture(path)
        difference = compare(picture, path)
    except ImageError as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return "internal", f"{type(error).__name__}: {error}"
    if difference:
        return "different", difference
    return "done", " ".join(picture.notes)


def compare(picture: Picture, path: Path) -> str:
    """Return how a picture differs from what Pillow reads, "" if it does not."""
    theirs = pillows(path) if picture.pixels.dtype == np.uint8 else None
    if theirs is None:
        return ""
    ours = as_rgba(picture)
    if ours.shape != theirs.shape:
        return f"Pillow has {theirs.shape}, but this is {ours.shape}."
    if (ours[..., 3] != theirs[..., 3]).any():
        return "Transparency is not Pillow's."
    seen = theirs[..., 3] > 0
    levels = int(np.abs(ours.astype(int) - theirs)[seen].max(initial=0))
    if levels:
        return f"{levels} levels from Pillow's pixels."
    if theirs[..., 3].min() < 255 or seen.size > _LARGEST_TO_ENLARGE:
        return ""
    return compare_enlarged(theirs[..., :3])


def compare_enlarged(pixels: NDArray[Any]) -> str:
    """Return how an opaque picture's Lanczos enlargement differs from Pillow's, "" if not."""
    height, width, _ = pixels.shape
    ours = resample_pixels(pixels, Size(2 * width, 2 * height), "Lanczos")
    theirs = Image.fromarray(pixels).resize((2 * width, 2 * height), Image.Resampling.LANCZOS)
    levels = int(np.abs(ours.astype(int) - np.asarray(theirs)).max())
    return f"{levels} levels from Pillow's Lanczos." if levels > 2 else ""


def pillows(path: Path) -> NDArray[Any] | None:
    """Return the pixels that Pillow reads as (H, W, 4), None where it may well read others."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                image.load()
                if image.mode not in _PLAIN:
                    return None
                return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
    except Exception:  # noqa: BLE001 - Pillow stumbles over metadata that we leave out
        return None


def as_rgba(picture: Picture) -> NDArray[Any]:
    """Return a picture's pixels as (H, W, 4)."""
    colour = np.broadcast_to(picture.pixels, (*picture.pixels.shape[:2], 3))
    alpha = np.full(colour.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    return np.dstack([colour, alpha])


def main() -> int:
    """Print what became of each file, and the sums; return 1 if any was internal."""
    logging.disable()
    counts: defaultdict[str, int] = defaultdict(int)
    for path in files(folders()):
        kind, text = classify(path)
        counts[kind] += 1
        if kind != "done" or text:
            sys.stdout.write(f"{kind}\t{path}\t{text}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{ {kind: counts[kind] for kind in KINDS} }\n")
    return int(counts["internal"] > 0)


if __name__ == "__main__":
    sys.exit(main())
