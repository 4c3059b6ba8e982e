"""ESPCN: three convolutions and a pixel shuffle; fast, and the example of an architecture here.

Wenzhe Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network", CVPR 2016, https://arxiv.org/abs/1609.05158. Layers are named as in
https://github.com/yjn870/ESPCN-pytorch (MIT); its files enlarge luma, so they have one channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from lib_upscalers.models.architectures.description import Description, scale_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

ID = "ESPCN"
LAYERS = (("first_part.0.weight", "first_part.2.weight", "last_part.0.weight"),)


class ESPCN(nn.Module):
    """The network.

    Args:
        channels: Of pictures: 1 or 3.
        wide: Features of the first layer.
        narrow: Features of the second layer.
        scale: Output pixels an input pixel, on each side.
    """

    def __init__(self, channels: int = 1, wide: int = 64, narrow: int = 32, scale: int = 2) -> None:
        super().__init__()
        self.first_part = nn.Sequential(
            nn.Conv2d(channels, wide, 5, padding=2),
            nn.Tanh(),
            nn.Conv2d(wide, narrow, 3, padding=1),
            nn.Tanh(),
        )
        self.last_part = nn.Sequential(
            nn.Conv2d(narrow, channels * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, C, H, W) in [0, 1] to (N, C, H * scale, W * scale)."""
        return self.last_part(self.first_part(batch))


def load(state: Mapping[str, Any]) -> tuple[ESPCN, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    wide, channels = state["first_part.0.weight"].shape[:2]
    narrow = state["first_part.2.weight"].shape[0]
    scale = scale_of(state, "last_part.0.weight", channels)
    network = ESPCN(channels, wide, narrow, scale)
    network.load_state_dict(dict(state))
    return network, Description(scale, channels, channels, (f"{wide}nf", f"{narrow}nf"))
