"""waifu2x's CUNet, which removes noise at the same size; two small U-Nets in a row.

nagadomi 2018, https://github.com/nagadomi/nunif (MIT): a layer's name is as there. The one that
enlarges twice has the layers of Real-CUGAN, which was made from it, and is loaded as that. Means
over the whole picture weight the channels: J. Hu et al. 2018, https://arxiv.org/abs/1709.01507
Of Real-CUGAN there is one without these means ("nose", 2x): such networks are loaded here, too.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.description import Description

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

ID = "CUNet"
# It has the same layers, and another shape of one.
BEFORE = ("RealCUGAN",)
_NAMES = ("unet1.conv1.conv.0.weight", "unet1.conv2.conv.0.weight", "unet2.conv5.weight")
_SQUEEZED = "unet1.conv2.seblock.conv1.weight"
_SHAPED = "unet1.conv_bottom.weight"
# By the side of the first U-Net's last kernel.
_SCALES = MappingProxyType({3: 1, 4: 2})
# By scale, how much the U-Nets take off each side, and what waifu2x and Real-CUGAN put there.
_BORDERS = MappingProxyType({1: (28, "replicate"), 2: (18, "reflect")})
_SLOPE = 0.1


class _Squeeze(nn.Module):
    """Weights channels by their means over the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels // 8, 1)
        self.conv2 = nn.Conv2d(channels // 8, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu_(self.conv1(x.mean((2, 3), keepdim=True)))
        return x * self.conv2(inner).sigmoid()


class _Pair(nn.Module):
    """Two convolutions without padding."""

    def __init__(self, takes: int, inner: int, gives: int, *, squeeze: bool) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(takes, inner, 3),
            nn.LeakyReLU(_SLOPE, inplace=True),
            nn.Conv2d(inner, gives, 3),
            nn.LeakyReLU(_SLOPE, inplace=True),
        )
        if squeeze:
            self.seblock = _Squeeze(gives)
        self.squeeze = squeeze

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.seblock(self.conv(x)) if self.squeeze else self.conv(x)


class _Shallow(nn.Module):
    """A U-Net that halves the size once."""

    def __init__(self, channels: int, gives: int, scale: int, *, squeeze: bool) -> None:
        super().__init__()
        self.conv1 = _Pair(channels, 32, 64, squeeze=False)
        self.conv1_down = nn.Conv2d(64, 64, 2, 2)
        self.conv2 = _Pair(64, 128, 64, squeeze=squeeze)
        self.conv2_up = nn.ConvTranspose2d(64, 64, 2, 2)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.conv_bottom = (
            nn.ConvTranspose2d(64, gives, 4, 2, 3) if scale == 2 else nn.Conv2d(64, gives, 3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        beside = self.conv1(x)
        x = self.conv2(_leaky(self.conv1_down(beside)))
        x = _cropped(beside, 4) + _leaky(self.conv2_up(x))
        return self.conv_bottom(_leaky(self.conv3(x)))


class _Deep(nn.Module):
    """A U-Net that halves the size twice."""

    def __init__(self, channels: int, gives: int, *, squeeze: bool) -> None:
        super().__init__()
        self.conv1 = _Pair(channels, 32, 64, squeeze=False)
        self.conv1_down = nn.Conv2d(64, 64, 2, 2)
        self.conv2 = _Pair(64, 64, 128, squeeze=squeeze)
        self.conv2_down = nn.Conv2d(128, 128, 2, 2)
        self.conv3 = _Pair(128, 256, 128, squeeze=squeeze)
        self.conv3_up = nn.ConvTranspose2d(128, 128, 2, 2)
        self.conv4 = _Pair(128, 64, 64, squeeze=squeeze)
        self.conv4_up = nn.ConvTranspose2d(64, 64, 2, 2)
        self.conv5 = nn.Conv2d(64, 64, 3)
        self.conv_bottom = nn.Conv2d(64, gives, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shallow = self.conv1(x)
        deep = self.conv2(_leaky(self.conv1_down(shallow)))
        x = self.conv3(_leaky(self.conv2_down(deep)))
        x = self.conv4(_cropped(deep, 4) + _leaky(self.conv3_up(x)))
        x = _cropped(shallow, 16) + _leaky(self.conv4_up(x))
        return self.conv_bottom(_leaky(self.conv5(x)))


class CUNet(nn.Module):
    """The network.

    Args:
        channels: Of the pictures that it takes.
        gives: Channels of those that it gives.
        scale: 1 or 2.
        squeeze: Whether means over the whole picture weight channels.
    """

    def __init__(
        self, channels: int = 3, gives: int = 3, scale: int = 1, *, squeeze: bool = True
    ) -> None:
        super().__init__()
        self.unet1 = _Shallow(channels, gives, scale, squeeze=squeeze)
        self.unet2 = _Deep(gives, gives, squeeze=squeeze)
        self.border, self.beyond = _BORDERS[scale]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Clean pictures (N, C, H, W) in [0, 1], whose sides 4 divides, or 2 if it enlarges."""
        first = self.unet1(functional.pad(x, (self.border,) * 4, mode=self.beyond))
        return self.unet2(first) + _cropped(first, 20)


def _leaky(x: torch.Tensor) -> torch.Tensor:
    return functional.leaky_relu_(x, _SLOPE)


def _cropped(x: torch.Tensor, border: int) -> torch.Tensor:
    return x[..., border:-border, border:-border]


def detect(state: Mapping[str, Any]) -> bool:
    """Return whether a state dict is of a network that spandrel's Real-CUGAN is not."""
    if not all(name in state for name in (*_NAMES, _SHAPED)):
        return False
    scale = _SCALES.get(state[_SHAPED].shape[2])
    return scale == 1 or (scale == 2 and _SQUEEZED not in state)


def load(state: Mapping[str, Any]) -> tuple[CUNet, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    takes = state[_NAMES[0]].shape[1]
    scale = _SCALES[state[_SHAPED].shape[2]]
    gives = state[_SHAPED].shape[0 if scale == 1 else 1]
    network = CUNet(takes, gives, scale, squeeze=_SQUEEZED in state)
    network.load_state_dict(dict(state))
    least = 0 if scale == 1 else _BORDERS[scale][0] + 2
    return network, Description(
        scale, takes, gives, multiple_of=4 if scale == 1 else 2, minimum=least
    )
