"""waifu2x's UpConv7: six convolutions and one that enlarges.

nagadomi 2016, https://github.com/nagadomi/waifu2x (MIT); layers named as in
https://github.com/nagadomi/nunif (MIT). The picture's border is repeated, as both do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.description import Description

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

ID = "UpConv7"
LAYERS = (tuple(f"net.{i}.weight" for i in range(0, 13, 2)),)
_BORDER = 7
_SLOPE = 0.1


class UpConv7(nn.Module):
    """The network.

    Args:
        channels: Of the pictures that it takes.
        gives: Channels of those that it gives.
        widths: Features of the layers between.
    """

    def __init__(
        self,
        channels: int = 3,
        gives: int = 3,
        widths: tuple[int, ...] = (16, 32, 64, 128, 128, 256),
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for takes, width in zip((channels, *widths), widths, strict=False):
            layers += [nn.Conv2d(takes, width, 3), nn.LeakyReLU(_SLOPE, inplace=True)]
        self.net = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], gives, 4, 2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, C, H, W) in [0, 1] to twice their size."""
        return self.net(functional.pad(x, (_BORDER,) * 4, mode="replicate"))


def load(state: Mapping[str, Any]) -> tuple[UpConv7, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    takes = state["net.0.weight"].shape[1]
    gives = state["net.12.weight"].shape[1]
    widths = tuple(state[f"net.{i}.weight"].shape[0] for i in range(0, 12, 2))
    network = UpConv7(takes, gives, widths)
    network.load_state_dict(dict(state))
    return network, Description(2, takes, gives)
