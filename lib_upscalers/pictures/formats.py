"""The file formats that pictures are written in; their names are the menu."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np

from lib_upscalers.errors import OutputError
from lib_upscalers.geometry import row_strips
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.metadata import EXIF_IFD, GPS_IFD, exif_of
from lib_upscalers.pictures.metadata_fit import Room
from lib_upscalers.pictures.picture import Picture, to_pil
from lib_upscalers.pictures.png import PngExtras, write_png
from lib_upscalers.pictures.xmp import JPEG_LABEL, PNG_KEY
from lib_upscalers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lib_upscalers.pictures.colour_spaces import CodePoints
    from lib_upscalers.pictures.metadata import Metadata

Write: TypeAlias = Callable[[BinaryIO, Picture, "int | None"], None]

_EXIF_LABEL = b"Exif\0\0"
_JPEG_SEGMENT = 65533
_FOUR_GIBIBYTES = (1 << 32) - (1 << 20)
_XMP_TAG = 700
_NEVER = 101


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        suffixes: Endings of its file names; the first is the usual one.
        alpha: Whether it holds transparency; else the picture is composited on white.
        deep: Whether it holds 16 bits; else they are rounded to 8.
        grey: Whether it holds grey; else grey becomes RGB.
        deep_grey_alpha: Whether it holds grey of 16 bits with transparency.
        longest: The longest side that it can hold, in pixels.
        most_bytes: The most bytes of pixels, where they are stored uncompressed; else None.
        feature: Pillow's name of the encoder, if not every Pillow has it; else None.
        lossless_from: The quality from which nothing is lost: 0 for always, 101 for never.
        room: The metadata that it holds.
        write: Writes to an open file a picture that fits the above, metadata included, and takes
            the quality, 1 to 100, or None for the default.
    """

    suffixes: tuple[str, ...]
    alpha: bool
    deep: bool
    grey: bool
    deep_grey_alpha: bool
    longest: int
    most_bytes: int | None
    feature: str | None
    lossless_from: int
    room: Room
    write: Write

    def holds_grey(self, *, deep: bool, alpha: bool) -> bool:
        """Return whether it holds grey of that depth, with or without transparency."""
        return self.grey and (self.deep_grey_alpha or not (deep and alpha))


FORMATS: Registry[Format] = Registry("an output format")


def output_format(
    name: str,
    *suffixes: str,
    alpha: bool,
    deep: bool,
    longest: int,
    grey: bool = True,
    deep_grey_alpha: bool = True,
    most_bytes: int | None = None,
    feature: str | None = None,
    lossless_from: int = 0,
    room: Room | None = None,
) -> Callable[[Write], Write]:
    """Register the decorated function in `FORMATS`; the arguments are those of `Format`."""

    def enter(write: Write) -> Write:
        entry = Format(
            suffixes,
            alpha=alpha,
            deep=deep,
            grey=grey,
            deep_grey_alpha=deep_grey_alpha,
            longest=longest,
            most_bytes=most_bytes,
            feature=feature,
            lossless_from=lossless_from,
            room=room or Room(),
            write=write,
        )
        FORMATS.add(name, entry)
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


@output_format("png", ".png", alpha=True, deep=True, longest=2**31 - 1, room=Room(text=True))
def write_as_png(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write PNG, which is lossless, so that quality has no meaning."""
    del quality
    write_png(file, picture.pixels, picture.alpha, png_extras(picture))


def png_extras(picture: Picture) -> PngExtras:
    """Return what PNG holds of a picture's metadata."""
    metadata = picture.metadata
    text = dict(metadata.text)
    if metadata.xmp:
        text[PNG_KEY] = metadata.xmp.decode("utf-8", errors="replace")
    points = metadata.points
    chunks = () if points is None else ((b"cICP", bytes((*points, 0, 1))), *metadata.hdr_chunks)
    return PngExtras(
        icc_profile=metadata.icc_profile,
        exif=metadata.exif.removeprefix(_EXIF_LABEL) if metadata.exif else None,
        text=text,
        dpi=metadata.dpi,
        chunks=chunks,
    )


def pillow_metadata(metadata: Metadata) -> dict[str, bytes]:
    """Return a picture's profile, EXIF and XMP as Pillow's writers of WebP and AVIF take them."""
    return {
        "icc_profile": metadata.icc_profile or b"",
        "exif": metadata.exif or b"",
        "xmp": metadata.xmp or b"",
    }


@output_format(
    "jpeg",
    *(".jpg", ".jpeg"),
    alpha=False,
    deep=False,
    longest=65500,
    lossless_from=_NEVER,
    room=Room(exif=_JPEG_SEGMENT, xmp=_JPEG_SEGMENT - len(JPEG_LABEL)),
)
def write_as_jpeg(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write JPEG: quality 95 by default, colour at full resolution from 90 up."""
    metadata = picture.metadata
    quality = 95 if quality is None else quality
    to_pil(picture).save(
        file,
        "JPEG",
        quality=quality,
        subsampling=0 if quality >= 90 else 2,
        icc_profile=metadata.icc_profile,
        exif=metadata.exif or b"",
        # Pillow has written XMP by itself only since 11.0.
        xmp=b"",
        extra=_xmp_segment(metadata.xmp),
        dpi=_jpeg_dpi(metadata.dpi),
    )


def _jpeg_dpi(dpi: tuple[float, float] | None) -> tuple[int, int]:
    """Return a resolution as JPEG's two bytes hold it; zeros for none, and where they do not."""
    across, down = (round(each) for each in dpi or (0, 0))
    return (across, down) if min(across, down) > 0 and max(across, down) < 1 << 16 else (0, 0)


def _xmp_segment(packet: bytes | None) -> bytes:
    if not packet:
        return b""
    content = JPEG_LABEL + packet
    return b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content


@output_format(
    "webp",
    ".webp",
    alpha=True,
    deep=False,
    grey=False,
    longest=16383,
    lossless_from=100,
    room=Room(comfy=True, dpi=False),
)
def write_as_webp(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write WebP: quality 95 by default; 100 is lossless."""
    quality = 95 if quality is None else quality
    to_pil(picture).save(
        file,
        "WEBP",
        quality=quality,
        lossless=quality == 100,
        exact=picture.alpha is not None,
        **pillow_metadata(picture.metadata),
    )


@output_format(
    "avif",
    ".avif",
    alpha=True,
    deep=False,
    grey=False,
    # AVIF itself allows 65,536, but libavif, and so Pillow and browsers, read no more than this.
    longest=32768,
    feature="avif",
    lossless_from=_NEVER,
    room=Room(comfy=True, dpi=False),
)
def write_as_avif(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write AVIF, if Pillow can: quality 90 by default."""
    quality = 90 if quality is None else quality
    metadata = picture.metadata
    stream = BytesIO()
    to_pil(picture).save(
        stream,
        "AVIF",
        quality=quality,
        subsampling="4:4:4" if quality >= 90 else "4:2:0",
        **pillow_metadata(metadata),
    )
    file.write(with_points(stream.getvalue(), metadata.points))


def with_points(data: bytes, points: CodePoints | None) -> bytes:
    """Return an AVIF file with other code points; Pillow writes those of sRGB."""
    place = data.find(b"colrnclx")
    if points is None or not 0 <= place < data.find(b"mdat"):
        return data
    numbers = points.primaries.to_bytes(2, "big") + points.transfer.to_bytes(2, "big")
    return data[: place + 8] + numbers + data[place + 12 :]


@output_format(
    "tiff",
    *(".tif", ".tiff"),
    alpha=True,
    deep=True,
    # Few readers, and not Pillow, support 16-bit grey with alpha.
    deep_grey_alpha=False,
    longest=2**31 - 1,
    most_bytes=_FOUR_GIBIBYTES,
)
def write_as_tiff(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write TIFF, uncompressed, in one strip."""
    del quality
    write_tiff_pages(file, (picture,))


def write_tiff_pages(file: BinaryIO, pictures: Iterable[Picture]) -> None:
    """Write TIFF, uncompressed, one strip a page; each is written before the next is asked for.

    TIFF Revision 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf.

    Args:
        file: Where to, seekable.
        pictures: The pages, of any sizes and kinds.

    Raises:
        OutputError: They are more than 4 GiB.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    file.write(b"II*\0" + struct.pack("<I", 8))
    link = 4
    for picture in pictures:
        start = file.seek(0, 2)
        start += file.write(b"\0" * (start % 2))
        pixels, alpha = picture.pixels, picture.alpha
        size = pixels.nbytes + (0 if alpha is None else alpha.nbytes)
        if start + size > _FOUR_GIBIBYTES:
            raise OutputError(
                "Expected less than 4 GiB for all pages of a TIFF file, but got more: choose a "
                "smaller size, or write one file a page."
            )
        directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
        for tag, value in _tiff_tags(pixels, alpha, picture, size):
            directory[tag] = value
        entries = directory.tobytes(start)
        file.write(entries)
        _write_tiff_strips(file, pixels, alpha)
        file.seek(link)
        file.write(struct.pack("<I", start))
        link = start + 2 + 12 * struct.unpack("<H", entries[:2])[0]
    file.seek(0, 2)


def _write_tiff_strips(file: BinaryIO, pixels: NDArray[Any], alpha: NDArray[Any] | None) -> None:
    for strip in row_strips(len(pixels), pixels[:1].nbytes):
        rows = pixels[strip]
        if alpha is not None:
            rows = np.concatenate((rows, alpha[strip, :, None]), axis=2)
        file.write(rows.astype(rows.dtype.newbyteorder("<"), order="C").data)


def _tiff_tags(
    pixels: NDArray[Any], alpha: NDArray[Any] | None, picture: Picture, size: int
) -> list[tuple[int, Any]]:
    bands = pixels.shape[2] + (alpha is not None)
    across, down = picture.metadata.dpi or (72.0, 72.0)
    metadata = picture.metadata
    exif = exif_of(metadata.exif)
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
        *([(_XMP_TAG, metadata.xmp)] if metadata.xmp else []),
        *([(34675, metadata.icc_profile)] if metadata.icc_profile else []),
    ]


@output_format(
    "bmp",
    ".bmp",
    alpha=False,
    deep=False,
    longest=32767,
    most_bytes=_FOUR_GIBIBYTES,
    room=Room(profile=False, exif=0, xmp=0, dpi=False),
)
def write_as_bmp(file: BinaryIO, picture: Picture, quality: int | None) -> None:
    """Write BMP, which holds pixels and nothing else."""
    del quality
    to_pil(picture).save(file, "BMP")


def flattened(picture: Picture) -> Picture:
    """Return the picture composited on white, for formats without transparency."""
    if picture.alpha is None:
        return picture
    pixels = np.empty_like(picture.pixels)
    for rows in row_strips(len(pixels), 4 * pixels[0].size):
        cover = to_depth(picture.alpha[rows, :, None], np.float32)
        colour = to_depth(picture.pixels[rows], np.float32)
        pixels[rows] = to_depth(colour * cover + (1 - cover), pixels.dtype)
    return Picture(pixels, None, picture.metadata)
