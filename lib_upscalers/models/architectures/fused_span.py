"""SPAN as it is published for deployment, with one fused convolution a layer, without branches.

The winners of NTIRE's efficient tracks and several AnimeJaNai files hold only `eval_conv` weights.
C. Wan et al. 2023, https://arxiv.org/abs/2311.12770
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

from lib_upscalers.models.adapt.fused import drop_branches
from lib_upscalers.models.architectures.description import Description, shuffled
from lib_upscalers.models.architectures.spandrel_support import support_of

if TYPE_CHECKING:
    from types import ModuleType

    from spandrel import ArchSupport
    from torch.nn import Module

    from lib_upscalers.models.architectures.spandrel_support import Loaded

_LAYERS = (
    "conv_1.eval_conv.weight",
    "block_1.c1_r.eval_conv.weight",
    "block_6.c3_r.eval_conv.weight",
    "conv_2.eval_conv.weight",
    "conv_cat.weight",
    "upsampler.0.weight",
)


def fused_span(spandrel: ModuleType) -> ArchSupport:
    """Return the support for fused SPAN networks.

    Args:
        spandrel: The spandrel to build with.
    """
    return support_of(spandrel, "FusedSPAN", _is_fused_span, partial(_load, spandrel), name="SPAN")


def _is_fused_span(state: dict[str, Any]) -> bool:
    branched = any(".sk." in name or ".conv.0." in name for name in state)
    return all(name in state for name in _LAYERS) and not branched


def _load(spandrel: ModuleType, state: dict[str, Any]) -> Loaded:
    """Return spandrel's SPAN with the fused convolution alone in each layer."""
    util: Any = import_module(f"{spandrel.__name__}.util")
    takes = state["conv_1.eval_conv.weight"].shape[1]
    count = state["upsampler.0.weight"].shape[0]
    scale, gives = shuffled(count, takes) or util.get_scale_and_output_channels(count, takes)
    model, features = build_span(spandrel, state, "eval_conv", scale, (takes, gives))
    drop_branches(model)
    return model, state, Description(scale, takes, gives, (f"{features}nf", "fused"))


def build_span(
    spandrel: ModuleType, state: dict[str, Any], layer: str, scale: int, channels: tuple[int, int]
) -> tuple[Module, int]:
    """Return spandrel's SPAN for a state dict, and its features; complete the state dict.

    Args:
        spandrel: The spandrel to build with.
        state: The weights; the flag for a network without normalisation is set.
        layer: The part of a layer whose weights show its size.
        scale: Of the network.
        channels: How many it takes and gives.
    """
    family: Any = import_module(f"{spandrel.__name__}.architectures.SPAN")
    features = state[f"conv_1.{layer}.weight"].shape[0]
    norm = "no_norm" not in state
    if not norm:
        state["no_norm"] = torch.zeros(1)
    takes, gives = channels
    model = family.SPAN(
        num_in_ch=takes, num_out_ch=gives, feature_channels=features, upscale=scale, norm=norm
    )
    return model, features
