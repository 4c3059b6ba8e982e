"""SPANF3: SPAN with learned attention and ReLU; the networks of AnimeJaNai V3.1.

the-database 2026, https://github.com/the-database/traiNNer-redux (Apache-2.0), after C. Wan et
al. 2023, https://arxiv.org/abs/2311.12770. Layers are named as there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.branches import FusedLayer, fuse_layers
from lib_upscalers.models.architectures.description import Description, count_blocks, scale_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ID = "SPANF3"
LAYERS = (
    ("conv_1.eval_conv.weight", "block_1.att_conv.weight", "to_pixel.eval_conv.weight"),
    ("conv_1.1.eval_conv.weight", "block_1.att_conv.weight", "to_pixel.eval_conv.weight"),
)
_UNSHUFFLED = "conv_1.1.eval_conv.weight"


class _Block(nn.Module):
    """Three layers, whose result a fourth one weights."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.c1_r = FusedLayer(features, features)
        self.c2_r = FusedLayer(features, features)
        self.c3_r = FusedLayer(features, features)
        self.att_conv = nn.Conv2d(features, features, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = functional.relu_(self.c1_r(x))
        third = self.c3_r(functional.relu_(self.c2_r(first)))
        return (x + third) * self.att_conv(third).tanh_(), first


class SPANF3(nn.Module):
    """The network.

    Args:
        channels: Of the pictures that it takes.
        gives: Channels of those that it gives.
        features: Channels between the layers.
        blocks: How many.
        enlarges: By how much the last layer enlarges.
        unshuffle: By how much the picture is made smaller before the first layer.
    """

    def __init__(
        self, channels: int, gives: int, features: int, blocks: int, enlarges: int, unshuffle: int
    ) -> None:
        super().__init__()
        self.blocks = blocks
        first = FusedLayer(channels * unshuffle**2, features)
        whole = nn.Sequential(nn.PixelUnshuffle(unshuffle), first)
        self.conv_1 = whole if unshuffle > 1 else first
        for i in range(blocks):
            self.add_module(f"block_{i + 1}", _Block(features))
        self.conv_cat = nn.Conv2d(4 * features, features, 1)
        self.to_pixel = FusedLayer(features, gives * enlarges**2)
        self.upsampler = nn.PixelShuffle(enlarges)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, C, H, W) in [0, 1], whose sides `unshuffle` divides."""
        start = first = last = inner = self.conv_1(x)
        for i in range(self.blocks):
            last, inner = self.get_submodule(f"block_{i + 1}")(last)
            first = first if i else last
        joined = self.conv_cat(torch.cat((start, last, first, inner), 1))
        return self.upsampler(self.to_pixel(joined))


def load(state: Mapping[str, Any]) -> tuple[SPANF3, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    state = fuse_layers(state)
    unshuffled = _UNSHUFFLED in state
    features, takes = state[_UNSHUFFLED if unshuffled else "conv_1.eval_conv.weight"].shape[:2]
    # Both kinds are for RGB; grey needs no other rule, since 1 and 3 share no square.
    channels = 3 if takes % 3 == 0 else 1
    unshuffle = math.isqrt(takes // channels)
    gives = channels
    enlarges = scale_of(state, "to_pixel.eval_conv.weight", gives)
    blocks = count_blocks({"block_0.": None, **state}, "block_") - 1
    if enlarges % unshuffle:
        raise ValueError(f"it enlarges by {enlarges} / {unshuffle}, which is no whole number")
    network = SPANF3(channels, gives, features, blocks, enlarges, unshuffle)
    network.load_state_dict(state)
    return network, Description(
        enlarges // unshuffle,
        channels,
        gives,
        (f"{features}nf", f"{blocks}nb"),
        multiple_of=unshuffle,
    )
