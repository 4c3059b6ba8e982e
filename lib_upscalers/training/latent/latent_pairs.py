"""Make pairs of latents to train on: of a picture, and of the same picture made smaller.

They are made once, with the autoencoder that the network is for, and stored in files of some
pictures each, so that a training can be resumed and several processes can make them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from lib_upscalers.errors import ImageError, InputError
from lib_upscalers.file_writing import writing_path
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.formats import flattened
from lib_upscalers.pictures.names import PICTURE_SUFFIXES, names_a_picture
from lib_upscalers.pictures.picture import decoding, from_pil
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.training.drawing import degrade, synthetic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lib_upscalers.training.drawing.degrade import Bytes

    Encode = Callable[[torch.Tensor], torch.Tensor]

# Every seed has this many pictures of its own, none of them drawn for the pixel networks.
_SEED_STRIDE = 1_000_000
_SEED_START = 700_000_000


@dataclass(frozen=True)
class PairPlan:
    """How the pairs are made.

    Attributes:
        seed: Of everything.
        cells: Side of the large latents.
        factor: How many pixels a latent value is wide.
        views: Pairs that are made of one drawing, each rotated and recoloured.
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


def find_photographs(folder: Path | None) -> Sequence[Path]:
    """Return the pictures of a folder and its sub-folders that can be opened; none for None.

    Raises:
        InputError: There is none.
    """
    if folder is None:
        return ()
    found: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if names_a_picture(path):
            with suppress(ImageError), decoding("the picture"), Image.open(path):
                found.append(path)
    if not found:
        raise InputError(
            f"Expected pictures ({', '.join(PICTURE_SUFFIXES)}) in {folder}, but found none that "
            "can be opened; name another folder, or none."
        )
    return found


def cut_square(path: Path, side: int, rng: np.random.Generator) -> Bytes:
    """Return a random square of a picture, shrunk by a random factor: uint8 (side, side, 3).

    Raises:
        ImageError: The picture is damaged or missing.
    """
    with decoding("the picture"), Image.open(path) as image:
        held = flattened(from_pil(image))
    pixels = np.broadcast_to(to_depth(held.pixels, np.uint8), (*held.pixels.shape[:2], 3))
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    least = min(picture.size)
    # Between all of the picture and no shrinking; small pictures are enlarged.
    cut_side = int(min(least, np.exp(rng.uniform(np.log(side), np.log(max(side, least))))))
    left, top = (int(rng.integers(0, length - cut_side + 1)) for length in picture.size)
    box = (left, top, left + cut_side, top + cut_side)
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS, box=box))


def _view(picture: Bytes, rng: np.random.Generator) -> Bytes:
    """Return a picture rotated, flipped, with channels swapped, sometimes as a negative."""
    rotated = np.rot90(picture, int(rng.integers(0, 4)))
    rotated = rotated[:, ::-1] if rng.random() < 0.5 else rotated
    rotated = rotated[..., rng.permutation(3)]
    return 255 - rotated if rng.random() < 0.2 else rotated


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
        # A damaged one is replaced by a drawing.
        with suppress(ImageError):
            return cut_square(folder[int(rng.integers(0, len(folder)))], plan.side, rng)
    return synthetic.draw_mixed(plan.side, _SEED_START + plan.seed * _SEED_STRIDE + number)


def make_part(
    plan: PairPlan,
    part: int,
    encode: Encode,
    device: torch.device,
    folder: Sequence[Path] = (),
) -> Iterator[LatentPair]:
    """Make the pairs of one file, one after the other; the same arguments give the same pairs.

    Args:
        plan: How they are made.
        part: The number of the file.
        encode: From pictures (1, 3, H, W) in [0, 1] to latents.
        device: Where `encode` works.
        folder: Pictures of the user's, which then replace half of the drawings.
    """
    for number in range(part * plan.drawings, (part + 1) * plan.drawings):
        drawing = _picture(plan, number, folder)
        for i in range(plan.views):
            rng = np.random.default_rng([plan.seed, number, 2, i])
            sides = [cells * plan.factor for cells in _cells(plan, rng)]
            picture = _view(drawing, rng)[: sides[1], : sides[1]]
            small = _shrink(picture, sides[0], rng)
            pair = (_encoded(each, encode, device) for each in (small, picture))
            yield LatentPair(*pair)


def part_path(folder: Path, part: int) -> Path:
    """Return the file of the pairs of a part."""
    return folder / f"pairs_{part:05d}.pt"


def part_paths(folder: Path) -> list[Path]:
    """Return the files with pairs, in order."""
    return sorted(folder.glob("pairs_*.pt"))


def save_part(path: Path, pairs: Sequence[LatentPair]) -> None:
    """Write pairs; an old file stays whole if that fails."""
    with writing_path(path, overwrite=True, make_folders=True) as scratch:
        torch.save([(pair.small, pair.large) for pair in pairs], scratch)


def load_part(path: Path) -> list[LatentPair]:
    """Read the pairs that `save_part` wrote."""
    return [LatentPair(*both) for both in torch.load(path, weights_only=True)]
