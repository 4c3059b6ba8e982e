"""Normalisation over channels, as several architectures here have it.

B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019,
https://arxiv.org/abs/1910.07467
"""

from __future__ import annotations

import torch
from torch import nn

_EPSILON = 1e-6


class ChannelNorm(nn.Module):
    """Divides each pixel's channels by their root mean square, then scales and shifts them.

    Args:
        channels: How many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.offset = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise (N, C, H, W)."""
        root = x.norm(2, dim=1, keepdim=True) * x.shape[1] ** -0.5
        return self.scale[:, None, None] * (x / (root + _EPSILON)) + self.offset[:, None, None]
