"""Convert between a video's colour values and RGB, by the numbers that its standard gives.

ITU-T H.273, https://www.itu.int/rec/T-REC-H.273: a code for each matrix, transfer and set of
primaries. FFmpeg's own conversion from RGB writes BT.601 without a tag unless it is told
otherwise, and is up to 0.8 levels off for 10 bits; here the matrix is applied in float32.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lib_upscalers.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[Any]

UNSPECIFIED: Final = 2
LIMITED, FULL = 1, 2
BT709, BT601_PAL, BT601_NTSC = 1, 5, 6
_PAL_HEIGHT, _HD_HEIGHT, _HD_WIDTH = 576, 720, 1280
# Weights of red and blue in the luma of each matrix.
_WEIGHTS: Final[Mapping[int, tuple[float, float]]] = {
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),
    BT601_PAL: (0.299, 0.114),
    BT601_NTSC: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
_NAMES: Final[Mapping[int, str]] = {BT709: "BT.709", BT601_PAL: "BT.601", BT601_NTSC: "BT.601"}
_HDR: Final[Mapping[int, str]] = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}


@dataclass(frozen=True)
class Colour:
    """What the colour values of a video mean, in the codes of H.273.

    Attributes:
        matrix: From RGB to luma and chroma.
        full: Whether values use the full range; otherwise 16 to 235 of 8 bits.
        primaries: The colours of red, green and blue.
        transfer: The curve of light.
        assumed: Whether the matrix is not in the file, but what players assume.
    """

    matrix: int
    full: bool
    primaries: int
    transfer: int
    assumed: bool = False

    @property
    def name(self) -> str:
        """What the matrix is called."""
        return _NAMES.get(self.matrix, f"matrix {self.matrix}")

    def with_guesses(self, width: int, height: int) -> Colour:
        """Return the colour as players take it where the file holds no tags.

        They go by the size, and so would take the enlarged video for another one: what is assumed
        is therefore written.
        """
        if self.matrix not in (UNSPECIFIED, 0):
            return self
        if height >= _HD_HEIGHT or width >= _HD_WIDTH:
            matrix = BT709
        else:
            matrix = BT601_PAL if height == _PAL_HEIGHT else BT601_NTSC
        primaries = matrix if self.primaries == UNSPECIFIED else self.primaries
        # BT.601 and BT.709 have the same curve; H.273 lists it for PAL under 1 or 6.
        curve = BT601_NTSC if matrix == BT601_PAL else matrix
        transfer = curve if self.transfer == UNSPECIFIED else self.transfer
        return replace(
            self, matrix=matrix, primaries=primaries, transfer=transfer, assumed=self.matrix != 0
        )

    def check(self) -> None:
        """Refuse what cannot be converted without loss.

        Raises:
            ImageError: It is HDR, or the matrix is not known.
        """
        if self.transfer in _HDR:
            raise ImageError(
                f"Expected a video of standard dynamic range, but this one is HDR, "
                f"{_HDR[self.transfer]}, which would be washed out: convert it to BT.709 first."
            )
        if self.matrix not in _WEIGHTS:
            raise ImageError(
                f"Expected a colour matrix of {sorted(_WEIGHTS)} (ITU-T H.273), but the video has "
                f"{self.matrix}: convert it to BT.709 first."
            )


def full_chroma_format(bits: int, *, full: bool) -> str:
    """Return FFmpeg's name of the format of planes that all have the size of the picture."""
    if bits > 8:
        return f"yuv444p{bits}le"
    return "yuvj444p" if full else "yuv444p"


@dataclass(frozen=True)
class _Levels:
    """Black, the span of luma and the span of chroma in a number of bits."""

    black: float
    luma: float
    chroma: float
    middle: float
    most: int

    @classmethod
    def of(cls, bits: int, *, full: bool) -> _Levels:
        most, step = (1 << bits) - 1, 1 << (bits - 8)
        if full:
            return cls(0.0, most, most, 128.0 * step, most)
        return cls(16.0 * step, 219.0 * step, 224.0 * step, 128.0 * step, most)


def to_rgb(planes: Array, bits: int, colour: Colour) -> Array:
    """Return the RGB picture of a frame.

    Args:
        planes: Luma and both chroma planes, (3, H, W), uint8 or uint16.
        bits: Of a value.
        colour: What the values mean.

    Returns:
        (H, W, 3), uint8 for 8 bits, otherwise uint16 that fills 16 bits.
    """
    levels = _Levels.of(bits, full=colour.full)
    red, blue = _WEIGHTS[colour.matrix]
    luma = (planes[0].astype(np.float32) - levels.black) / levels.luma
    cb = (planes[1].astype(np.float32) - levels.middle) / levels.chroma
    cr = (planes[2].astype(np.float32) - levels.middle) / levels.chroma
    dtype, most = (np.uint8, 255) if bits == 8 else (np.uint16, 65535)
    r = luma + 2 * (1 - red) * cr
    b = luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    rgb = np.stack((r, g, b), axis=-1)
    rgb *= most
    return np.rint(np.clip(rgb, 0, most, out=rgb), out=rgb).astype(dtype)


def from_rgb(pixels: Array, bits: int, colour: Colour) -> Array:
    """Return luma and both chroma planes of an RGB picture, (3, H, W), uint8 or uint16.

    Args:
        pixels: (H, W, 3), uint8 or uint16.
        bits: Of a value of the result.
        colour: What its values shall mean.
    """
    levels = _Levels.of(bits, full=colour.full)
    red, blue = _WEIGHTS[colour.matrix]
    rgb = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    luma = rgb @ np.array([red, 1 - red - blue, blue], np.float32)
    planes = np.empty((3, *luma.shape), np.float32)
    planes[0] = luma * levels.luma + levels.black
    planes[1] = (rgb[..., 2] - luma) * (levels.chroma / (2 * (1 - blue))) + levels.middle
    planes[2] = (rgb[..., 0] - luma) * (levels.chroma / (2 * (1 - red))) + levels.middle
    np.rint(np.clip(planes, 0, levels.most, out=planes), out=planes)
    return planes.astype(np.uint8 if bits == 8 else np.uint16)
