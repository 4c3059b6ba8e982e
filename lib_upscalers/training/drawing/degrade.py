"""Degrade a drawn canvas to a picture, and a picture to its small version."""

from __future__ import annotations

import io
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
# Those that keep lines crisp.
_CRISP_LENSES = (
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def photograph(rng: np.random.Generator, canvas: Floats) -> Bytes:
    """Shrink a canvas (2 S, 2 S, 3) in [0, 1] to a picture (S, S, 3), as cameras and editors do.

    Edges come out as sharp as in published pictures, from crisp to slightly soft, and some
    pictures have a little noise.
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
    """One way in which people make pictures smaller.

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


def _waver(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Make fine detail stronger here and weaker there, as a diffusion model's decoder does."""
    pixels = np.asarray(image, dtype=np.float32)
    detail = pixels - np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)), dtype=np.float32)
    grey = Image.fromarray(rng.standard_normal(pixels.shape[:2]).astype(np.float32), "F")
    smooth = np.asarray(grey.resize((grey.width // 2, grey.height // 2), Image.Resampling.BOX))
    wave = np.asarray(Image.fromarray(smooth).resize(grey.size, Image.Resampling.BICUBIC))
    pixels = pixels + detail * (wave * np.float32(rng.uniform(0.2, 0.8)))[..., None]
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def _jpeg(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    colour = int(rng.choice([0, 2]))
    image.save(file, "JPEG", quality=int(rng.integers(72, 98)), subsampling=colour)
    return Image.open(file).convert("RGB")


def soften(rng: np.random.Generator, small: Bytes) -> Bytes:
    """Return a small picture, uint8 (H, W, 3), as pictures of drawings often come.

    It is slightly blurred and its fine detail is uneven, as after a diffusion model's
    autoencoder, or it has been a JPEG file of fair quality, or all of this. A flat colour stays
    flat but for JPEG's rounding.
    """
    image = Image.fromarray(small)
    if rng.random() < 0.75:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.25, 0.8)))
    if rng.random() < 0.5:
        image = _waver(rng, image)
    if rng.random() < 0.5:
        image = _jpeg(rng, image)
    return np.array(image)
