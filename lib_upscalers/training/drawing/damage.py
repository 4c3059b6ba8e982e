"""Damage small pictures as autoencoders, JPEG, slight enlargement and screen captures do.

Pictures of diffusion models were decoded by an autoencoder; others were JPEG files, were enlarged
slightly, or are captures of a screen. Each kind is one function; a training mixes them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from lib_upscalers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.training.drawing.degrade import Bytes

    RoundTrip = Callable[[np.random.Generator, Bytes], Bytes]

_CELL = 8


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

    Attributes:
        apply: Changes a small picture, uint8 (H, W, 3); deterministic for the same generator.
        share: How many of the damaged pictures of a training get it, as a weight.
    """

    apply: RoundTrip
    share: float


def _blurred(rng: np.random.Generator, picture: Bytes, least: float, most: float) -> Bytes:
    blur = ImageFilter.GaussianBlur(rng.uniform(least, most))
    return np.asarray(Image.fromarray(picture).filter(blur))


def _uneven(rng: np.random.Generator, picture: Bytes, strength: float) -> Bytes:
    """Make fine detail stronger here and weaker there, in patches of about two pixels."""
    values = picture.astype(np.float32)
    smooth = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1.5)), np.float32)
    half = (max(picture.shape[1] // 2, 1), max(picture.shape[0] // 2, 1))
    noise = rng.standard_normal(half[::-1]).astype(np.float32)
    size = (picture.shape[1], picture.shape[0])
    wave = np.asarray(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC))
    changed = values + (values - smooth) * (wave * np.float32(strength))[..., None]
    return np.clip(np.round(changed), 0, 255).astype(np.uint8)


def soften(rng: np.random.Generator, picture: Bytes) -> Bytes:
    """Blur slightly and make detail uneven, as decoders of other autoencoders do."""
    soft = _blurred(rng, picture, 0.25, 0.9)
    return _uneven(rng, soft, rng.uniform(0.1, 0.7)) if rng.random() < 0.7 else soft


def compress(rng: np.random.Generator, picture: Bytes) -> Bytes:
    """Store as JPEG of quality 60 to 97, with or without chroma subsampling, blurred or not."""
    if rng.random() < 0.4:
        picture = _blurred(rng, picture, 0.2, 0.8)
    file = io.BytesIO()
    subsampling = int(rng.choice([0, 2, 2]))
    quality = int(rng.integers(60, 98))
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file).convert("RGB"))


def stretch(rng: np.random.Generator, picture: Bytes) -> Bytes:
    """Remove the detail that a slight enlargement removes: shrink by up to 1.6, enlarge again."""
    image, factor = Image.fromarray(picture), rng.uniform(1.05, 1.6)
    small = (max(round(image.width / factor), 1), max(round(image.height / factor), 1))
    ways = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS)
    way = ways[int(rng.integers(0, len(ways)))]
    return np.asarray(image.resize(small, Image.Resampling.BICUBIC).resize(image.size, way))


def capture(rng: np.random.Generator, picture: Bytes) -> Bytes:
    """Sharpen or blur slightly, then JPEG of high quality, as captures of a video or a screen."""
    image = Image.fromarray(picture)
    if rng.random() < 0.5:
        percent = int(rng.integers(20, 90))
        image = image.filter(ImageFilter.UnsharpMask(rng.uniform(0.6, 1.5), percent, 0))
    else:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.6)))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(82, 98)), subsampling=2)
    return np.asarray(Image.open(file).convert("RGB"))


DAMAGES: Registry[Damage] = Registry("a kind of damage")
DAMAGES.add("autoencoder", Damage(soften, 0.45))
DAMAGES.add("jpeg", Damage(compress, 0.25))
DAMAGES.add("stretched", Damage(stretch, 0.15))
DAMAGES.add("captured", Damage(capture, 0.15))


def damage(rng: np.random.Generator, picture: Bytes, round_trip: RoundTrip | None = None) -> Bytes:
    """Damage a small picture, uint8 (H, W, 3), in one way of `DAMAGES`, or now and then in two.

    Args:
        rng: Decides how.
        picture: Is not changed.
        round_trip: Encodes and decodes by a real autoencoder; used for three of four pictures of
            the kind "autoencoder"; None: all get `soften`.
    """
    shares = np.array([kind.share for _, kind in DAMAGES.items()])
    for _ in range(2 if rng.random() < 0.2 else 1):
        name = list(DAMAGES)[int(rng.choice(len(shares), p=shares / shares.sum()))]
        real = name == "autoencoder" and round_trip is not None and rng.random() < 0.75
        apply = round_trip if real and round_trip is not None else DAMAGES[name].apply
        picture = apply(rng, picture)
    return picture.copy()


def shifted_round_trip(code: Callable[[Bytes], Bytes]) -> RoundTrip:
    """Extend an autoencoder's round trip to any size and any place of its grid of 8 pixels.

    Args:
        code: Encodes and decodes uint8 (8 h, 8 w, 3).
    """

    def apply(rng: np.random.Generator, picture: Bytes) -> Bytes:
        height, width = picture.shape[:2]
        top, left = (int(each) for each in rng.integers(0, _CELL, 2))
        bottom, right = -(height + top) % _CELL, -(width + left) % _CELL
        padded = np.pad(picture, ((top, bottom), (left, right), (0, 0)), mode="edge")
        return code(padded)[top : top + height, left : left + width]

    return apply
