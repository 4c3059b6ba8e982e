"""DIS: a few residual blocks beside a bilinear enlargement; among the fastest.

Kim2091 2025, https://github.com/Kim2091/DIS (Apache-2.0). Layers are named as there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.description import Description, count_blocks, scale_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

ID = "DIS"
LAYERS = (
    ("head.weight", "head_act.weight", "body.0.conv1.weight", "fusion.weight", "tail.weight"),
    (
        "head.weight",
        "head_act.weight",
        "body.0.dw_conv.depthwise.weight",
        "fusion.weight",
        "tail.weight",
    ),
)
_LIGHT = "body.0.dw_conv.depthwise.weight"


class _Residual(nn.Module):
    """Two convolutions whose result is added."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.act = nn.PReLU(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv2(self.act(self.conv1(x))) + x


class _Separable(nn.Module):
    """A convolution of each channel, and one across channels."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(features, features, 3, padding=1, groups=features, bias=False)
        self.pointwise = nn.Conv2d(features, features, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(x))


class _Light(nn.Module):
    """The residual block of the variant with separable convolutions."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.dw_conv = _Separable(features)
        self.act = nn.PReLU(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.act(self.dw_conv(x))


class _Enlarging(nn.Module):
    """A convolution, a pixel shuffle and slopes."""

    def __init__(self, features: int, scale: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(features, features * scale**2, 3, padding=1)
        self.pixel_shuffle = nn.PixelShuffle(scale)
        self.act = nn.PReLU(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.pixel_shuffle(self.conv(x)))


class DIS(nn.Module):
    """The network.

    Args:
        channels: Of the pictures that it takes.
        gives: Channels of those that it gives.
        features: Channels between the layers.
        blocks: How many.
        scale: Output pixels an input pixel, on each side: 1 to 4.
        light: Whether the blocks have separable convolutions.
    """

    def __init__(
        self,
        channels: int = 3,
        gives: int = 3,
        features: int = 32,
        blocks: int = 12,
        scale: int = 2,
        *,
        light: bool = False,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.head_act = nn.PReLU(features)
        block = _Light if light else _Residual
        self.body = nn.Sequential(*[block(features) for _ in range(blocks)])
        self.fusion = nn.Conv2d(features, features, 3, padding=1)
        self.upsampler: nn.Module = nn.Identity()
        if scale == 4:
            self.upsampler = nn.Sequential(_Enlarging(features, 2), _Enlarging(features, 2))
        elif scale > 1:
            self.upsampler = _Enlarging(features, scale)
        self.tail = nn.Conv2d(features, gives, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, C, H, W) in [0, 1]."""
        features = self.head_act(self.head(x))
        features = self.upsampler(self.fusion(self.body(features)) + features)
        if self.scale > 1:
            x = functional.interpolate(
                x, scale_factor=self.scale, mode="bilinear", align_corners=False
            )
        return self.tail(features) + x


def load(state: Mapping[str, Any]) -> tuple[DIS, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    features, takes = state["head.weight"].shape[:2]
    gives = state["tail.weight"].shape[0]
    blocks = count_blocks(state, "body.")
    light = _LIGHT in state
    scale = 1
    if "upsampler.0.conv.weight" in state:
        scale = 4
    elif "upsampler.conv.weight" in state:
        scale = scale_of(state, "upsampler.conv.weight", features)
    network = DIS(takes, gives, features, blocks, scale, light=light)
    network.load_state_dict(dict(state))
    tags = (f"{features}nf", f"{blocks}nb", *(("depthwise",) if light else ()))
    return network, Description(scale, takes, gives, tags)
