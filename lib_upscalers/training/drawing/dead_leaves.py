"""Draw dead leaves: textured, shaded shapes of power-law sizes that hide one another.

A. B. Lee, D. Mumford and J. Huang, "Occlusion models for natural images", 2001,
https://doi.org/10.1023/A:1011109015675; for training: R. Achddou, Y. Gousseau and S. Ladjal,
"Synthetic images as a regularity prior for image restoration neural networks", 2021,
https://doi.org/10.1007/978-3-030-75549-2_27
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.training.drawing import raster, shapes, textures

if TYPE_CHECKING:
    from lib_upscalers.training.drawing.raster import Floats, Patch, Points

_OUTLINES = (shapes.blob, shapes.blob, shapes.polygon, shapes.box, shapes.leaf)


@dataclass(frozen=True)
class Scene:
    """The state that the leaves of one picture share.

    Attributes:
        rng: The picture's random numbers.
        canvas: The pixels, (side, side, 3).
        colours: The palette, (n, 3).
        textures: Grey textures as large as the canvas.
        contrast: The scale of the textures' contrast.
        defocus: The greatest blur of a leaf in canvas pixels; 0 has all leaves in focus.
        shadows: The share of leaves that throw a shadow.
    """

    rng: np.random.Generator
    canvas: Floats
    colours: Floats
    textures: list[Floats]
    contrast: float
    defocus: float
    shadows: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the canvas."""
        return self.canvas.shape[0], self.canvas.shape[1]

    def colour(self) -> Floats:
        """Return one of the colours, varied a little."""
        chosen = self.colours[int(self.rng.integers(0, len(self.colours)))]
        varied = chosen + 0.03 * self.rng.standard_normal(3) + 0.05 * self.rng.standard_normal()
        return np.clip(varied, 0, 1).astype(np.float32)

    def texture(self, patch: Patch) -> Floats:
        """Return a random piece of one of the textures, as large as the patch."""
        source = self.textures[int(self.rng.integers(0, len(self.textures)))]
        if self.rng.random() < 0.5:
            source = source.T
        height, width = patch.alpha.shape
        top = int(self.rng.integers(0, source.shape[0] - height + 1))
        left = int(self.rng.integers(0, source.shape[1] - width + 1))
        return source[top : top + height, left : left + width]


def _shading(rng: np.random.Generator, patch: Patch) -> Floats:
    height, width = patch.alpha.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    slope = rng.standard_normal(2) * 0.15
    bulge = max(rng.uniform(-0.3, 0.5), 0.0)
    light = slope[0] * x + slope[1] * y - bulge * (x * x + y * y - 0.7)
    return (1 + light).astype(np.float32)[..., None]


def _surface(scene: Scene, patch: Patch) -> Floats:
    rng = scene.rng
    contrast = scene.contrast * math.exp(rng.normal(0, 0.8)) if rng.random() < 0.75 else 0.0
    pixels = textures.coloured(rng, scene.colour(), scene.texture(patch), min(contrast, 0.3))
    return np.clip(pixels * _shading(rng, patch), 0, 1)


def lay(scene: Scene, outline: Points, blur: float = 0.0) -> None:
    """Paint one leaf, with its shadow if it throws one."""
    rng = scene.rng
    if rng.random() < scene.shadows:
        moved = outline + rng.normal(0, 4, 2)
        shade = raster.fill(scene.size, moved, rng.uniform(2, 10))
        raster.paint(scene.canvas, shade, np.zeros(3, np.float32), rng.uniform(0.2, 0.7))
    patch = raster.fill(scene.size, outline, blur)
    if patch is not None:
        raster.paint(scene.canvas, patch, _surface(scene, patch))


def _radii(rng: np.random.Generator, side: int, least: float) -> Points:
    """Radii with density r ** -3 between `least` and a good part of the picture, enough to cover.

    By the power law the model is as free of scale as natural pictures are.
    """
    most = side * rng.uniform(0.15, 0.5)
    least = min(least, most / 3)
    covering = side * side / (2 * math.pi * least**2 * math.log(most / least))
    share = rng.random(min(int(covering * rng.uniform(1, 4)) + 5, 900))
    return (least**-2 - share * (least**-2 - most**-2)) ** -0.5


def _wires(scene: Scene) -> None:
    rng, side = scene.rng, scene.canvas.shape[0]
    for _ in range(int(rng.integers(0, 5))):
        colour, width = scene.colour(), math.exp(rng.uniform(math.log(1.0), math.log(9)))
        angle, lines = rng.uniform(0, 2 * math.pi), []
        for _ in range(int(rng.integers(1, 12))):
            start = (rng.uniform(0, side), rng.uniform(0, side))
            way = shapes.curve(rng, start, angle + rng.normal(0, 0.3), rng.uniform(0.1, 1) * side)
            lines.append((way, shapes.taper(rng, len(way), width)))
        raster.paint(scene.canvas, raster.strokes(scene.size, lines), colour)


def scene(rng: np.random.Generator, side: int) -> Scene:
    """Return an empty scene: a textured background, colours and textures to draw with."""
    colours = textures.palette(rng, int(rng.integers(4, 24)))
    material = [textures.any_texture(rng, side) for _ in range(5)]
    contrast = math.exp(rng.uniform(math.log(0.01), math.log(0.12)))
    defocus = rng.choice([0.0, 0.0, 3.0, 8.0])
    canvas = textures.coloured(rng, colours[0], material[0], contrast)
    return Scene(rng, canvas, colours, material, contrast, float(defocus), rng.choice([0.0, 0.4]))


def draw(rng: np.random.Generator, side: int) -> Floats:
    """Return a dead-leaves picture, (side, side, 3), values in [0, 1]."""
    place = scene(rng, side)
    least = math.exp(rng.uniform(math.log(4), math.log(20)))
    for radius in _radii(rng, side, least):
        centre = (rng.uniform(0, side), rng.uniform(0, side))
        outline = _OUTLINES[int(rng.integers(0, len(_OUTLINES)))](rng, centre, float(radius))
        soft = rng.random() < 0.4
        lay(place, outline, float(rng.uniform(0, place.defocus)) if soft else 0.0)
    _wires(place)
    return np.clip(place.canvas, 0, 1)


def draw_fabric(rng: np.random.Generator, side: int) -> Floats:
    """Return a few large pieces of strongly textured material, (side, side, 3), in [0, 1]."""
    place = replace(scene(rng, side), contrast=float(rng.uniform(0.06, 0.25)), defocus=2.0)
    pieces = (shapes.blob, shapes.polygon, shapes.box)
    for _ in range(int(rng.integers(3, 14))):
        centre, radius = (rng.uniform(0, side), rng.uniform(0, side)), rng.uniform(0.1, 0.5) * side
        lay(place, pieces[int(rng.integers(0, len(pieces)))](rng, centre, radius))
    return np.clip(place.canvas, 0, 1)
