"""SPAN+: SPAN's blocks in several groups, with Mish, and learned positions for the enlargement.

umzi2 2024, https://github.com/umzi2/SPANPlus (Apache-2.0), after C. Wan et al. 2023,
https://arxiv.org/abs/2311.12770. Layers are named as there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.branches import FusedLayer, fuse_layers
from lib_upscalers.models.architectures.description import (
    Description,
    count_blocks,
    scale_of,
    shuffled,
)
from lib_upscalers.models.architectures.dysample import dynamic_sampling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ID = "SPANPlus"
LAYERS = (
    (
        "feats.0.eval_conv.weight",
        "feats.1.block_1.c1_r.eval_conv.weight",
        "feats.1.conv_cat.weight",
    ),
)


class _Attention(nn.Module):
    """Three layers, whose result weights itself."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.c1_r = FusedLayer(features, features)
        self.c2_r = FusedLayer(features, features)
        self.c3_r = FusedLayer(features, features)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = functional.mish(self.c1_r(x))
        third = self.c3_r(functional.mish(self.c2_r(first)))
        return (third + x) * (third.sigmoid() - 0.5), first


class _Group(nn.Module):
    """A first, some more and a last block, all four of their results joined."""

    def __init__(self, features: int, blocks: int) -> None:
        super().__init__()
        self.block_1 = _Attention(features)
        self.block_n = nn.Sequential(*[_Attention(features) for _ in range(blocks)])
        self.block_end = _Attention(features)
        self.conv_2 = FusedLayer(features, features)
        self.conv_cat = nn.Conv2d(4 * features, features, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = last = self.block_1(x)[0]
        for block in self.block_n:
            last = block(last)[0]
        last, inner = self.block_end(last)
        return self.conv_cat(torch.cat((x, self.conv_2(last), first, inner), 1))


class SPANPlus(nn.Module):
    """The network.

    Args:
        channels: Of the pictures that it takes.
        features: Channels between the layers.
        groups: How many blocks each group has between its first and its last one.
        upsampler: What makes pictures of features.
    """

    def __init__(
        self, channels: int, features: int, groups: Sequence[int], upsampler: nn.Module
    ) -> None:
        super().__init__()
        layers = [_Group(features, blocks) for blocks in groups]
        self.feats = nn.Sequential(FusedLayer(channels, features), *layers)
        self.upsampler = upsampler

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, C, H, W) in [0, 1]."""
        return self.upsampler(self.feats(x))


def load(state: Mapping[str, Any]) -> tuple[SPANPlus, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    state = fuse_layers(state)
    features, takes = state["feats.0.eval_conv.weight"].shape[:2]
    groups = [
        count_blocks(state, f"feats.{i}.block_n.") for i in range(1, count_blocks(state, "feats."))
    ]
    if "upsampler.0.weight" in state:
        count = int(state["upsampler.0.weight"].shape[0])
        scale, gives = shuffled(count, takes) or (
            scale_of(state, "upsampler.0.weight", takes),
            takes,
        )
        wide = nn.Conv2d(features, gives * scale**2, 3, padding=1)
        upsampler: nn.Module = nn.Sequential(wide, nn.PixelShuffle(scale))
    elif "upsampler.weight" in state:
        gives, scale = state["upsampler.weight"].shape[0], 1
        upsampler = nn.Conv2d(features, gives, 3, padding=1)
    else:
        upsampler = dynamic_sampling(state, "upsampler.")
        gives, scale = upsampler.end_conv.out_channels, upsampler.scale
    network = SPANPlus(takes, features, groups, upsampler)
    network.load_state_dict(state)
    tags = (f"{features}nf", *(f"{blocks}nb" for blocks in groups))
    return network, Description(scale, takes, gives, tags)
