"""Read and write picture files; a write replaces its target whole or leaves it untouched."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.errors import ImageError, InputError, OutputError, UpscalerError
from lib_upscalers.file_writing import writing
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.corrections import correct, stored_size
from lib_upscalers.pictures.deep_tiles import deep_tiles, join_bytes, known_bands
from lib_upscalers.pictures.file_facts import read_facts
from lib_upscalers.pictures.formats import FORMATS, Format, check_encoder, flattened
from lib_upscalers.pictures.metadata import read_metadata
from lib_upscalers.pictures.metadata_fit import fit_metadata
from lib_upscalers.pictures.opening import check_readable, load, opened, quietly
from lib_upscalers.pictures.picture import Picture, from_pil, oriented
from lib_upscalers.pictures.tiff_kind import is_uncompressed_tiff
from lib_upscalers.registry import unknown_name

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable

    from PIL import ImageFile

    from lib_upscalers.file_writing import Finished
__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "check_output",
    "encoding",
    "fit_picture",
    "format_for",
    "lossy_note",
    "picture_size",
    "read_page",
    "read_picture",
    "write_picture",
]

DEFAULT_MAX_PIXELS = 1 << 28
# The values of EXIF's orientation that exchange width and height.
_TRANSPOSED = (5, 6, 7, 8)


def read_picture(
    path: str | os.PathLike[str],
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    partial: bool = False,
) -> Picture:
    """Read a picture file of any format that Pillow knows.

    8-bit files become uint8, 16-bit ones uint16 (Pillow alone reads 48-bit RGB as 24-bit), float
    TIFF float32. The EXIF orientation is applied. HEIC and JPEG XL are read where the packages
    pillow-heif and pillow-jxl-plugin are installed.

    What the file holds and the picture does not, such as an animation's other frames, is in the
    picture's `notes`, a sentence each, to be shown to the user.

    Args:
        path: The file.
        max_pixels: Refuse what has more, before it is decoded.
        partial: Whether a file that is damaged or cut short is read up to the damage; the rest is
            black, grey or transparent, and a note says so. JPEG, PNG, GIF, BMP and others whose
            first part can be decoded alone; WebP and AVIF are refused in any case.

    Raises:
        ImageError: There is no such file, it is no picture, of an unsupported format, damaged,
            or over the limit.
    """
    file = Path(path)
    check_readable(file)
    if not partial:
        return _read(file, max_pixels, truncated=False)
    try:
        return _read(file, max_pixels, truncated=False)
    except ImageError as error:
        picture = _read(file, max_pixels, truncated=True)
        if not picture.pixels.any():
            raise ImageError(
                f"Expected some pixels in {file}, but none can be decoded: get it again."
            ) from error
    note = "The file is damaged or cut short: what could be decoded is taken, the rest is empty."
    return replace(picture, notes=(*picture.notes, note))


def read_page(path: Path, place: int, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Read one page of a file, in its own depth and with its own metadata.

    Args:
        path: The file.
        place: The page's number, from 0.
        max_pixels: As in `read_picture`.

    Raises:
        ImageError: It cannot be read.
    """
    return _read(path, max_pixels, truncated=False, page=place)


def _read(file: Path, max_pixels: int, *, truncated: bool, page: int | None = None) -> Picture:
    read = partial(_decode, file, max_pixels, truncated=truncated, page=page)
    try:
        return read(by_libtiff=False)
    except ImageError as error:
        # Some uncompressed files, as of tiles that reach beyond the picture, or of YCbCr, are whole
        # for libtiff alone.
        if not is_uncompressed_tiff(file):
            raise
        try:
            return read(by_libtiff=True)
        except ImageError:
            raise error from None


def _decode(
    file: Path, max_pixels: int, *, truncated: bool, page: int | None, by_libtiff: bool
) -> Picture:
    open_file = partial(opened, file, max_pixels, truncated=truncated, by_libtiff=by_libtiff)
    with open_file() as image:
        with quietly(max_pixels, by_libtiff=by_libtiff):
            notes = _frame_notes(image) if page is None else ()
            if page is not None:
                image.seek(page)
        facts = read_facts(file, image)
        correct(image)
        tiles = deep_tiles(image)
        if tiles is None:
            load(image, max_pixels, truncated=truncated)
            picture = from_pil(image, facts)
            return replace(picture, notes=(*notes, *picture.notes))
        image.tile = tiles.high
        load(image, max_pixels, truncated=truncated)
        high = known_bands(image)
        metadata, orientation, found = read_metadata(image, replace(facts, bits=None))
        key = image.info.get("transparency")
    with open_file() as image:
        if page is not None:
            with quietly(max_pixels, by_libtiff=by_libtiff):
                image.seek(page)
        image.tile = tiles.low
        load(image, max_pixels, truncated=truncated)
        low = known_bands(image)
    pixels, alpha = join_bytes(high, low, tiles)
    if isinstance(key, tuple):
        alpha = np.where((pixels == np.array(key)).all(axis=2), 0, 65535).astype(np.uint16)
    return oriented(Picture(pixels, alpha, metadata, (*notes, *found)), orientation)


def picture_size(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Size:
    """Return the size that a picture file has once it is read, from its header alone.

    Raises:
        ImageError: As `read_picture`.
    """
    file = Path(path)
    check_readable(file)
    with opened(file, max_pixels) as image:
        _, orientation, _ = read_metadata(image)
        width, height = stored_size(image)
    return Size(height, width) if orientation in _TRANSPOSED else Size(width, height)


def _frame_notes(image: ImageFile.ImageFile) -> tuple[str, ...]:
    """Return notes about frames, pages or sizes beyond the one that is read."""
    sizes = image.info.get("sizes")
    if image.format in ("ICO", "ICNS") and isinstance(sizes, (set, list)) and len(sizes) > 1:
        return (f"A file of {len(sizes)} sizes: the largest is taken.",)
    frames = int(getattr(image, "n_frames", 1))
    if frames < 2 or image.format == "PSD":
        return ()
    if image.format == "TIFF":
        return (f"A file of {frames} pages: the first is taken.",)
    if image.format == "MPO":
        return (f"A file of {frames} pictures: the first is taken.",)
    return (f"An animation of {frames} frames: the first is taken.",)


def format_for(path: str | os.PathLike[str], name: str | None = None) -> Format:
    """Return the format of that name, or else the one of the file's ending.

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
    finished: Finished | None = None,
) -> tuple[str, ...]:
    """Write a picture file, whole or not at all.

    What the format cannot hold is converted: transparency is composited on white, 16 bits are
    rounded to 8, float becomes 16 bits where the format has them. ICC profile, EXIF, XMP and texts
    go into PNG, JPEG, WebP, TIFF and AVIF, texts as `fit_metadata` describes; BMP holds pixels
    only.

    Args:
        picture: What to write.
        path: Where; its folder must exist.
        format: A name in `FORMATS` or an ending; None for that of the path's ending.
        quality: 1 to 100 for JPEG, WebP (100 is lossless) and AVIF; None for nearly lossless.
        overwrite: Whether a file of that name is replaced; False refuses it, even one that
            appears while the picture is encoded.
        protected: Files that are never replaced, such as the run's inputs.
        finished: Called with the whole file, under its temporary name, before it takes its own.

    Returns:
        What of the picture is not in the file, a sentence each, to be shown to the user.

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
    alpha = picture.alpha is not None
    notes = check_output(
        file,
        picture.size,
        format=format,
        channels=picture.pixels.shape[2],
        deep=picture.pixels.dtype != np.uint8,
        alpha=alpha,
    )
    fitting, left_out = fit_picture(picture, chosen)
    if picture.metadata.lossless and (quality or 0) < chosen.lossless_from:
        left_out = (*left_out, lossy_note(chosen))
    size = fitting.pixels.nbytes if chosen.most_bytes else 0
    with (
        writing(
            file, overwrite=overwrite, protected=protected, size=size, finished=finished
        ) as stream,
        encoding(file),
    ):
        chosen.write(stream, fitting, quality)
    return (*notes, *left_out)


def check_output(
    path: str | os.PathLike[str],
    size: Size,
    *,
    format: str | None = None,  # noqa: A002 - as in write_picture
    channels: int = 3,
    deep: bool = False,
    alpha: bool = False,
) -> tuple[str, ...]:
    """Check before any work whether an output format can hold a picture.

    Args:
        path: The file to write; only its ending matters.
        size: Of the result.
        format: As in `write_picture`.
        channels: 1 for grey, 3 for RGB.
        deep: Whether the picture has more than 8 bits a channel.
        alpha: Whether it has transparency.

    Returns:
        What would be converted, a sentence each; also what `write_picture` returns of it.

    Raises:
        UnknownNameError: There is no such format.
        OutputError: The format cannot hold that size, or this Pillow cannot write it.
    """
    chosen = format_for(path, format)
    ending = chosen.suffixes[0]
    if max(size.width, size.height) > chosen.longest:
        raise OutputError(
            f"Expected sides of at most {chosen.longest} pixels for {ending} files, "
            f"but got {size}: choose PNG, or a smaller size."
        )
    check_encoder(chosen)
    needed = size.area * (channels + (alpha and chosen.alpha)) * (1 + (deep and chosen.deep))
    if chosen.most_bytes is not None and needed > chosen.most_bytes:
        raise OutputError(
            f"Expected less than {chosen.most_bytes / 2**30:.0f} GiB for {ending} files, but "
            f"{size} are {needed / 2**30:.1f} GiB: choose PNG, or a smaller size."
        )
    notes: list[str] = []
    if alpha and not chosen.alpha:
        notes.append(f"Transparency is laid on white, as {ending} files have none.")
    if deep and not chosen.deep:
        notes.append(f"Colours are rounded to 8 bits, as {ending} files have no more here.")
    return tuple(notes)


def fit_picture(picture: Picture, chosen: Format) -> tuple[Picture, tuple[str, ...]]:
    """Return the picture as the format can store it, and notes about metadata that it cannot."""
    if not chosen.alpha:
        picture = flattened(picture)
    deep = picture.pixels.dtype != np.uint8 and chosen.deep
    dtype = np.uint16 if deep else np.uint8
    alpha = None if picture.alpha is None else to_depth(picture.alpha, dtype)
    pixels = to_depth(picture.pixels, dtype)
    if pixels.shape[2] == 1 and not chosen.holds_grey(deep=deep, alpha=alpha is not None):
        pixels = np.repeat(pixels, 3, axis=2)
    metadata, notes = fit_metadata(
        picture.metadata, chosen.room, chosen.suffixes[0], grey=pixels.shape[2] == 1
    )
    return Picture(pixels, alpha, metadata), notes


def lossy_note(chosen: Format) -> str:
    """Return what to say where a file was lossless and the result is not."""
    ending = chosen.suffixes[0]
    if chosen.lossless_from > 100:
        return f"The file was lossless, and a {ending} file is not: PNG is."
    return f"The file was lossless, and the result is not: quality {chosen.lossless_from} is."


@contextmanager
def encoding(file: Path) -> Generator[None, None, None]:
    """Turn what an encoder raises, but for trouble with the file, into an OutputError."""
    try:
        yield
    except UpscalerError:
        raise
    except (KeyError, ValueError, struct.error) as error:
        raise OutputError(
            f"Expected to write {file}, but its encoder failed ({error}): choose another format."
        ) from error
