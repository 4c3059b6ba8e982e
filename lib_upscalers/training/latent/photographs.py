"""The pictures of a user, as squares to train on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lib_upscalers.errors import InputError
from lib_upscalers.pictures.names import PICTURE_SUFFIXES, names_a_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lib_upscalers.training.drawing.degrade import Bytes


def find_photographs(folder: Path | None) -> Sequence[Path]:
    """Return the pictures of a folder and its sub-folders that can be opened; none for None.

    Raises:
        InputError: There is none.
    """
    if folder is None:
        return ()
    found: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if names_a_picture(path):
            with suppress(OSError, ValueError), Image.open(path):
                found.append(path)
    if not found:
        raise InputError(
            f"Expected pictures ({', '.join(PICTURE_SUFFIXES)}) in {folder}, but found none that "
            "can be opened; name another folder, or none."
        )
    return found


def cut_square(path: Path, side: int, rng: np.random.Generator) -> Bytes:
    """Return a random square of a picture, shrunk by a random factor: uint8 (side, side, 3).

    Raises:
        OSError: The picture is damaged or gone.
    """
    with Image.open(path) as image:
        picture = image.convert("RGB")
    least = min(picture.size)
    # Between all of the picture and no shrinking; small pictures are enlarged.
    wanted = int(min(least, np.exp(rng.uniform(np.log(side), np.log(max(side, least))))))
    left, top = (int(rng.integers(0, length - wanted + 1)) for length in picture.size)
    box = (left, top, left + wanted, top + wanted)
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS, box=box))
