"""Make grey textures with mean about 0 and standard deviation about 1, and colours for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.training.drawing.raster import Floats

    Texture = Callable[[np.random.Generator, int], Floats]


def normalised(values: Floats) -> Floats:
    """Shift and scale to mean 0 and standard deviation 1."""
    return ((values - values.mean()) / (values.std() + 1e-6)).astype(np.float32)


def grid(side: int, angle: float) -> tuple[Floats, Floats]:
    """Return the coordinates of a square's pixels along two rotated axes."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return x * c + y * s, y * c - x * s


def pink(
    rng: np.random.Generator, side: int, power: float | None = None, stretch: float | None = None
) -> Floats:
    """Return noise whose amplitude falls with frequency f as 1 / f ** power.

    `stretch` above 1 draws it out along a random direction, as in fur, wood or water.
    Natural pictures have a power of about 1: Field 1987, https://doi.org/10.1364/JOSAA.4.002379
    """
    power = rng.uniform(0.5, 2.0) if power is None else power
    if stretch is None:
        stretch = math.exp(rng.uniform(0, 2.5)) if rng.random() < 0.4 else 1.0
    angle = rng.uniform(0, math.pi)
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    along = (fx * math.cos(angle) + fy * math.sin(angle)) * stretch
    across = fy * math.cos(angle) - fx * math.sin(angle)
    radius = np.maximum(np.hypot(along, across), 1 / side)
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) / radius**power
    # Higher frequencies of the canvas are lost when it is shrunk to a picture.
    spectrum *= np.exp(-((np.hypot(fx, fy) / 0.4) ** 4))
    return normalised(np.fft.irfft2(spectrum, s=(side, side)).astype(np.float32))


def _warped_phase(rng: np.random.Generator, side: int) -> tuple[Floats, Floats]:
    u, v = grid(side, rng.uniform(0, math.pi))
    period = math.exp(rng.uniform(math.log(4.5), math.log(40)))
    warp = rng.choice([0.0, 0.3, 1.5]) * period
    bend = pink(rng, side, 2.2, 1.0) * np.float32(warp)
    scale = np.float32(2 * math.pi / period)
    return (u + bend) * scale, (v + bend) * scale * np.float32(rng.uniform(0.5, 1.5))


def _contrast(rng: np.random.Generator, wave: Floats) -> Floats:
    hardness = np.float32(math.exp(rng.uniform(-1, 2.2)))
    return np.tanh((wave - np.float32(rng.uniform(-0.5, 0.5))) * hardness)


def stripes(rng: np.random.Generator, side: int) -> Floats:
    """Return straight or wavy stripes, from a sine to nearly hard edges."""
    phase, _ = _warped_phase(rng, side)
    return normalised(_contrast(rng, np.sin(phase)))


def weave(rng: np.random.Generator, side: int) -> Floats:
    """Return a check, a dot pattern or a woven fabric."""
    first, second = _warped_phase(rng, side)
    a, b = np.sin(first), np.sin(second)
    wave = [a * b, np.maximum(a, b), a + b][int(rng.integers(0, 3))]
    return normalised(_contrast(rng, wave.astype(np.float32)))


def spots(rng: np.random.Generator, side: int) -> Floats:
    """Return noise with a threshold: spots and patches with soft or hard edges."""
    noise = pink(rng, side, rng.uniform(1.0, 2.2))
    return normalised(_contrast(rng, noise * np.float32(math.exp(rng.uniform(0, 1.5)))))


def grains(rng: np.random.Generator, side: int) -> Floats:
    """Return small occluding discs, as in gravel, foliage or a crowd."""
    image = Image.new("L", (side, side), 128)
    draw = ImageDraw.Draw(image)
    least = rng.uniform(1.0, 3.0)
    count = int(1.2 * side * side / (least * least * 12))
    radius = np.minimum(least * rng.random(count) ** -0.5, 24.0)
    flat = rng.uniform(0.3, 1.0)
    centre, grey = rng.uniform(0, side, (count, 2)), rng.integers(0, 256, count)
    for (x, y), r, value in zip(centre, radius, grey, strict=True):
        draw.ellipse((x - r, y - r * flat, x + r, y + r * flat), fill=int(value))
    return normalised(np.asarray(image.resize((side, side)), dtype=np.float32))


def fibres(rng: np.random.Generator, side: int) -> Floats:
    """Return many thin strokes of about one direction, as in hair, fur or grass."""
    image = Image.new("L", (side, side), 128)
    draw = ImageDraw.Draw(image)
    spread, angle = rng.uniform(0.02, 0.5), rng.uniform(0, math.pi)
    length = side * rng.uniform(0.05, 0.4)
    count = int(2.0 * side * side / (length * 3))
    start, grey = rng.uniform(-length, side, (count, 2)), rng.integers(0, 256, count)
    turn = angle + spread * rng.standard_normal(count)
    wide = rng.integers(1, 4, count)
    for (x, y), a, value, width in zip(start, turn, grey, wide, strict=True):
        end = (x + length * math.cos(a), y + length * math.sin(a))
        draw.line(((x, y), end), fill=int(value), width=int(width))
    return normalised(np.asarray(image, dtype=np.float32))


TEXTURES: tuple[Texture, ...] = (pink, pink, pink, stripes, weave, spots, grains, fibres)


def any_texture(rng: np.random.Generator, side: int) -> Floats:
    """Return one of the textures, (side, side)."""
    return TEXTURES[int(rng.integers(0, len(TEXTURES)))](rng, side)


def palette(rng: np.random.Generator, count: int) -> Floats:
    """Return colours, (count, 3), that differ much in lightness and little in hue.

    So are natural pictures: most of the contrast is in luma.
    """
    luma = np.clip(rng.beta(0.9, 0.9, count), 0.01, 0.99)
    strength = math.exp(rng.uniform(-4.0, -1.6))
    common, own = rng.standard_normal(2) * strength, rng.standard_normal((count, 2)) * strength
    cb, cr = (common + own * rng.uniform(0.3, 1.2)).T
    rgb = np.stack([luma + 1.402 * cr, luma - 0.344 * cb - 0.714 * cr, luma + 1.772 * cb], axis=1)
    return np.clip(rgb, 0, 1).astype(np.float32)


def coloured(rng: np.random.Generator, colour: Floats, texture: Floats, contrast: float) -> Floats:
    """Return a colour (3,) varied by a texture (h, w): mostly its lightness, a little its hue."""
    tint = 1 + 0.25 * rng.standard_normal(3)
    return (colour + texture[..., None] * (contrast * tint)).astype(np.float32)
