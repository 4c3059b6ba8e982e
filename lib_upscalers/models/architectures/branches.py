"""Fuse the branches that a layer is trained with into the one convolution that they amount to.

SPAN's layer (Conv3XC) is a convolution of 1 x 1, one of 3 x 3 and one of 1 x 1 in a row, beside a
shortcut of 1 x 1. C. Wan et al. 2023, https://arxiv.org/abs/2311.12770; the idea is from X. Ding
et al., "RepVGG", CVPR 2021, https://arxiv.org/abs/2101.03697
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.reading.source import blank, is_blank

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHORTCUT = ".sk.weight"


class FusedLayer(nn.Module):
    """The one convolution, under the name that it has in files.

    Args:
        takes: Channels that it takes.
        gives: Channels that it gives.
        bias: Whether it has one.
    """

    def __init__(self, takes: int, gives: int, *, bias: bool = True) -> None:
        super().__init__()
        self.eval_conv = nn.Conv2d(takes, gives, 3, padding=1, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run it: (N, C, H, W) to (N, D, H, W)."""
        return self.eval_conv(x)


def fuse_layers(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state dict with ``eval_conv`` alone in each layer of SPAN's kind.

    A layer that has no branches, as in files for deployment, stays as it is.

    Args:
        state: Names to tensors; it is not changed.

    Raises:
        KeyError: A branch is missing.
        RuntimeError: Branches do not fit together.
    """
    roots = [name.removesuffix(_SHORTCUT) for name in state if name.endswith(_SHORTCUT)]
    branches = tuple(f"{root}.{part}" for root in roots for part in ("sk.", "conv."))
    fused = {name: tensor for name, tensor in state.items() if not name.startswith(branches)}
    for root in roots:
        weight, bias = three_in_a_row(state, f"{root}.")
        fused[f"{root}.eval_conv.weight"] = weight
        if bias is not None:
            fused[f"{root}.eval_conv.bias"] = bias
    return fused


def three_in_a_row(state: Mapping[str, Any], root: str) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the weight (O, I, 3, 3) and bias (O) of one layer of SPAN's kind, in fp32.

    Args:
        state: Names to tensors.
        root: What the layer's names begin with.
    """
    shortcut = state[f"{root}sk.weight"]
    before, middle, after = (state[f"{root}conv.{i}.weight"] for i in range(3))
    biased = f"{root}sk.bias" in state
    if any(is_blank(each) for each in (shortcut, before, middle, after)):
        return blank_layer(shortcut.shape[0], shortcut.shape[1], 3, biased=biased)
    before, after = before.double()[:, :, 0, 0], after.double()[:, :, 0, 0]
    middle = middle.double()
    weight = torch.einsum("on,nmhw,mi->oihw", after, middle, before)
    weight = weight + functional.pad(shortcut.double(), (1, 1, 1, 1))
    if not biased:
        return weight.float(), None
    first, second, third, direct = (
        state[f"{root}{part}.bias"].double() for part in ("conv.0", "conv.1", "conv.2", "sk")
    )
    bias = after @ (middle.sum((2, 3)) @ first + second) + third + direct
    return weight.float(), bias.float()


def blank_layer(
    gives: int, takes: int, side: int, *, biased: bool = True
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the weight and bias of a convolution whose numbers were not read."""
    weight = blank(gives * takes * side * side, torch.float32).view(gives, takes, side, side)
    return weight, blank(gives, torch.float32) if biased else None
