"""SPAN as it is published for deployment, with one fused convolution a layer, without branches.

The winners of NTIRE's efficient tracks and several AnimeJaNai files hold only `eval_conv` weights.
C. Wan et al. 2023, https://arxiv.org/abs/2311.12770
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lib_upscalers.models.adapt.fused import drop_branches
from lib_upscalers.models.architectures.description import shuffled

if TYPE_CHECKING:
    from types import ModuleType

    from spandrel import ArchSupport

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
    base: Any = spandrel.Architecture

    class FusedSPAN(base):
        """Builds spandrel's SPAN with the fused convolution alone in each layer."""

        def __init__(self) -> None:
            super().__init__(id="FusedSPAN", name="SPAN", detect=_is_fused_span)

        def load(self, state_dict: dict[str, Any]) -> Any:  # noqa: ANN401
            """Return a descriptor: see spandrel's Architecture."""
            return _load(spandrel, self, state_dict)

    return spandrel.ArchSupport.from_architecture(FusedSPAN())


def _is_fused_span(state: dict[str, Any]) -> bool:
    branched = any(".sk." in name or ".conv.0." in name for name in state)
    return all(name in state for name in _LAYERS) and not branched


def _load(spandrel: ModuleType, architecture: object, state: dict[str, Any]) -> Any:  # noqa: ANN401
    from importlib import import_module

    family: Any = import_module(f"{spandrel.__name__}.architectures.SPAN")
    util: Any = import_module(f"{spandrel.__name__}.util")
    features, takes = state["conv_1.eval_conv.weight"].shape[:2]
    count = state["upsampler.0.weight"].shape[0]
    scale, gives = shuffled(count, takes) or util.get_scale_and_output_channels(count, takes)
    norm = "no_norm" not in state
    if not norm:
        state["no_norm"] = torch.zeros(1)
    model = family.SPAN(
        num_in_ch=takes, num_out_ch=gives, feature_channels=features, upscale=scale, norm=norm
    )
    drop_branches(model)
    return spandrel.ImageModelDescriptor(
        model,
        state,
        architecture=architecture,
        purpose="Restoration" if scale == 1 else "SR",
        tags=[f"{features}nf", "fused"],
        supports_half=True,
        supports_bfloat16=True,
        scale=scale,
        input_channels=takes,
        output_channels=gives,
    )
