"""Draw training pairs of pictures and their small versions, once, and store them in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lib_upscalers.file_writing import writing_path
from lib_upscalers.progress import NULL
from lib_upscalers.training.autoencoder_trip import load_round_trip
from lib_upscalers.training.drawing import damage, degrade, synthetic

if TYPE_CHECKING:
    from lib_upscalers.progress import Progress
    from lib_upscalers.training.recipe import Recipe

# Every seed has this many pictures of its own.
_SEED_STRIDE = 1_000_000


@dataclass(frozen=True)
class Pairs:
    """Pictures and their small versions.

    Attributes:
        large: uint8, (N, 3, side, side).
        small: uint8, (N, 3, side / scale, side / scale).
    """

    large: torch.Tensor
    small: torch.Tensor


def draw_pairs(recipe: Recipe, *, progress: Progress = NULL) -> Pairs:
    """Draw a recipe's pictures and shrink each in one of the usual ways.

    Raises:
        Cancelled: `progress` raises it.
    """
    count, side, scale = recipe.pictures, recipe.side, recipe.scale
    large = np.empty((count, side, side, 3), np.uint8)
    small = np.empty((count, side // scale, side // scale, 3), np.uint8)
    shares = np.array([way.share for way in degrade.SHRINKINGS])
    rng = np.random.default_rng(recipe.seed)
    round_trip = load_round_trip(Path(recipe.autoencoder)) if recipe.autoencoder else None
    for i in range(count):
        progress.check_cancelled()
        large[i] = synthetic.draw_mixed(side, recipe.seed * _SEED_STRIDE + i, recipe.material)
        way = degrade.SHRINKINGS[int(rng.choice(len(shares), p=shares / shares.sum()))]
        small[i] = degrade.shrink(large[i], scale, way)
        if recipe.damaged and rng.random() < recipe.damaged:
            small[i] = damage.damage(rng, small[i], round_trip)
        progress.update(i + 1, count, "pictures drawn")
    return Pairs(_planes(large), _planes(small))


def _planes(pictures: degrade.Bytes) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()


def stored_pairs(folder: Path, recipe: Recipe, *, progress: Progress = NULL) -> Pairs:
    """Return what `draw_pairs` returns, from a file, which is written if it is missing."""
    drawn = [recipe.pictures, recipe.side, recipe.scale, recipe.seed, recipe.material]
    drawn += [recipe.damaged, Path(recipe.autoencoder).name]
    path = folder / f"pairs_{'_'.join(map(str, drawn))}.pt"
    if path.exists():
        stored = torch.load(path, weights_only=True)
        return Pairs(stored["large"], stored["small"])
    pairs = draw_pairs(recipe, progress=progress)
    with writing_path(path, overwrite=True, make_folders=True) as scratch:
        torch.save({"large": pairs.large, "small": pairs.small}, scratch)
    return pairs
