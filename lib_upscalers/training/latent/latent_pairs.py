"""Pairs of latents to train on: of a picture, and of the same picture made smaller.

They are made once, with the autoencoder that the network is for, and kept in files of some
pictures each, so that a training that was stopped goes on and several processes can make them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from lib_upscalers.file_writing import writing_path
from lib_upscalers.geometry import Size
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.training.drawing import degrade, synthetic
from lib_upscalers.training.latent.photographs import cut_square

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lib_upscalers.training.drawing.degrade import Bytes

    Encode = Callable[[torch.Tensor], torch.Tensor]

# Every seed has this many pictures to itself, none of them drawn for the pixel networks.
_SEED_STRIDE = 1_000_000
_SEED_START = 700_000_000


@dataclass(frozen=True)
class PairPlan:
    """What the pairs are made of.

    Attributes:
        seed: Of everything.
        cells: Side of the large latents.
        factor: How many pixels a latent value is wide.
        views: Pairs that are made of one drawing, each turned and recoloured.
        drawings: Drawings a file.
        flat: The share of pictures that are one flat colour.
        halves: The share of pairs with a factor of 2. Half of the others have 1.5, the rest
            anything between 1.1 and 2.
    """

    seed: int = 1
    cells: int = 32
    factor: int = 8
    views: int = 3
    drawings: int = 4
    flat: float = 0.03
    halves: float = 0.5

    @property
    def side(self) -> int:
        """Width and height of the pictures."""
        return self.cells * self.factor

    def for_factor(self, factor: int) -> PairPlan:
        """Return the plan with pictures of about the same size, whatever the factor is."""
        return replace(self, cells=max(8, self.side // factor // 2 * 2), factor=factor)


@dataclass(frozen=True)
class LatentPair:
    """Two latents of one picture, float16, (C, h, h) and (C, H, H)."""

    small: torch.Tensor
    large: torch.Tensor


def _view(picture: Bytes, rng: np.random.Generator) -> Bytes:
    """Return a picture turned, flipped, with channels changed, sometimes as a negative."""
    turned = np.rot90(picture, int(rng.integers(0, 4)))
    turned = turned[:, ::-1] if rng.random() < 0.5 else turned
    turned = turned[..., rng.permutation(3)]
    return 255 - turned if rng.random() < 0.2 else turned


def _cells(plan: PairPlan, rng: np.random.Generator) -> tuple[int, int]:
    """Return the sides of a small and a large latent."""
    half = plan.cells // 2
    if rng.random() < plan.halves:
        return half, plan.cells
    if rng.random() < 0.5:
        return half, half * 3 // 2
    return int(rng.integers(half, plan.cells * 9 // 10 + 1)), plan.cells


def _shrink(picture: Bytes, side: int, rng: np.random.Generator) -> Bytes:
    shares = np.array([way.share for way in degrade.SHRINKINGS])
    way = degrade.SHRINKINGS[int(rng.choice(len(shares), p=shares / shares.sum()))]
    size = Size(side, side)
    small = resample_pixels(
        np.ascontiguousarray(picture), size, way.kernel, linear_light=way.linear_light
    )
    return small.astype(np.uint8)


def _encoded(picture: Bytes, encode: Encode, device: torch.device) -> torch.Tensor:
    values = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    with torch.no_grad():
        return encode(values.to(device).float() / 255)[0].cpu().half()


def _picture(plan: PairPlan, number: int, folder: Sequence[Path]) -> Bytes:
    rng = np.random.default_rng([plan.seed, number, 1])
    if rng.random() < plan.flat:
        colour = rng.integers(0, 256, 3)
        pure = np.where(colour > 127, 255, 0)
        chosen = pure if rng.random() < 0.3 else colour
        return np.broadcast_to(chosen.astype(np.uint8), (plan.side, plan.side, 3))
    if folder and rng.random() < 0.5:
        # One that is damaged has a drawing in its place.
        with suppress(OSError, ValueError):
            return cut_square(folder[int(rng.integers(0, len(folder)))], plan.side, rng)
    return synthetic.draw_mixed(plan.side, _SEED_START + plan.seed * _SEED_STRIDE + number)


def make_part(
    plan: PairPlan,
    part: int,
    encode: Encode,
    device: torch.device,
    folder: Sequence[Path] = (),
) -> list[LatentPair]:
    """Make the pairs of one file; the same arguments give the same pairs.

    Args:
        plan: What they are made of.
        part: The number of the file.
        encode: From pictures (1, 3, H, W) in [0, 1] to latents.
        device: Where `encode` works.
        folder: Pictures of the user's, which then take the place of half of the drawings.
    """
    pairs: list[LatentPair] = []
    for number in range(part * plan.drawings, (part + 1) * plan.drawings):
        drawing = _picture(plan, number, folder)
        for i in range(plan.views):
            rng = np.random.default_rng([plan.seed, number, 2, i])
            sides = [cells * plan.factor for cells in _cells(plan, rng)]
            picture = _view(drawing, rng)[: sides[1], : sides[1]]
            small = _shrink(picture, sides[0], rng)
            pair = (_encoded(each, encode, device) for each in (small, picture))
            pairs.append(LatentPair(*pair))
    return pairs


def part_path(folder: Path, part: int) -> Path:
    """Return where the pairs of a part are kept."""
    return folder / f"pairs_{part:05d}.pt"


def part_paths(folder: Path) -> list[Path]:
    """Return where there are pairs, in order."""
    return sorted(folder.glob("pairs_*.pt"))


def save_part(path: Path, pairs: Sequence[LatentPair]) -> None:
    """Write pairs; a file that is there stays whole whatever happens."""
    with writing_path(path, overwrite=True, make_folders=True) as scratch:
        torch.save([(pair.small, pair.large) for pair in pairs], scratch)


def load_part(path: Path) -> list[LatentPair]:
    """Read what `save_part` wrote."""
    return [LatentPair(*both) for both in torch.load(path, weights_only=True)]
