"""Open picture files with Pillow: quietly, within a limit, and with errors that name the cause."""

from __future__ import annotations

import importlib
import logging
import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures.corrections import correct
from lib_upscalers.pictures.picture import decoding
from lib_upscalers.pictures.quiet import PILLOW_LOCK, warnings_logged
from lib_upscalers.pictures.rare_kinds import rare_kind
from lib_upscalers.pictures.signatures import SIGNATURE_BYTES, readable_format, recognise
from lib_upscalers.pictures.tiff_kind import describe_tiff, is_tiff_undecodable

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from PIL import ImageFile

    from lib_upscalers.pictures.signatures import FileKind, Plugin

_log = logging.getLogger("lib_upscalers")

_END_OF_JPEG = b"\xff\xd9"
_RAW_ENDINGS = (".arw", ".cr2", ".dng", ".nef", ".nrw", ".pef", ".rwl", ".srw", ".sr2", ".3fr")
_DNG_VERSION = 50706
_MOST_TEXT, _MOST_TEXTS = 64 << 20, 256 << 20
# By Pillow's name of the format: what is missing if it recognises a file and cannot load it.
_STUBS: Mapping[str, str] = {
    "EPS": "an EPS (PostScript) picture, a format that needs Ghostscript: install it, or",
    "WMF": "a WMF or EMF drawing, a format that needs Windows:",
    "HDF5": "an HDF5 file, a format that needs another program:",
    "GRIB": "a GRIB file, a format that needs another program:",
    "BUFR": "a BUFR file, a format that needs another program:",
}


@contextmanager
def opened(
    file: Path, max_pixels: int, *, truncated: bool = False, by_libtiff: bool = False
) -> Generator[ImageFile.ImageFile, None, None]:
    """Open a picture file; what decoding raises in the block becomes an ImageError about it.

    Args:
        file: The file.
        max_pixels: Refuse what has more.
        truncated: Whether a file that was cut short is loaded up to its end.
        by_libtiff: Whether libtiff decodes TIFF files that are not compressed, too.

    Raises:
        ImageError: It is no picture, of an unsupported format, damaged, or over the limit.
    """
    kind = recognise(_head(file))
    if kind is not None and kind.plugin is not None:
        _register(kind.plugin)
    with decoding(str(file), partial(rare_kind, file)):
        image = _open(file, kind, max_pixels, truncated=truncated, by_libtiff=by_libtiff)
        with image:
            _refuse_more_than(max_pixels, image)
            _refuse_raw(file, image)
            yield image


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(SIGNATURE_BYTES)
    except OSError as error:
        raise _unreadable(file, error) from None


def _open(
    file: Path, kind: FileKind | None, max_pixels: int, *, truncated: bool, by_libtiff: bool
) -> ImageFile.ImageFile:
    from PIL import Image, UnidentifiedImageError

    source: Path | BinaryIO = file
    if truncated and readable_format(_head(file)) == "JPEG":
        # With an end, libjpeg itself fills the missing part, of progressive files from their first
        # scans.
        source = BytesIO(file.read_bytes() + _END_OF_JPEG)
    with quietly(max_pixels, by_libtiff=by_libtiff):  # icons are decoded already here
        try:
            return Image.open(source)
        except UnidentifiedImageError:
            raise _unknown(file, kind) from None
        except KeyError:
            if is_tiff_undecodable(file):
                raise _unknown(file, kind) from None
            raise


def _unknown(file: Path, kind: FileKind | None) -> ImageError:
    from PIL import features

    name = readable_format(_head(file))
    has_avif = "avif" in features.modules and features.check("avif")
    if kind is not None and not (name == "AVIF" and has_avif):
        return ImageError(f"Expected a picture, but {file} is {kind.name}: {kind.advice}.")
    if name == "TIFF" and (described := describe_tiff(file)):
        return ImageError(
            f"Expected a picture, but {file} is a TIFF file of a kind that Pillow does not read "
            f"({described}): convert it to a TIFF of 8 or 16 bits, or to PNG."
        )
    if rare := rare_kind(file):
        return ImageError(
            f"Expected a picture, but {file} is {rare}, which Pillow does not read: convert it to "
            "PNG with another program."
        )
    if name is not None:
        return ImageError(
            f"Expected a picture, but {file} is a {name} file that is damaged or cut short at its "
            "start, or of a rare kind that Pillow does not read: get it again, or convert it to "
            "PNG."
        )
    return ImageError(
        f"Expected a picture, but {file} is in no format that can be read, whatever its name "
        "ends in: open it in another program, and save it as PNG."
    )


def _register(plugin: Plugin) -> None:
    """Register another format with Pillow, if its package is installed."""
    with suppress(ImportError):
        module = importlib.import_module(plugin)
        if plugin == "pillow_heif":
            module.register_heif_opener()


def _refuse_raw(file: Path, image: ImageFile.ImageFile) -> None:
    if image.format == "TIFF" and (
        file.suffix.lower() in _RAW_ENDINGS or _DNG_VERSION in getattr(image, "tag_v2", ())
    ):
        # Pillow would read the small preview inside.
        raise ImageError(
            f"Expected a picture, but {file} is a camera's raw file: develop it to a 16-bit TIFF "
            "or PNG with a raw converter."
        )


def load(image: ImageFile.ImageFile, max_pixels: int, *, truncated: bool = False) -> None:
    """Decode an opened picture.

    Args:
        image: The picture.
        max_pixels: Refuse what has more: an icon's header need not name the size of the picture in
            it.
        truncated: Whether data that ends too early are accepted.

    Raises:
        ImageError: A program or library that its format needs is missing.
        Exception: Whatever Pillow raises for damaged data; the block of `opened` turns it into
            an ImageError.
    """
    _refuse_more_than(max_pixels, image)
    correct(image)
    if image.format in ("JPEG", "PNG", "WEBP") and not truncated:
        image.load()
        return
    try:
        # Other formats check Pillow's limit again when they load, so only one thread may do so at a
        # time.
        with quietly(max_pixels, truncated=truncated), _standard_error_logged():
            image.load()
        _refuse_more_than(max_pixels, image)
    except (OSError, NotImplementedError) as error:
        missing = _STUBS.get(image.format or "")
        if missing is not None and _is_stub_error(str(error)):
            raise ImageError(
                f"Expected a picture, but it is {missing} convert the picture to PNG."
            ) from None
        raise


def _refuse_more_than(max_pixels: int, image: ImageFile.ImageFile) -> None:
    from PIL import Image

    if image.width * image.height > max_pixels:
        found = image.width * image.height
        # In Pillow's words, of which `decoding` makes ours.
        raise Image.DecompressionBombError(f"{found} pixels exceed the limit of {max_pixels}")


def _is_stub_error(text: str) -> bool:
    return "Ghostscript" in text or "loader" in text


@contextmanager
def quietly(
    max_pixels: int | None = None, *, truncated: bool = False, by_libtiff: bool = False
) -> Generator[None, None, None]:
    """Run Pillow with our limit instead of its own; its warnings go to the log.

    Args:
        max_pixels: The limit, or one pixel more if it is odd; None for none.
        truncated: Whether it accepts data that ends too early.
        by_libtiff: As in `opened`.
    """
    from PIL import Image, ImageFile, PngImagePlugin, TiffImagePlugin

    with PILLOW_LOCK:
        limit = Image.MAX_IMAGE_PIXELS
        texts = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
        # Colour profiles of printers and ComfyUI's workflows may be longer than Pillow allows.
        PngImagePlugin.MAX_TEXT_CHUNK = _MOST_TEXT
        PngImagePlugin.MAX_TEXT_MEMORY = _MOST_TEXTS
        # Pillow warns above its limit and refuses above twice as much.
        Image.MAX_IMAGE_PIXELS = None if max_pixels is None else (max_pixels + 1) // 2
        tolerant, usual = ImageFile.LOAD_TRUNCATED_IMAGES, TiffImagePlugin.READ_LIBTIFF
        TiffImagePlugin.READ_LIBTIFF = by_libtiff or usual
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated or tolerant
        try:
            with warnings_logged():
                yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
            PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = texts
            ImageFile.LOAD_TRUNCATED_IMAGES = tolerant
            TiffImagePlugin.READ_LIBTIFF = usual


@contextmanager
def _standard_error_logged() -> Generator[None, None, None]:
    """Log what C libraries print to the process's standard error in the block."""
    try:
        saved = os.dup(2)
    except OSError:
        yield  # a process without one, as of pythonw
        return
    with tempfile.TemporaryFile() as stream:
        try:
            os.dup2(stream.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            stream.seek(0)
            for line in stream.read(10_000).decode(errors="replace").splitlines():
                _log.debug("A picture library printed: %s", line)


def check_readable(file: Path) -> None:
    """Raise an ImageError where a file cannot be opened, is empty, or no regular file."""
    try:
        status = file.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"Expected a picture file, but {file} is a folder: name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(
            f"Expected a picture file, but {file} is not a regular file: save the picture to a "
            "file first."
        )
    if status.st_size == 0:
        raise ImageError(f"Expected a picture file, but {file} is empty (0 bytes): get it again.")
    if not os.access(file, os.R_OK):
        raise ImageError(f"Expected a picture file, but {file} may not be read: change its rights.")


def _unreadable(file: Path, error: Exception) -> ImageError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ImageError(
        f"Expected a picture file, but {file} cannot be opened ({reason}): check its name."
    )
