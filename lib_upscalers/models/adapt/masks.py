"""Compute attention masks in the network's own precision.

Networks with shifted windows compute their masks in every forward, many of them in fp32 whatever
their input is, which a layer in bf16 refuses.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

_METHOD = "calculate_mask"


class _Masks:
    """Replaces a method of a layer, which owns this, so that its reference is weak."""

    def __init__(self, layer: nn.Module) -> None:
        self._layer = weakref.ref(layer)

    def __call__(self, *args: object, **kwargs: object) -> object:
        layer: Any = self._layer()
        weights: torch.Tensor = next(layer.parameters())
        return _in_precision(getattr(type(layer), _METHOD)(layer, *args, **kwargs), weights.dtype)


def cast_masks(module: nn.Module) -> None:
    """Let every layer that computes masks do so in the precision of its weights."""
    for layer in module.modules():
        if hasattr(type(layer), _METHOD):
            vars(layer)[_METHOD] = _Masks(layer)


def _in_precision(masks: object, dtype: torch.dtype) -> object:
    if isinstance(masks, (tuple, list)):
        return tuple(_in_precision(mask, dtype) for mask in masks)
    if isinstance(masks, torch.Tensor) and masks.is_floating_point():
        return masks.to(dtype)
    return masks
