"""Choose the precision in which a network runs on a device."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from lib_upscalers.host import Precision
    from lib_upscalers.network import NetworkTraits, Profile

_log = logging.getLogger("lib_upscalers")

_AMPERE = 8


def place_key(device: torch.device, dtype: torch.dtype) -> str:
    """Return the key of a device and dtype under which a profile stores measurements."""
    return f"{device}/{str(dtype).removeprefix('torch.')}"


def dtype_name(dtype: torch.dtype) -> str:
    """Return a dtype's usual name: ``"fp32"``, ``"fp16"`` or ``"bf16"``."""
    return {"torch.float16": "fp16", "torch.bfloat16": "bf16"}.get(str(dtype), "fp32")


def dtype_ladder(
    traits: NetworkTraits, profile: Profile, device: torch.device, precision: Precision
) -> list[torch.dtype]:
    """Return the dtypes to try: first the one requested, then the fallbacks after a NaN.

    Args:
        traits: Which dtypes the network supports.
        profile: Which of them failed before.
        device: Where it runs. On a CPU "auto" is fp32; on a GPU it is fp16, else bf16, where
            the network supports it and the GPU computes it.
        precision: What the user asks for. A dtype that the network does not support is skipped, and
            logged.
    """
    import torch

    half_device = device.type != "cpu"
    bf16 = traits.supports_bf16 and _computes_bf16(device)
    ladders: dict[Precision, list[torch.dtype]] = {
        "fp32": [],
        "fp16": [torch.float16] * traits.supports_fp16 + [torch.bfloat16] * bf16,
        "bf16": [torch.bfloat16] * bf16,
        "auto": [torch.float16] * (traits.supports_fp16 and half_device)
        + [torch.bfloat16] * (bf16 and half_device),
    }
    ladder = [*ladders[precision], torch.float32]
    if precision != "auto" and dtype_name(ladder[0]) != precision:
        _log.warning(
            "%s cannot run in %s on %s: it runs in %s.",
            traits.name,
            precision,
            device,
            dtype_name(ladder[0]),
        )
    return [d for d in ladder[:-1] if place_key(device, d) not in profile.unstable] + ladder[-1:]


def _computes_bf16(device: torch.device) -> bool:
    import torch

    if device.type != "cuda":
        return device.type == "cpu"
    return torch.cuda.get_device_capability(device)[0] >= _AMPERE or torch.version.hip is not None
