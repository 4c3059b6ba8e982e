"""Finish an enlarged latent, after any mode: sharpen, match, renoise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.latent.renoise import add_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

_PARTS = 4


@dataclass(frozen=True)
class Finishers:
    """The steps after the mode, in this order; none by default.

    Attributes:
        blend_with: Another mode, of whose result a share is mixed in.
        blend: Its share, from 0 to 1, where the result is the other mode's alone. Both results are
            in memory at once.
        sharpen: Amount of unsharp masking, 0 to 2: what a Gaussian one small-latent value wide
            removes is added that many times. It lifts the frequencies that interpolation weakens,
            just below the small latent's Nyquist limit.
        match: Give every channel the mean and variance that it had before it was enlarged.
        renoise: Strength of seeded noise in the frequencies that the small latent could not hold, 0
            to 2: 1 continues the fall of the small latent's own spectrum.

    Raises:
        InputError: A number is out of its range.
    """

    blend_with: str | None = None
    blend: float = 0.0
    sharpen: float = 0.0
    match: bool = False
    renoise: float = 0.0

    def __post_init__(self) -> None:
        for name, value, most in (
            ("blend", self.blend, 1),
            ("sharpen", self.sharpen, 2),
            ("renoise", self.renoise, 2),
        ):
            if not 0 <= value <= most:
                raise InputError(f"Expected {name} from 0 to {most}, but got {value}.")
        if self.blend and self.blend_with is None:
            raise InputError(
                f"Expected blend_with to name the second mode of a blend of {self.blend}, but "
                "got None; name a mode or leave blend at 0."
            )

    @property
    def active(self) -> bool:
        """Whether anything is done at all."""
        return bool(self.blend or self.sharpen or self.match or self.renoise)


OFF = Finishers()


def finish(
    result: torch.Tensor, small: torch.Tensor, finishers: Finishers, seeds: Sequence[int]
) -> None:
    """Sharpen, match and renoise an enlarged latent, in place.

    Args:
        result: Shape (N * T, C, h, w), float32; the T frames of an item lie together.
        small: What it was made of, (N * T, C, H, W), float32.
        finishers: What to do; the blend has been done.
        seeds: One for each of the N items.
    """
    for large, little in zip(result, small, strict=True):
        step = -(-len(large) // _PARTS)
        for part, source in zip(large.split(step), little.split(step), strict=True):
            if finishers.sharpen:
                sharpen(part, source, finishers.sharpen)
            if finishers.match:
                match(part, source)
    if finishers.renoise:
        frames = len(small) // len(seeds)
        for i, seed in enumerate(seeds):
            item = slice(i * frames, (i + 1) * frames)
            add_noise(result[item], small[item], finishers.renoise, seed)


def match(planes: torch.Tensor, small: torch.Tensor) -> None:
    """Give every plane (C, h, w) the mean and variance of its small one (C, H, W), in place."""
    import torch

    deviation, mean = torch.std_mean(planes, dim=(1, 2), correction=0, keepdim=True)
    target, centre = torch.std_mean(small, dim=(1, 2), correction=0, keepdim=True)
    gain = torch.where(deviation > 0, target / deviation, torch.ones_like(deviation))
    planes.sub_(mean).mul_(gain).add_(centre)


def sharpen(planes: torch.Tensor, small: torch.Tensor, amount: float) -> None:
    """Mask planes (C, h, w) unsharp, in place: x + a (x - blur(x)); they are made of `small`."""
    blurred = planes
    for dim in (1, 2):
        blurred = _blur(blurred, dim, max(1.0, planes.shape[dim] / small.shape[dim]))
    planes.add_(planes - blurred, alpha=amount)


def _blur(planes: torch.Tensor, dim: int, deviation: float) -> torch.Tensor:
    """Weigh neighbours along dimension 1 or 2 with a Gaussian; border values are repeated outside.

    Added up tap by tap: under a host's autocast a convolution would be done in half precision.
    """
    from torch.nn.functional import pad

    reach = math.ceil(3 * deviation)
    weights = [math.exp(-((i / deviation) ** 2) / 2) for i in range(-reach, reach + 1)]
    sides = (0, 0, reach, reach) if dim == 1 else (reach, reach, 0, 0)
    padded = pad(planes[None], sides, mode="replicate")[0]
    length = planes.shape[dim]
    result = planes.new_zeros(planes.shape)
    for i, weight in enumerate(weights):
        result.add_(padded.narrow(dim, i, length), alpha=weight / sum(weights))
    return result
