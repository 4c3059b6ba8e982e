"""Compact and SPAN from colour to grey: spandrel takes four channels of one scale for its half.

A pixel shuffle of 4 channels gives one at 2x, or four at 1x. No network from RGB to RGBA is
supported, so it is always the first. Their papers: https://arxiv.org/abs/2107.10833 (Real-ESRGAN's
small networks) and https://arxiv.org/abs/2311.12770
"""

from __future__ import annotations

import math
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from torch.nn import functional

from lib_upscalers.models.architectures.description import Description, count_blocks, shuffled
from lib_upscalers.models.architectures.fused_span import build_span
from lib_upscalers.models.architectures.spandrel_support import support_of

if TYPE_CHECKING:
    from types import ModuleType

    import torch
    from spandrel import ArchSupport

    from lib_upscalers.models.architectures.spandrel_support import Loaded

# The weights of red, green and blue in grey: ITU-R BT.601, as pictures are read.
_LUMA = (0.299, 0.587, 0.114)


def grey_compact(spandrel: ModuleType) -> ArchSupport:
    """Return the support for Compact from colour to grey.

    Args:
        spandrel: The spandrel to build with.
    """
    load = partial(_compact, spandrel)
    name = "RealESRGAN Compact"
    return support_of(
        spandrel, "GreyCompact", _is_grey_compact, load, name=name, before=("Compact",)
    )


def grey_span(spandrel: ModuleType) -> ArchSupport:
    """Return the support for SPAN with its branches from colour to grey.

    Args:
        spandrel: The spandrel to build with.
    """
    load = partial(_span, spandrel)
    return support_of(spandrel, "GreySPAN", _is_grey_span, load, name="SPAN", before=("SPAN",))


def _sides(state: dict[str, Any], name: str) -> tuple[int, ...]:
    return tuple(getattr(state.get(name), "shape", ()))


def _gives_grey(count: int) -> bool:
    found = shuffled(count, 3)
    return found is not None and found[1] == 1


def _is_grey_compact(state: dict[str, Any]) -> bool:
    first, slopes = _sides(state, "body.0.weight"), _sides(state, "body.1.weight")
    last = _sides(state, f"body.{count_blocks(state, 'body.') - 1}.bias")
    shaped = len(first) == 4 and len(slopes) == 1 and len(last) == 1
    return shaped and first[1] == 3 and _gives_grey(last[0])


def _is_grey_span(state: dict[str, Any]) -> bool:
    first, last = _sides(state, "conv_1.sk.weight"), _sides(state, "upsampler.0.weight")
    shaped = len(first) == len(last) == 4 and "block_1.c1_r.sk.weight" in state
    return shaped and first[1] == 3 and _gives_grey(last[0])


def _compact(spandrel: ModuleType, state: dict[str, Any]) -> Loaded:
    family: Any = import_module(f"{spandrel.__name__}.architectures.Compact")
    made: Any = getattr(family, "Compact", None) or family.SRVGGNetCompact

    class ToGrey(made):
        """Adds the grey of the enlarged picture instead of its colours."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """Enlarge (N, 3, H, W) to (N, 1, H * scale, W * scale)."""
            features = x
            for layer in self.body:
                features = layer(features)
            grey = (x * x.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)
            large = functional.interpolate(grey, scale_factor=self.upscale, mode="nearest")
            return self.upsampler(features) + large

    last = count_blocks(state, "body.") - 1
    features = state["body.0.weight"].shape[0]
    scale = math.isqrt(state[f"body.{last}.bias"].shape[0])
    layers = (last - 2) // 2
    model = ToGrey(num_in_ch=3, num_out_ch=1, num_feat=features, num_conv=layers, upscale=scale)
    return model, state, Description(scale, 3, 1, ("grey",))


def _span(spandrel: ModuleType, state: dict[str, Any]) -> Loaded:
    scale = math.isqrt(state["upsampler.0.weight"].shape[0])
    model, _ = build_span(spandrel, state, "sk", scale, (3, 1))
    return model, state, Description(scale, 3, 1, ("grey",))
