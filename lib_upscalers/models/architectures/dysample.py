"""DySample: enlarge features by sampling them at positions that are learned.

W. Liu et al., "Learning to Upsample by Learning to Sample", ICCV 2023,
https://arxiv.org/abs/2308.15085; layers named as in https://github.com/tiny-smart/dysample (MIT)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping

_GROUPS = 4


class DynamicSampling(nn.Module):
    """The layer, with the convolution that follows it.

    Args:
        features: Channels that it takes.
        gives: Channels after the convolution.
        scale: Output pixels an input pixel, on each side.
        kernel: The side of the convolution.
    """

    init_pos: torch.Tensor

    def __init__(self, features: int, gives: int, scale: int, kernel: int = 1) -> None:
        super().__init__()
        self.scale = scale
        self.offset = nn.Conv2d(features, 2 * _GROUPS * scale**2, 1)
        self.scope = nn.Conv2d(features, 2 * _GROUPS * scale**2, 1, bias=False)
        self.end_conv = nn.Conv2d(features, gives, kernel, padding=kernel // 2)
        self.register_buffer("init_pos", torch.zeros(1, 2 * _GROUPS * scale**2, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge (N, C, H, W) to (N, D, H * scale, W * scale)."""
        n, _, height, width = x.shape
        # Half precision does not tell the pixels of a row of a thousand apart.
        moved = self.offset(x) * self.scope(x).sigmoid() * 0.5 + self.init_pos
        moved = moved.float().view(n, 2, -1, height, width)
        across = (torch.arange(width, device=x.device) + 0.5 + moved[:, 0]) / width
        down = torch.arange(height, device=x.device)[:, None] + 0.5
        down = (down + moved[:, 1]) / height
        where = torch.stack((across, down), 1).flatten(1, 2) * 2 - 1
        where = functional.pixel_shuffle(where, self.scale)
        tall, wide = height * self.scale, width * self.scale
        where = where.view(n, 2, _GROUPS, tall, wide).permute(0, 2, 3, 4, 1).flatten(0, 1)
        found = functional.grid_sample(
            x.float().reshape(n * _GROUPS, -1, height, width),
            where,
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )
        return self.end_conv(found.view(n, -1, tall, wide).to(x.dtype))


def dynamic_sampling(state: Mapping[str, Any], prefix: str) -> DynamicSampling:
    """Return the layer whose weights a state dict has.

    Args:
        state: Names to tensors.
        prefix: What the layer's names begin with, with the dot.

    Raises:
        KeyError: A weight is missing.
    """
    gives, features, kernel = state[f"{prefix}end_conv.weight"].shape[:3]
    scale = math.isqrt(state[f"{prefix}offset.weight"].shape[0] // (2 * _GROUPS))
    return DynamicSampling(features, gives, scale, kernel)
