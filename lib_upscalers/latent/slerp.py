"""Interpolate spherically: direction and length of channel vectors separately.

The channels of a latent pixel are a vector. Linear interpolation between two vectors of different
directions shortens the vector, which decodes to lost contrast. Here its length is interpolated
linearly, while its direction moves at constant speed along the great circle between them: Shoemake,
"Animating Rotation with Quaternion Curves", SIGGRAPH 1985, https://doi.org/10.1145/325334.325242.
Along the rows first, then along the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.latent.mode_registry import latent_mode

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from lib_upscalers.geometry import Size

_STRIP_VALUES = 1 << 18
_FEWEST_STRIPS = 2
# Nearer to identical or opposite than this, the sine that is divided by is mostly rounding error.
_ALIKE, _OPPOSITE = 1 - 1e-6, 1e-5 - 1


@dataclass(frozen=True)
class _Positions:
    """The positions of output values between input values.

    Attributes:
        first: Shape (target,), the input value before each, int64; the other is the next one.
        ratio: Shape (target,), the position between this one and the next, in [0, 1], float32.
    """

    first: NDArray[np.int64]
    ratio: NDArray[np.float32]

    @classmethod
    def between(cls, source: int, target: int) -> _Positions:
        centre = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0, source - 1)
        first = np.minimum(centre.astype(np.int64), max(source - 2, 0))
        return cls(first, (centre - first).astype(np.float32))

    def part(self, start: int, stop: int) -> tuple[_Positions, int, int]:
        """Return some of the positions, and the range of input values that they need."""
        first = self.first[start:stop]
        begin = int(first[0])
        return _Positions(first - begin, self.ratio[start:stop]), begin, int(first[-1]) + 2


@latent_mode(
    "Latent (bislerp)",
    "spherical",
    "Interpolates strength and meaning apart: keeps contrast that bilinear loses.",
    clean_from=0.7,
    directional=True,
    mixes=True,
)
def bislerp(samples: torch.Tensor, size: Size) -> torch.Tensor:
    """Enlarge spherically; at most two input values a side are mixed.

    It is linear between opposite vectors, which have no shortest way, and beside a vector of length
    0, which has no direction. Rows come before columns, so a rotation by 90 degrees changes a
    little. When shrinking, values are skipped.
    """
    items, channels, height, width = samples.shape
    across, down = _Positions.between(width, size.width), _Positions.between(height, size.height)
    result = samples.new_empty((items, channels, size.height, size.width))
    # Strips fit into the processor's cache, and bound the memory.
    rows = _STRIP_VALUES // max(1, items * channels * size.width)
    rows = min(max(rows, 8), -(-size.height // _FEWEST_STRIPS))
    for top in range(0, size.height, rows):
        stop = min(top + rows, size.height)
        places, begin, end = down.part(top, stop)
        wide = _along(samples[:, :, begin:end], 3, across)
        result[:, :, top:stop] = _along(wide, 2, places)
    return result


def _along(values: torch.Tensor, dim: int, places: _Positions) -> torch.Tensor:
    """Interpolate along dimension 2 or 3."""
    import torch

    first = torch.from_numpy(places.first).to(values.device)
    if values.shape[dim] == 1:
        return values.index_select(dim, first)
    ratio = torch.from_numpy(places.ratio).to(values.device)
    ratio = ratio.view(-1, 1) if dim == 2 else ratio
    before, after = _shares(values, dim, first, ratio)
    result = values.index_select(dim, first).mul_(before.unsqueeze(1))
    return result.addcmul_(values.index_select(dim, first + 1), after.unsqueeze(1))


def _shares(
    values: torch.Tensor, dim: int, first: torch.Tensor, ratio: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the factors of the two input vectors of every output vector.

    All trigonometry is done once a vector and not once a channel. With the angle w between the
    vectors, their lengths m and n and the ratio r, the first one's share is
    sin((1 - r) w) / sin(w) * ((1 - r) m + r n) / m.
    """
    import torch

    plane, pairs = dim - 1, values.shape[dim] - 1
    length = values.square().sum(1).sqrt_()
    left, right = length.narrow(plane, 0, pairs), length.narrow(plane, 1, pairs)
    product = (values.narrow(dim, 0, pairs) * values.narrow(dim, 1, pairs)).sum(1)
    cosine = product.div_(left * right)
    # Written so that a NaN, from a vector of length 0, counts as degenerate.
    curved = ((cosine < _ALIKE) & (cosine > _OPPOSITE)).index_select(plane, first)
    angle = cosine.clamp_(-1, 1).acos_()
    scale = angle.sin().reciprocal_().index_select(plane, first)
    growth = (right / left).index_select(plane, first)
    angle = angle.index_select(plane, first)
    before = (angle * (1 - ratio)).sin_().mul_(scale).mul_(1 - ratio + ratio * growth)
    after = angle.mul_(ratio).sin_().mul_(scale).mul_((1 - ratio).div(growth).add_(ratio))
    return torch.where(curved, before, 1 - ratio), torch.where(curved, after, ratio)
