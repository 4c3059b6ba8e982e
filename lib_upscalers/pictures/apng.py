"""Write animated PNG files frame by frame.

APNG is part of PNG (Portable Network Graphics) Specification, Third Edition,
https://www.w3.org/TR/png-3/#apng-frame-based-animation.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lib_upscalers.pictures.png import deflated, write_chunk, write_extras, write_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.pictures.png import PngExtras

_MOST = 65535


def write_apng(
    file: BinaryIO,
    pictures: Iterable[Picture],
    extras: PngExtras,
    milliseconds: Sequence[float],
    plays: int,
) -> None:
    """Write an animation; each picture is written before the next is asked for.

    Args:
        file: Where to.
        pictures: The frames, all of one size, depth and kind, uint8 or uint16.
        extras: What goes with the pixels.
        milliseconds: How long each is shown.
        plays: How often all are shown; 0 without an end.
    """
    number = 0
    for index, (picture, time) in enumerate(zip(pictures, milliseconds, strict=True)):
        if index == 0:
            write_head(file, picture.pixels, picture.alpha)
            write_chunk(file, b"acTL", struct.pack(">II", len(milliseconds), plays))
            write_extras(file, extras)
        size = picture.size
        control = struct.pack(">IIIII", number, size.width, size.height, 0, 0)
        # Each frame replaces all of the one before.
        write_chunk(file, b"fcTL", control + struct.pack(">HHBB", *_fraction(time), 0, 0))
        number += 1
        for data in deflated(picture.pixels, picture.alpha):
            if index == 0:
                write_chunk(file, b"IDAT", data)
            else:
                write_chunk(file, b"fdAT", struct.pack(">I", number) + data)
                number += 1
    write_chunk(file, b"IEND", b"")


def _fraction(milliseconds: float) -> tuple[int, int]:
    """Return a time as a fraction of seconds, as exact as 16 bits allow."""
    for parts in (1000, 100, 10, 1):
        count = round(milliseconds * parts / 1000)
        if count <= _MOST:
            return count, parts
    return _MOST, 1
