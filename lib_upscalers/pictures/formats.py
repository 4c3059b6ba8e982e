"""The file formats that pictures are written in; their names are the menu."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np

from lib_upscalers.errors import OutputError
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.metadata import EXIF_IFD, GPS_IFD, exif_with_text, profile_for
from lib_upscalers.pictures.picture import Picture, to_pil
from lib_upscalers.pictures.png import PngExtras, write_png
from lib_upscalers.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

Write: TypeAlias = Callable[[BinaryIO, Picture, "int | None"], None]

_EXIF_LABEL = b"Exif\0\0"
_LONGEST_JPEG_SEGMENT = 65533
_FOUR_GIBIBYTES = (1 << 32) - (1 << 20)


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        suffixes: Endings of its file names; the first is the usual one.
        alpha: Whether it keeps transparency; else the picture is laid on white.
        deep: Whether it keeps 16 bits; else they are rounded to 8.
        longest: The longest side that it can hold, in pixels.
        most_bytes: The most bytes of pixels, where they are stored uncompressed; else None.
        feature: What Pillow calls the encoder, where not every Pillow has it; else None.
        write: Writes to an open file a picture that fits the above, and takes the quality,
            1 to 100, or None for the default.
    """

    suffixes: tuple[str, ...]
    alpha: bool
    deep: bool
    longest: int
    most_bytes: int | None
    feature: str | None
    write: Write


FORMATS: Registry[Format] = Registry("an output format")


def output_format(
    name: str,
    *suffixes: str,
    alpha: bool,
    deep: bool,
    longest: int,
    most_bytes: int | None = None,
    feature: str | None = None,
) -> Callable[[Write], Write]:
    """Enter the decorated function into `FORMATS`."""

    def enter(write: Write) -> Write:
        FORMATS.add(name, Format(suffixes, alpha, deep, longest, most_bytes, feature, write))
        return write

    return enter


def check_encoder(chosen: Format) -> None:
    """Check that this Pillow can write a format.

    Raises:
        OutputError: It cannot.
    """
    from PIL import features

    feature = chosen.feature
    if feature is not None and (feature not in features.modules or not features.check(feature)):
        raise OutputError(
            f"Expected a Pillow that can write {chosen.suffixes[0]} files, but this one cannot: "
            "install Pillow 11.3 or newer, or choose another format."
        )


@output_format("png", ".png", alpha=True, deep=True, longest=2**31 - 1)
def write_as_png(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write PNG, which loses nothing, so that quality says nothing."""
    del quality
    metadata = picture.metadata
    extras = PngExtras(
        icc_profile=profile_for(metadata, grey=_is_grey(picture)),
        exif=metadata.exif.removeprefix(_EXIF_LABEL) if metadata.exif else None,
        text=metadata.text,
        dpi=metadata.dpi,
    )
    write_png(file, picture.pixels, picture.alpha, extras)


@output_format("jpeg", ".jpg", ".jpeg", alpha=False, deep=False, longest=65500)
def write_as_jpeg(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write JPEG: quality 95 if not said, colour at full resolution from 90 up."""
    metadata = picture.metadata
    quality = 95 if quality is None else quality
    exif = exif_with_text(metadata) or b""
    if len(exif) > _LONGEST_JPEG_SEGMENT:
        exif = metadata.exif or b""
    to_pil(picture).save(
        file,
        "JPEG",
        quality=quality,
        subsampling=0 if quality >= 90 else 2,
        icc_profile=profile_for(metadata, grey=_is_grey(picture)),
        exif=exif if len(exif) <= _LONGEST_JPEG_SEGMENT else b"",
        dpi=tuple(round(each) for each in metadata.dpi) if metadata.dpi else (0, 0),
    )


@output_format("webp", ".webp", alpha=True, deep=False, longest=16383)
def write_as_webp(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write WebP: quality 95 if not said; 100 is lossless."""
    quality = 95 if quality is None else quality
    _coloured(picture).save(
        file,
        "WEBP",
        quality=quality,
        lossless=quality == 100,
        exact=picture.alpha is not None,
        icc_profile=profile_for(picture.metadata, grey=False) or b"",
        exif=exif_with_text(picture.metadata) or b"",
    )


@output_format("avif", ".avif", alpha=True, deep=False, longest=65536, feature="avif")
def write_as_avif(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write AVIF, where Pillow can: quality 90 if not said."""
    quality = 90 if quality is None else quality
    _coloured(picture).save(
        file,
        "AVIF",
        quality=quality,
        subsampling="4:4:4" if quality >= 90 else "4:2:0",
        icc_profile=profile_for(picture.metadata, grey=False) or b"",
        exif=exif_with_text(picture.metadata) or b"",
    )


@output_format(
    "tiff",
    *(".tif", ".tiff"),
    alpha=True,
    deep=True,
    longest=2**31 - 1,
    most_bytes=_FOUR_GIBIBYTES,
)
def write_as_tiff(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write TIFF, uncompressed, in one strip.

    TIFF Revision 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    del quality
    pixels, alpha = picture.pixels, picture.alpha
    if alpha is not None and pixels.shape[2] == 1 and pixels.dtype == np.uint16:
        # Few readers, and not Pillow, know 16-bit grey with alpha.
        pixels = np.repeat(pixels, 3, axis=2)
    size = pixels.nbytes + (0 if alpha is None else alpha.nbytes)
    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    for tag, value in _tiff_tags(pixels, alpha, picture, size):
        directory[tag] = value
    directory.save(file)
    step = max(1, (1 << 22) // max(1, pixels[:1].nbytes))
    for top in range(0, len(pixels), step):
        rows = pixels[top : top + step]
        if alpha is not None:
            rows = np.concatenate((rows, alpha[top : top + step, :, None]), axis=2)
        file.write(rows.astype(rows.dtype.newbyteorder("<"), order="C").data)


def _tiff_tags(
    pixels: NDArray[Any], alpha: NDArray[Any] | None, picture: Picture, size: int
) -> list[tuple[int, Any]]:
    from PIL import Image

    bands = pixels.shape[2] + (alpha is not None)
    across, down = picture.metadata.dpi or (72.0, 72.0)
    profile = profile_for(picture.metadata, grey=pixels.shape[2] == 1)
    exif = Image.Exif()
    exif_bytes = exif_with_text(picture.metadata)
    if exif_bytes:
        exif.load(exif_bytes)
    described = [(tag, value) for tag, value in exif.items() if tag not in (EXIF_IFD, GPS_IFD)]
    nested = [(tag, dict(exif.get_ifd(tag))) for tag in (EXIF_IFD, GPS_IFD)]
    return [
        *described,
        *((tag, directory) for tag, directory in nested if directory),
        (256, pixels.shape[1]),
        (257, pixels.shape[0]),
        (258, (8 * pixels.dtype.itemsize,) * bands),
        (259, 1),
        (262, 1 if pixels.shape[2] == 1 else 2),
        (273, 0),
        (277, bands),
        (278, pixels.shape[0]),
        (279, size),
        (282, across),
        (283, down),
        (284, 1),
        (296, 2),
        *([(338, 2)] if alpha is not None else []),
        *([(34675, profile)] if profile else []),
    ]


@output_format("bmp", ".bmp", alpha=False, deep=False, longest=32767, most_bytes=_FOUR_GIBIBYTES)
def write_as_bmp(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write BMP, which keeps pixels and nothing else."""
    del quality
    to_pil(picture).save(file, "BMP")


def _is_grey(picture: Picture) -> bool:
    return picture.pixels.shape[2] == 1


def _coloured(picture: Picture) -> Image.Image:
    image = to_pil(picture)
    return image.convert("RGB" if picture.alpha is None else "RGBA")


def flattened(picture: Picture) -> Picture:
    """Return the picture laid on white, for formats without transparency."""
    if picture.alpha is None:
        return picture
    pixels = np.empty_like(picture.pixels)
    step = max(1, (1 << 20) // picture.size.width)
    for top in range(0, len(pixels), step):
        cover = to_depth(picture.alpha[top : top + step, :, None], np.float32)
        colour = to_depth(picture.pixels[top : top + step], np.float32)
        pixels[top : top + step] = to_depth(colour * cover + (1 - cover), pixels.dtype)
    return Picture(pixels, None, picture.metadata)
