"""Degrade a drawn canvas to a picture, and a picture to its small version."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from lib_upscalers.geometry import Size
from lib_upscalers.resampling.resample import resample_pixels

if TYPE_CHECKING:
    from lib_upscalers.training.drawing.raster import Floats

Bytes = NDArray[np.uint8]

CANVAS_SCALE = 2

_LENSES = (
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BILINEAR,
)
# Filters by which lines stay crisp.
_CRISP_LENSES = (
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def photograph(rng: np.random.Generator, canvas: Floats) -> Bytes:
    """Shrink a canvas (2 S, 2 S, 3) in [0, 1] to a picture (S, S, 3), as cameras and editors do.

    Edges are as sharp as in published pictures, from crisp to slightly soft, and some pictures have
    a little noise.
    """
    image = Image.fromarray(np.round(np.clip(canvas, 0, 1) * 255).astype(np.uint8))
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 2.0)))
    side = image.width // CANVAS_SCALE
    lens = _LENSES[int(rng.integers(0, len(_LENSES)))]
    pixels = np.asarray(image.resize((side, side), lens), dtype=np.float32)
    if rng.random() < 0.3:
        noise = rng.standard_normal(pixels.shape) * math.exp(rng.uniform(-1, 1))
        pixels = pixels + noise.astype(np.float32)
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def print_crisply(rng: np.random.Generator, canvas: Floats) -> Bytes:
    """Shrink a canvas (2 S, 2 S, 3) in [0, 1] to a picture (S, S, 3) without blur or noise."""
    image = Image.fromarray(np.round(np.clip(canvas, 0, 1) * 255).astype(np.uint8))
    side = image.width // CANVAS_SCALE
    lens = _CRISP_LENSES[int(rng.integers(0, len(_CRISP_LENSES)))]
    return np.asarray(image.resize((side, side), lens))


@dataclass(frozen=True)
class Shrinking:
    """A usual way to make pictures smaller.

    Attributes:
        kernel: A name in `lib_upscalers.resampling.resample.KERNELS`.
        linear_light: Whether light is mixed and not sRGB values.
        share: How many of the training pictures are shrunk like this, as a weight.
    """

    kernel: str
    linear_light: bool
    share: float


# Bicubic with a = -0.5 is what benchmarks and most programs use, so most pictures get it.
SHRINKINGS = (
    Shrinking("Bicubic", linear_light=False, share=0.85),
    Shrinking("Lanczos", linear_light=False, share=0.07),
    Shrinking("Box", linear_light=False, share=0.05),
    Shrinking("Bicubic", linear_light=True, share=0.03),
)


def shrink(picture: Bytes, scale: int, way: Shrinking = SHRINKINGS[0]) -> Bytes:
    """Return a picture, uint8 (H, W, 3), with sides `scale` times smaller, rounded to uint8."""
    size = Size(picture.shape[1] // scale, picture.shape[0] // scale)
    small = resample_pixels(picture, size, way.kernel, linear_light=way.linear_light)
    return small.astype(np.uint8)
