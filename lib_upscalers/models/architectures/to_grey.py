"""Compact and SPAN from colour to grey: spandrel takes four channels of one scale for its half.

A pixel shuffle of 4 channels gives one at 2x, or four at 1x. No network from RGB to RGBA is
supported, so it is always the first. Their papers: https://arxiv.org/abs/2107.10833 (Real-ESRGAN's
small networks) and https://arxiv.org/abs/2311.12770
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.description import count_blocks, shuffled

if TYPE_CHECKING:
    from types import ModuleType

    from spandrel import ArchSupport

# The weights of red, green and blue in grey: ITU-R BT.601, as pictures are read.
_LUMA = (0.299, 0.587, 0.114)


def grey_compact(spandrel: ModuleType) -> ArchSupport:
    """Return the support for Compact from colour to grey.

    Args:
        spandrel: The spandrel to build with.
    """
    base: Any = spandrel.Architecture

    class GreyCompact(base):
        """Builds spandrel's Compact with one channel at its end."""

        def __init__(self) -> None:
            super().__init__(id="GreyCompact", name="RealESRGAN Compact", detect=_is_grey_compact)

        def load(self, state_dict: dict[str, Any]) -> Any:  # noqa: ANN401
            """Return a descriptor: see spandrel's Architecture."""
            return _compact(spandrel, self, state_dict)

    return spandrel.ArchSupport.from_architecture(GreyCompact(), before=("Compact",))


def grey_span(spandrel: ModuleType) -> ArchSupport:
    """Return the support for SPAN with its branches from colour to grey.

    Args:
        spandrel: The spandrel to build with.
    """
    base: Any = spandrel.Architecture

    class GreySPAN(base):
        """Builds spandrel's SPAN with one channel at its end."""

        def __init__(self) -> None:
            super().__init__(id="GreySPAN", name="SPAN", detect=_is_grey_span)

        def load(self, state_dict: dict[str, Any]) -> Any:  # noqa: ANN401
            """Return a descriptor: see spandrel's Architecture."""
            return _span(spandrel, self, state_dict)

    return spandrel.ArchSupport.from_architecture(GreySPAN(), before=("SPAN",))


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


def _compact(spandrel: ModuleType, architecture: object, state: dict[str, Any]) -> Any:  # noqa: ANN401
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
    return _descriptor(spandrel, architecture, model, state, scale)


def _span(spandrel: ModuleType, architecture: object, state: dict[str, Any]) -> Any:  # noqa: ANN401
    family: Any = import_module(f"{spandrel.__name__}.architectures.SPAN")
    features = state["conv_1.sk.weight"].shape[0]
    scale = math.isqrt(state["upsampler.0.weight"].shape[0])
    norm = "no_norm" not in state
    if not norm:
        state["no_norm"] = torch.zeros(1)
    model = family.SPAN(
        num_in_ch=3, num_out_ch=1, feature_channels=features, upscale=scale, norm=norm
    )
    return _descriptor(spandrel, architecture, model, state, scale)


def _descriptor(
    spandrel: ModuleType,
    architecture: object,
    model: nn.Module,
    state: dict[str, Any],
    scale: int,
) -> Any:  # noqa: ANN401
    return spandrel.ImageModelDescriptor(
        model,
        state,
        architecture=architecture,
        purpose="Restoration" if scale == 1 else "SR",
        tags=["grey"],
        supports_half=True,
        supports_bfloat16=True,
        scale=scale,
        input_channels=3,
        output_channels=1,
    )
