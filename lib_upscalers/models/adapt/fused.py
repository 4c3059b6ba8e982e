"""Fuse re-parameterised convolutions once instead of in every forward.

SPAN's layer is trained as three convolutions and a branch, which are equal to one convolution;
spandrel computes that one in every forward, which takes as long as a small picture does.
C. Wan et al. 2023, https://arxiv.org/abs/2311.12770
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

_SLOPE = 0.05


class Fused(nn.Module):
    """A fused convolution, and the activation that may follow it.

    Args:
        convolution: The one that is equal to the branches.
        activated: Whether a leaky ReLU follows.
    """

    def __init__(self, convolution: nn.Conv2d, *, activated: bool) -> None:
        super().__init__()
        # Files name the layer so.
        self.eval_conv = convolution
        self.activated = activated

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the convolution: (N, C, H, W) to (N, D, H, W)."""
        out = self.eval_conv(x)
        return functional.leaky_relu_(out, _SLOPE) if self.activated else out


def fuse_branches(module: nn.Module) -> None:
    """Replace every layer with branches, at any depth of the network, by its fused one."""
    for parent, name, layer in _layers(module):
        update: Callable[[], None] = layer.update_params
        update()
        _replace(parent, name, layer)


def drop_branches(module: nn.Module) -> None:
    """Drop the branches of every such layer, if the weights were fused before."""
    for parent, name, layer in _layers(module):
        _replace(parent, name, layer)


def _layers(module: nn.Module) -> list[tuple[nn.Module, str, Any]]:
    return [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent.named_children()
        if type(child).__name__ == "Conv3XC" and hasattr(child, "eval_conv")
    ]


def _replace(parent: nn.Module, name: str, layer: Any) -> None:  # noqa: ANN401
    fused = Fused(layer.eval_conv, activated=bool(layer.has_relu))
    setattr(parent, name, fused.requires_grad_(requires_grad=False).eval())
