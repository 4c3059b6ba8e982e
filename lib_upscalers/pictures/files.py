"""Pictures in files: what came is told, what goes is written whole or not at all."""

from __future__ import annotations

import os
import stat
import struct
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.errors import ImageError, InputError, OutputError
from lib_upscalers.file_writing import writing
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.formats import FORMATS, Format, flattened
from lib_upscalers.pictures.metadata import read_metadata
from lib_upscalers.pictures.picture import (
    Picture,
    decoding,
    from_pil,
    read_bytes,
    split_alpha,
    turned,
)
from lib_upscalers.registry import unknown_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from numpy.typing import NDArray
    from PIL import Image, ImageFile

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "count_frames",
    "format_for",
    "read_picture",
    "write_picture",
]

DEFAULT_MAX_PIXELS = 1 << 28

_PILLOW_LIMIT = threading.Lock()
_SWAPPED = ";16B" if sys.byteorder == "little" else ";16L"
_LOW_BYTES: Mapping[str, str] = {";16B": ";16L", ";16L": ";16B", ";16N": _SWAPPED}


def read_picture(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Read a picture file of any format that Pillow knows; of an animation the first frame.

    8-bit files become uint8, 16-bit ones uint16 (Pillow alone reads 48-bit RGB as 24-bit), float
    TIFF float32. The EXIF orientation is applied.

    Args:
        path: The file.
        max_pixels: Refuse what has more, before it is decoded.

    Raises:
        ImageError: There is no such file, it is no picture, damaged, or over the limit.
    """
    file = Path(path)
    _check_readable(file)
    with _opened(file, max_pixels) as image:
        swapped = _low_byte_tiles(image)
        _load(image)
        if swapped is None:
            return from_pil(image)
        high = _known_bands(image)
        metadata, orientation = read_metadata(image)
        key = image.info.get("transparency")
    with _opened(file, max_pixels) as image:
        image.tile = swapped
        _load(image)
        low = _known_bands(image)
    pixels, alpha = split_alpha(_joined(high, low, paired=swapped[0][3] == "RGBA"))
    if isinstance(key, tuple):
        alpha = np.where((pixels == np.array(key)).all(axis=2), 0, 65535).astype(np.uint16)
    return turned(Picture(pixels, alpha, metadata), orientation)


def count_frames(path: str | os.PathLike[str]) -> int:
    """Return how many frames a picture file holds: 1 for what does not move.

    Raises:
        ImageError: There is no such file, it is no picture, or damaged.
    """
    with _opened(Path(path), DEFAULT_MAX_PIXELS) as image:
        return int(getattr(image, "n_frames", 1))


@contextmanager
def _opened(file: Path, max_pixels: int) -> Generator[ImageFile.ImageFile, None, None]:
    from PIL import Image, UnidentifiedImageError

    with decoding(str(file)):
        try:
            with _limit_lifted():
                image = Image.open(file)
        except UnidentifiedImageError:
            raise ImageError(
                f"Expected a picture, but {file} is in no format that can be read, or damaged at "
                "its start: convert it to PNG, or get it again."
            ) from None
        with image:
            if image.width * image.height > max_pixels:
                raise ImageError(
                    f"Expected at most {max_pixels:,} pixels, but {file} has {image.width} x "
                    f"{image.height} = {image.width * image.height:,}: if you trust the file, "
                    "raise the limit max_pixels."
                )
            yield image


@contextmanager
def _limit_lifted() -> Generator[None, None, None]:
    """Let Pillow open what our own limit allows, without its warning about large pictures."""
    from PIL import Image

    with _PILLOW_LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _load(image: ImageFile.ImageFile) -> None:
    if image.format in ("JPEG", "PNG", "WEBP"):
        image.load()
        return
    # Others look at Pillow's limit once more, so they cannot be loaded side by side.
    with _limit_lifted():
        image.load()


def _check_readable(file: Path) -> None:
    try:
        status = file.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ImageError(
            f"Expected a picture file, but {file} cannot be opened ({reason}): check its name."
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"Expected a picture file, but {file} is a folder: name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"Expected a picture file, but {file} is not a regular file.")
    if status.st_size == 0:
        raise ImageError(f"Expected a picture file, but {file} is empty (0 bytes): get it again.")
    if not os.access(file, os.R_OK):
        raise ImageError(f"Expected a picture file, but {file} may not be read: change its rights.")


def _low_byte_tiles(image: ImageFile.ImageFile) -> list[Any] | None:
    """Return the image's tiles so that decoding them gives the lower byte of 16-bit values.

    Pillow keeps the upper byte of each and drops the other. A tile names the byte order that its
    values are in; with the opposite order Pillow keeps the other byte. Grey with alpha is half as
    wide as RGBA, and comes whole if it is taken for that.

    Returns:
        None where the file has no more than 8 bits, or Pillow keeps all that it has.
    """
    tiles: list[Any] = []
    for tile in image.tile:
        codec, extents, offset, arguments = tile
        listed = (arguments,) if isinstance(arguments, str) else tuple(arguments or ("",))
        name = str(listed[0])
        kind, order = name[:-4], name[-4:]
        if kind not in ("RGB", "RGBA", "RGBX", "LA") or order not in _LOW_BYTES:
            return None
        swapped = "RGBA" if kind == "LA" else kind + _LOW_BYTES[order]
        changed = swapped if isinstance(arguments, str) else (swapped, *listed[1:])
        values = (codec, extents, offset, changed)
        # Since Pillow 11.1 a tile is a named tuple.
        tiles.append(values if type(tile) is tuple else type(tile)(*values))
    return tiles or None


def _known_bands(image: Image.Image) -> NDArray[np.uint8]:
    # Older versions of Pillow also give the fourth of TIFF's bands, whatever it is.
    values = read_bytes(image)
    return values[..., :3] if image.mode == "RGBX" else values


def _joined(high: NDArray[np.uint8], low: NDArray[np.uint8], *, paired: bool) -> NDArray[np.uint16]:
    if paired:
        return low.view(">u2").astype(np.uint16)
    result = high.astype(np.uint16)
    result <<= 8
    result |= low
    return result


def format_for(path: str | os.PathLike[str], name: str | None = None) -> Format:
    """Return the format of that name, or else the one that the file's ending stands for.

    Args:
        path: The file to write.
        name: A name in `FORMATS`, or one of its endings with or without the dot.

    Raises:
        UnknownNameError: There is no such format; the text suggests the nearest.
    """
    ending = Path(path).suffix if name is None else f".{name.lower().lstrip('.')}"
    for known, each in FORMATS.items():
        if ending.lower() in (*each.suffixes, f".{known}"):
            return each
    raise unknown_name("an output format", ending.lstrip(".") if name is None else name, FORMATS)


def write_picture(
    picture: Picture,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - what it is called everywhere else, too
    quality: int | None = None,
    overwrite: bool = True,
    protected: Iterable[str | os.PathLike[str]] = (),
) -> None:
    """Write a picture file, whole or not at all.

    What the format cannot keep is converted: transparency is laid on white, 16 bits are rounded
    to 8, float becomes 16 bits where the format has them. PNG keeps texts; JPEG, WebP, TIFF and
    AVIF keep "parameters" as EXIF's UserComment, as WebUIs do. BMP keeps pixels only.

    Args:
        picture: What to write.
        path: Where; its folder must exist.
        format: A name in `FORMATS` or an ending; None for what the path's ending says.
        quality: 1 to 100 for JPEG, WebP (100 is lossless) and AVIF; None for nearly lossless.
        overwrite: Whether a file of that name is replaced; False refuses it, even one that
            appears while the picture is encoded.
        protected: Files that are never replaced, such as the run's inputs.

    Raises:
        InputError: The format is unknown, or the quality out of range.
        AlreadyExistsError: There is a file of that name, and `overwrite` is False.
        DiskFullError: The disk is full.
        OutputError: The file cannot be written there, or the format cannot hold the picture.
    """
    file = Path(path)
    chosen = format_for(file, format)
    if quality is not None and not 1 <= quality <= 100:
        raise InputError(f"Expected a quality from 1 to 100, but got {quality}.")
    size = picture.size
    if max(size.width, size.height) > chosen.longest:
        raise OutputError(
            f"Expected sides of at most {chosen.longest} pixels for {chosen.suffixes[0]} files, "
            f"but got {size}: choose PNG, or a smaller size."
        )
    fitting = _fitting(picture, chosen)
    with (
        writing(file, overwrite=overwrite, protected=protected) as stream,
        _encoding(file),
    ):
        chosen.write(stream, fitting, quality)


def _fitting(picture: Picture, chosen: Format) -> Picture:
    if not chosen.alpha:
        picture = flattened(picture)
    deep = picture.pixels.dtype != np.uint8 and chosen.deep
    dtype = np.uint16 if deep else np.uint8
    alpha = None if picture.alpha is None else to_depth(picture.alpha, dtype)
    return replace(picture, pixels=to_depth(picture.pixels, dtype), alpha=alpha)


@contextmanager
def _encoding(file: Path) -> Generator[None, None, None]:
    """Turn what an encoder raises, but for trouble with the file, into an OutputError."""
    try:
        yield
    except (KeyError, ValueError, struct.error) as error:
        raise OutputError(
            f"Expected to write {file}, but its encoder failed ({error}): choose another format."
        ) from error
