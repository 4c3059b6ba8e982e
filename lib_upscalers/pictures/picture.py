"""Pictures: the only place where Pillow images, arrays and tensors meet.

Colours are RGB throughout, and not premultiplied.
"""

from __future__ import annotations

import logging
import re
import struct
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lib_upscalers.errors import DamagedImageError, ImageError
from lib_upscalers.geometry import Size, row_strips
from lib_upscalers.pictures.bit_depth import peak, to_depth
from lib_upscalers.pictures.bleed import bleed_free
from lib_upscalers.pictures.corrections import tiff_tags
from lib_upscalers.pictures.metadata import Metadata, read_metadata
from lib_upscalers.pictures.number_range import find_range, to_unit
from lib_upscalers.pictures.tensors import from_tensor, to_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray
    from PIL import Image

    from lib_upscalers.pictures.file_facts import FileFacts

__all__ = [
    "Metadata",
    "Picture",
    "bleed_free",
    "decoding",
    "from_pil",
    "from_tensor",
    "to_pil",
    "to_tensor",
]

_log = logging.getLogger("lib_upscalers")
_STRIP_BYTES = 4 << 20
# How far float pixels may lie beyond black and white.
_FARTHEST = 1.0
# Decoders' error texts for data that is not damaged, but of an unsupported kind.
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|unknown pcx mode|unimplemented|not implemented|not available"
    r"|cannot find loader",
    re.IGNORECASE,
)
_BITS, _MEANING, _SAMPLE_FORMAT, _GDAL_NODATA = 258, 262, 339, 42113
_WHITE_IS_ZERO, _SIGNED = 0, 2


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in memory.

    Attributes:
        pixels: Shape (H, W, C), uint8, uint16, or float32 in [0, 1]; C is 1 for grey and 3 for
            RGB, not premultiplied.
        alpha: Shape (H, W), same dtype, white where the picture is opaque; None where it is
            opaque throughout.
        metadata: What its file holds beside pixels.
        notes: What its file holds and this picture does not, a sentence each, to be shown to the
            user.
    """

    pixels: NDArray[Any]
    alpha: NDArray[Any] | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.pixels), np.ndarray):
            raise ImageError(
                f"Expected pixels as a numpy array, but got {type(self.pixels).__name__}: for a "
                "file use read_picture."
            )
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] not in (1, 3) or not self.pixels.size:
            raise ImageError(
                f"Expected pixels of shape (H, W, 1 or 3), but got {shape}: add an axis to grey, "
                "and give a fourth channel as alpha."
            )
        peak(self.pixels.dtype)
        if self.pixels.dtype == np.float32:
            _check_range(self.pixels)
        alpha = self.alpha
        if alpha is not None and (alpha.shape, alpha.dtype) != (shape[:2], self.pixels.dtype):
            raise ImageError(
                f"Expected alpha of shape {shape[:2]} and {self.pixels.dtype}, as the pixels are, "
                f"but got {alpha.shape} and {alpha.dtype}."
            )

    @property
    def size(self) -> Size:
        """Its width and height."""
        return Size(self.pixels.shape[1], self.pixels.shape[0])


def _check_range(pixels: NDArray[Any]) -> None:
    """Refuse floats that are obviously not in [0, 1]; a little beyond, as of resampling, is usual.

    Raises:
        ImageError: They are in another range, or not finite.
    """
    least, most = float(pixels.min()), float(pixels.max())
    if not np.isfinite((least, most)).all():
        raise ImageError(
            "Expected float pixels from 0 to 1, but some are no finite numbers: replace them."
        )
    if least < -_FARTHEST or most > 1 + _FARTHEST:
        raise ImageError(
            f"Expected float pixels from 0 to 1, but got values from {least:g} to {most:g}: divide "
            "them by the value of white, such as 255."
        )


@contextmanager
def decoding(name: str, rare_kind: Callable[[], str] | None = None) -> Generator[None, None, None]:
    """Turn whatever a decoder raises for bad data into an ImageError about `name`.

    Args:
        name: What is decoded.
        rare_kind: Called after a failure: what it is, if decoders often lack its kind, else "".
    """
    from PIL import Image

    try:
        yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _over_limit(name, str(error)) from error
    except (
        *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError),
        *(RuntimeError, SyntaxError, TypeError, ValueError, struct.error, zlib.error),
    ) as error:
        if isinstance(error, NotImplementedError) or _UNSUPPORTED.search(str(error)):
            raise ImageError(
                f"Expected a picture, but {name} is of a kind that Pillow does not read ({error}): "
                "convert it to PNG."
            ) from error
        if rare_kind is not None and (kind := rare_kind()):
            raise ImageError(
                f"Expected a picture that Pillow reads, but {name} is {kind}, which it may not "
                f"read ({error}): convert it to PNG with another program."
            ) from error
        raise DamagedImageError(
            f"Expected a whole picture, but {name} cannot be decoded, it is damaged or cut short: "
            f"{error or type(error).__name__}."
        ) from error


def _over_limit(name: str, text: str) -> ImageError:
    """Return the error for a picture that is too large, by what Pillow says of both numbers."""
    numbers = [f"{int(each):,}" for each in re.findall(r"\d+", text)]
    if len(numbers) < 2:
        return ImageError(f"Expected a smaller picture than {name}: {text}.")
    return ImageError(
        f"Expected at most {numbers[1]} pixels, but {name} has {numbers[0]}: make it smaller, or, "
        "if you trust the file, raise the limit: --max-pixels of `upscalers upscale`, or "
        "max_pixels in Python."
    )


def from_pil(image: Image.Image, facts: FileFacts | None = None) -> Picture:
    """Convert a Pillow image of any mode: its current frame.

    16-bit grey ("I;16", and "I" of a PNG or with values from 0 to 65535) stays 16 bit. Other "I"
    becomes 16 bit and "F" stays float, with black and white as `find_range` finds them; a note
    states the range unless it is a usual one. CMYK becomes sRGB, by its colour profile if it has
    one. The EXIF orientation is applied.

    Args:
        image: The image.
        facts: What its file's structure contains, if it comes from a file.

    Raises:
        ImageError: The image is empty or damaged, or holds no numbers.
    """
    with decoding("the image"):
        image.load()
        if not (image.width and image.height):
            raise ImageError(f"Expected at least one pixel, but got {image.width}x{image.height}.")
        metadata, orientation, found = read_metadata(image, facts)
        if image.mode.startswith(("I", "F")) or _has_signed_bytes(image):
            pixels, alpha, notes = _read_deep(image)
        else:
            notes = ()
            image, profile = _as_plain(image, metadata.icc_profile)
            metadata = replace(metadata, icc_profile=profile)
            pixels, alpha = split_alpha(read_bytes(image))
    return oriented(Picture(pixels, alpha, metadata, (*found, *notes)), orientation)


def _read_deep(
    image: Image.Image,
) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...]]:
    """Return the pixels of a grey image with more than 8 bits, its alpha, and notes."""
    values: NDArray[Any] = np.array(image)
    if image.mode in ("F", "L") or not _has_sixteen_bits(image, values):
        return _in_range(image, values)
    values = values.astype(np.uint16)
    tags = tiff_tags(image)
    bits = tags.get(_BITS, (16,))[0]
    if bits < 16:
        values <<= 16 - bits
        values |= values >> bits
    if tags.get(_MEANING) == _WHITE_IS_ZERO:
        values = 65535 - values
    key = image.info.get("transparency")
    alpha = np.where(values == key, 0, 65535).astype(np.uint16) if isinstance(key, int) else None
    return values[..., None], alpha, ()


def _has_signed_bytes(image: Image.Image) -> bool:
    """Return whether the image is a TIFF file of signed bytes, which Pillow reads as unsigned."""
    return image.mode == "L" and tiff_tags(image).get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED


def _has_sixteen_bits(image: Image.Image, values: NDArray[Any]) -> bool:
    """Return whether the values are from 0 to 65535, as their format defines or as they are."""
    if image.mode != "I" or image.format in ("PNG", "PPM"):
        return True
    return image.format is None and values.min() >= 0 and values.max() <= 65535


def _in_range(
    image: Image.Image, values: NDArray[Any]
) -> tuple[NDArray[Any], None, tuple[str, ...]]:
    """Scale values whose range no format defines to black and white."""
    tags = tiff_tags(image)
    if image.mode == "I" and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1 and tags.get(_BITS) == (32,):
        values = values.view(np.uint32)
    if image.mode == "L":
        values = values.view(np.int8).astype(np.int32)
    with suppress(ValueError, TypeError):
        missing = float(str(tags[_GDAL_NODATA]).strip("\0 ")) if _GDAL_NODATA in tags else np.nan
        if (values == missing).any():
            values = np.where(values == missing, np.nan, values.astype(np.float64))
    span = find_range(values)
    pixels = to_unit(values, span)
    if tags.get(_MEANING) == _WHITE_IS_ZERO:
        pixels = 1 - pixels
    deep = pixels if image.mode == "F" else to_depth(pixels, np.uint16)
    return deep[..., None], None, span.notes


def _as_plain(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """Return the image as L, LA, RGB or RGBA, and the profile that it then has."""
    grey = image.mode in ("1", "L", "LA", "La")
    mode = ("L" if grey else "RGB") + ("A" if has_alpha(image) else "")
    key = image.info.get("transparency")
    if image.mode == "1" and isinstance(key, int):
        image = image.convert("L")
        image.info["transparency"] = 255 if key else 0
    if image.mode in ("CMYK", "LAB"):
        return _to_srgb(image, profile), None
    if image.mode == mode:
        return image, profile
    return image.convert(mode), profile


def has_alpha(image: Image.Image) -> bool:
    """Return whether an image has an alpha channel, a transparent colour or such a palette."""
    palette = image.palette
    return (
        image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
        or "transparency" in image.info
        or (palette is not None and palette.mode.endswith("A"))
    )


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert CMYK or LAB to sRGB, by its profile where it has a usable one."""
    from PIL import ImageCms

    try:
        if image.mode == "LAB":
            source = ImageCms.createProfile("LAB")
        elif profile is None:
            return image.convert("RGB")
        else:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImportError, OSError, ValueError, ImageCms.PyCMSError) as error:
        _log.warning("The %s picture's colour profile cannot be used: %s", image.mode, error)
        converted = None
    return image.convert("RGB") if converted is None else converted


def read_bytes(image: Image.Image) -> NDArray[np.uint8]:
    """Return an 8-bit image's values, shape (H, W, bands), copied strip by strip.

    Converted at once, Pillow would need two more copies of them while it makes an array.
    """
    width, height = image.size
    result = np.empty((height, width, len(image.getbands())), np.uint8)
    for rows in row_strips(height, result[:1].nbytes, strip_bytes=_STRIP_BYTES):
        strip = np.asarray(image.crop((0, rows.start, width, rows.stop)))
        result[rows] = strip.reshape(rows.stop - rows.start, width, -1)
    return result


def split_alpha(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Split the values of L, LA, RGB or RGBA into pixels and alpha."""
    if values.shape[2] % 2:
        return values, None
    return np.ascontiguousarray(values[..., :-1]), np.ascontiguousarray(values[..., -1])


def oriented(picture: Picture, orientation: int) -> Picture:
    """Return the picture rotated and mirrored as EXIF's orientation, 1 to 8, states."""
    alpha = picture.alpha
    return replace(
        picture,
        pixels=_orient(picture.pixels, orientation),
        alpha=None if alpha is None else _orient(alpha, orientation),
    )


def _orient(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def to_pil(picture: Picture) -> Image.Image:
    """Return a Pillow image: L, LA, RGB or RGBA; or, grey and opaque, "I;16" or "F".

    Pillow supports no more than 8 bits in other modes, so values are rounded. Metadata are in
    `info`, under the names that Pillow uses.
    """
    from PIL import Image

    opaque_grey = picture.pixels.shape[2] == 1 and picture.alpha is None
    pixels = picture.pixels if opaque_grey else to_depth(picture.pixels, np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(to_depth(picture.alpha, np.uint8)))
    metadata = picture.metadata
    known = (
        ("icc_profile", metadata.icc_profile),
        ("exif", metadata.exif),
        ("xmp", metadata.xmp),
        ("dpi", metadata.dpi),
    )
    image.info.update({**metadata.text, **{name: value for name, value in known if value}})
    return image
