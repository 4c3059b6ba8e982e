"""Cut random crops for a training step, augmented by flips, quarter turns and swapped channels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lib_upscalers.training.pairs import Pairs
    from lib_upscalers.training.recipe import Recipe

    Values = NDArray[np.float64]


def _augmented(rng: np.random.Generator, crops: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    flip, turns = bool(rng.integers(0, 2)), int(rng.integers(0, 4))
    channels = torch.from_numpy(rng.permutation(3))
    turned = [torch.rot90(crop[channels], turns, (1, 2)) for crop in crops]
    return [crop.flip(2) if flip else crop for crop in turned]


def _detail(crop: torch.Tensor) -> float:
    values = crop.float()
    return float(values.diff(dim=1).abs().mean() + values.diff(dim=2).abs().mean())


def _crop(
    rng: np.random.Generator, pairs: Pairs, recipe: Recipe
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut out a small and a large crop: of two random places, the more detailed one."""
    size, scale = recipe.crop, recipe.scale
    places = pairs.small.shape[-1] - size + 1
    found: list[tuple[float, int, int, int]] = []
    for _ in range(2):
        i, y, x = (int(rng.integers(0, n)) for n in (len(pairs.small), places, places))
        found.append((_detail(pairs.small[i, :, y : y + size, x : x + size]), i, y, x))
    _, i, y, x = max(found)
    small = pairs.small[i, :, y : y + size, x : x + size]
    y, x, size = y * scale, x * scale, size * scale
    return small, pairs.large[i, :, y : y + size, x : x + size]


def _flat(rng: np.random.Generator) -> torch.Tensor:
    """Return a colour, uint8 (3, 1, 1); pure ones are the hardest to reproduce at the borders."""
    colour = rng.integers(0, 256, (3, 1, 1))
    pure = rng.random() < 0.5
    return torch.from_numpy(np.where(colour > 127, 255, 0) if pure else colour).to(torch.uint8)


def _plane(colour: Values, slope: Values, size: int, scale: int) -> torch.Tensor:
    """Return a gradient, uint8 (3, scale * size, scale * size), its slope in levels a small pixel.

    Its pixels are the means of the areas that they cover, at any scale.
    """
    along = (np.arange(size * scale) + 0.5) / scale - size / 2
    values = colour + slope[:, :1, None] * along[:, None] + slope[:, 1:, None] * along
    return torch.from_numpy(np.clip(np.round(values), 0, 255).astype(np.uint8))


def _shade(rng: np.random.Generator, size: int, scale: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a gentle gradient, small and large; every second one straight along a side."""
    colour, angle = rng.uniform(0, 255, (3, 1, 1)), rng.uniform(0, 2 * math.pi)
    if rng.random() < 0.5:
        angle = round(angle * 2 / math.pi) * math.pi / 2
    steepness = np.exp(rng.uniform(-0.5, 2.5)) * rng.uniform(-1, 1, (3, 1))
    slope = steepness * np.array([math.cos(angle), math.sin(angle)])
    return _plane(colour, slope, size, 1), _plane(colour, slope, size, scale)


def batch(
    pairs: Pairs, recipe: Recipe, step: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the crops of a step, small and large, float32 in [0, 1], and each one's weight.

    They depend on nothing but the recipe and the step, so that a resumed training has the same
    result as one without a pause.
    """
    rng = np.random.default_rng([recipe.seed, step])
    settling = step >= recipe.steps
    flat = recipe.settle_flat if settling else recipe.flat
    crops: list[list[torch.Tensor]] = []
    weights: list[float] = []
    for _ in range(recipe.batch):
        small, large = _crop(rng, pairs, recipe)
        smooth = rng.random() < flat
        if smooth:
            colour = _flat(rng)
            small, large = colour.expand_as(small), colour.expand_as(large)
            shaded = recipe.settle_shaded if settling else 0
            if shaded and rng.random() < shaded:
                small, large = _shade(rng, recipe.crop, recipe.scale)
        crops.append(_augmented(rng, (small, large)))
        weights.append(recipe.settle_weight if smooth and settling else 1.0)
    small, large = (torch.stack(each).float() / 255 for each in zip(*crops, strict=True))
    return small, large, torch.tensor(weights)
