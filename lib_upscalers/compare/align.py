"""Prepare pictures for measures: luma, same sizes, and the shrunk version of a reference."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Region, Size
from lib_upscalers.pictures.bit_depth import peak
from lib_upscalers.pictures.files import read_picture, write_picture
from lib_upscalers.pictures.formats import flattened
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.resampling.kernels import KERNELS
from lib_upscalers.resampling.resample import resample_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FACTORS: Sequence[int] = (2, 3, 4)
MOST_MEASURED = 1 << 22
_LUMA = (65.481, 128.553, 24.966)


@dataclass(frozen=True)
class Trial:
    """How a true picture is shrunk, so that upscalers' results can be compared with it.

    Attributes:
        factor: By how much on each side: 2, 3 or 4.
        kernel: By which kernel, antialiased.
        jpeg: The quality, 1 to 100, of JPEG that it is then compressed with; None: it is not.
    """

    factor: int
    kernel: str = "Bicubic"
    jpeg: int | None = None

    def __post_init__(self) -> None:
        """Check its values.

        Raises:
            InputError: One is invalid.
        """
        KERNELS[self.kernel]
        if self.factor not in FACTORS:
            raise InputError(f"Expected to shrink by 2, 3 or 4, but got {self.factor}.")
        if self.jpeg is not None and not 1 <= self.jpeg <= 100:
            raise InputError(f"Expected a JPEG quality from 1 to 100, but got {self.jpeg}.")

    def __str__(self) -> str:
        stored = f", JPEG {self.jpeg}" if self.jpeg else ""
        return f"shrunk {self.factor}x by {self.kernel}{stored}"


def cropped(picture: Picture, region: Region) -> Picture:
    """Return a region of a picture, without a copy."""
    alpha = picture.alpha
    return replace(
        picture,
        pixels=picture.pixels[region.rows, region.columns],
        alpha=None if alpha is None else alpha[region.rows, region.columns],
    )


def truth_and_small(picture: Picture, trial: Trial) -> tuple[Picture, Picture]:
    """Return the true picture, on white and cut to a multiple of the factor, and a shrunk one.

    Raises:
        InputError: The picture is too small to be shrunk so far.
    """
    factor = trial.factor
    size = Size(*(side // factor * factor for side in (picture.size.width, picture.size.height)))
    if min(size.width, size.height) < 2 * factor:
        raise InputError(
            f"Expected a picture of at least {2 * factor}x{2 * factor} pixels to be shrunk "
            f"{factor}x, but got {picture.size}: take a larger one."
        )
    truth = flattened(cropped(picture, Region.whole(size)))
    small_size = Size(size.width // factor, size.height // factor)
    pixels = resample_pixels(truth.pixels, small_size, trial.kernel)
    small = Picture(pixels, metadata=replace(truth.metadata, text={}))
    return truth, small if trial.jpeg is None else _through_jpeg(small, trial.jpeg)


def _through_jpeg(picture: Picture, quality: int) -> Picture:
    with tempfile.TemporaryDirectory(prefix="upscaler-lab-") as folder:
        path = Path(folder) / "small.jpg"
        write_picture(picture, path, quality=quality)
        return replace(read_picture(path), metadata=picture.metadata)


def luma(picture: Picture) -> NDArray[np.float32]:
    """Return the luma on white, shape (H, W), from 16 to 235: ITU-R BT.601, as in papers."""
    pixels = flattened(picture).pixels
    scale = np.float32(1 / peak(pixels.dtype))
    weights = np.array(_LUMA if pixels.shape[2] == 3 else (sum(_LUMA),), np.float32) * scale
    plane = np.full(pixels.shape[:2], 16, np.float32)
    for channel, weight in enumerate(weights):
        plane += pixels[..., channel] * weight
    return plane


def middle_region(size: Size, most: int = MOST_MEASURED) -> Region:
    """Return the region in the middle of a picture that is measured: all of a small picture."""
    if size.area <= most:
        return Region.whole(size)
    share = (most / size.area) ** 0.5
    width, height = max(1, int(size.width * share)), max(1, int(size.height * share))
    return Region((size.width - width) // 2, (size.height - height) // 2, width, height)
