"""The layers of the pixel network.

The layout, and so the names in the state dict, is that of Real-ESRGAN's SRVGGNetCompact, which
many programs load: X. Wang et al. 2021, https://arxiv.org/abs/2107.10833
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch.nn import functional


class Compact(nn.Module):
    """3 x 3 convolutions with PReLU, all at the small size, added to the nearest enlargement.

    `forward` takes (N, 3, H, W) in [0, 1] and returns (N, 3, scale * H, scale * W), not clamped.

    Args:
        features: Channels of the inner layers.
        layers: How many of those there are.
        scale: Output pixels an input pixel, on each side.
    """

    def __init__(self, features: int, layers: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        body: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.PReLU(features)]
        for _ in range(layers):
            body += [nn.Conv2d(features, features, 3, padding=1), nn.PReLU(features)]
        self.body = nn.ModuleList([*body, nn.Conv2d(features, 3 * scale**2, 3, padding=1)])
        self._begin()

    def _begin(self) -> None:
        convolutions = [layer for layer in self.body if isinstance(layer, nn.Conv2d)]
        for layer in convolutions:
            nn.init.kaiming_normal_(layer.weight, a=0.25)
            nn.init.zeros_(cast("torch.Tensor", layer.bias))
        # Small weights: it starts close to the plain enlargement, so that the first steps are not
        # wasted.
        with torch.no_grad():
            convolutions[-1].weight.mul_(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures."""
        out = x
        for layer in self.body:
            out = layer(out)
        base = functional.interpolate(x, scale_factor=self.scale, mode="nearest")
        return functional.pixel_shuffle(out, self.scale) + base
