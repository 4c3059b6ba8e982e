"""SPANF: SPAN with fused layers and a shortcut by nearest neighbours, made for speed.

After C. Wan et al. 2023, https://arxiv.org/abs/2311.12770. Layers are named as in traiNNer-redux
(Apache-2.0), https://github.com/the-database/traiNNer-redux
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.branches import FusedLayer, fuse_layers
from lib_upscalers.models.architectures.description import Description, count_blocks, scale_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ID = "SPANF"
LAYERS = (("conv_near.weight", "block_1.c1_r.eval_conv.weight", "conv_2.eval_conv.weight"),)


class _Block(nn.Module):
    """Three layers, whose result weights itself where it has as many channels as came."""

    def __init__(self, takes: int, gives: int) -> None:
        super().__init__()
        self.weighted = takes == gives
        self.c1_r = FusedLayer(takes, gives)
        self.c2_r = FusedLayer(gives, gives)
        self.c3_r = FusedLayer(gives, gives)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.silu(self.c1_r(x), inplace=True)
        result = self.c3_r(functional.silu(self.c2_r(inner), inplace=True))
        return (result + x) * (result.sigmoid() - 0.5) if self.weighted else result


class SPANF(nn.Module):
    """The network.

    Args:
        channels: Of the pictures.
        features: Channels between the layers.
        blocks: How many.
        scale: Output pixels an input pixel, on each side.
    """

    def __init__(self, channels: int, features: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.blocks = blocks
        near = channels * scale**2
        self.conv_near = nn.Conv2d(channels, near, 3, padding=1, groups=channels, bias=False)
        for i in range(blocks):
            self.add_module(f"block_{i + 1}", _Block(features if i else channels, features))
        self.conv_cat = nn.Conv2d(2 * features + near, features, 1)
        self.conv_2 = FusedLayer(features, near)
        self.depth_to_space = nn.PixelShuffle(scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, C, H, W) in [0, 1]."""
        near = self.conv_near(x)
        first = last = self.get_submodule("block_1")(x)
        for i in range(1, self.blocks):
            last = self.get_submodule(f"block_{i + 1}")(last)
        joined = self.conv_cat(torch.cat((near, last, first), 1))
        return self.depth_to_space(self.conv_2(joined))


def load(state: Mapping[str, Any]) -> tuple[SPANF, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    state = fuse_layers(state)
    features, channels = state["block_1.c1_r.eval_conv.weight"].shape[:2]
    scale = scale_of(state, "conv_near.weight", channels)
    blocks = count_blocks({"block_0.": None, **state}, "block_") - 1
    network = SPANF(channels, features, blocks, scale)
    network.load_state_dict(state)
    return network, Description(scale, channels, channels, (f"{features}nf", f"{blocks}nb"))
