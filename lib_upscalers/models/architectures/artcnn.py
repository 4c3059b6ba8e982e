"""ArtCNN: residual blocks with ReLU, for drawings; fast.

Artoriuz 2024, https://github.com/Artoriuz/ArtCNN (MIT). Layers are named as in the PyTorch port,
https://github.com/umzi2/ArtCNN-PyTorch (Apache-2.0); what was published has ReLU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from lib_upscalers.models.architectures.description import Description, count_blocks, scale_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

ID = "ArtCNN"
LAYERS = (("conv0.weight", "res_block.0.conv.0.0.weight", "depth_to_space.upscale.0.weight"),)


class _Residual(nn.Module):
    """Three convolutions whose result is added."""

    def __init__(self, features: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Sequential(_convolution(features, features, kernel), nn.ReLU(inplace=True)),
            nn.Sequential(_convolution(features, features, kernel), nn.ReLU(inplace=True)),
            _convolution(features, features, kernel),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + x


class _Shuffle(nn.Module):
    """The convolution and the pixel shuffle that make a picture."""

    def __init__(self, features: int, channels: int, kernel: int, scale: int) -> None:
        super().__init__()
        last = _convolution(features, channels * scale**2, kernel)
        self.upscale = nn.Sequential(last, nn.PixelShuffle(scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.upscale(x)


class ArtCNN(nn.Module):
    """The network.

    Args:
        channels: Of pictures: 1 or 3.
        features: Channels between the layers.
        blocks: How many.
        kernel: The side of each convolution.
        scale: Output pixels an input pixel, on each side.
    """

    def __init__(
        self,
        channels: int = 3,
        features: int = 64,
        blocks: int = 8,
        kernel: int = 3,
        scale: int = 2,
    ) -> None:
        super().__init__()
        self.conv0 = _convolution(channels, features, kernel)
        residuals = [_Residual(features, kernel) for _ in range(blocks)]
        self.res_block = nn.Sequential(*residuals, _convolution(features, features, kernel))
        self.depth_to_space = _Shuffle(features, channels, kernel, scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, C, H, W) in [0, 1]."""
        x = self.conv0(x)
        return self.depth_to_space(self.res_block(x) + x)


def _convolution(takes: int, gives: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(takes, gives, kernel, padding=kernel // 2)


def load(state: Mapping[str, Any]) -> tuple[ArtCNN, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    features, channels, kernel = state["conv0.weight"].shape[:3]
    blocks = count_blocks(state, "res_block.") - 1
    scale = scale_of(state, "depth_to_space.upscale.0.weight", channels)
    network = ArtCNN(channels, features, blocks, kernel, scale)
    network.load_state_dict(dict(state))
    return network, Description(scale, channels, channels, (f"R{blocks}F{features}",))
