"""Choose the precision in which a network runs on a device."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from lib_upscalers.host import Precision
    from lib_upscalers.network import NetworkTraits, Profile, SpeedTrial

_log = logging.getLogger("lib_upscalers")

_AMPERE = 8
# Below that, it is not worth a result that differs at all.
_MUCH_FASTER = 1.4
# The mean difference, in 8-bit levels.
_NEARLY_THE_SAME = 1.0


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
        device: Where it runs. On a GPU "auto" is fp16, else bf16, where the network supports it
            and the GPU computes it. On a CPU it is fp32, or bf16 where that was measured to be
            much faster and nearly the same.
        precision: What the user asks for. A dtype that the network does not support is skipped, and
            logged.
    """
    import torch

    half_device = device.type != "cpu"
    half_pays = half_device or pays(profile.half.get(place_key(device, torch.bfloat16)))
    bf16 = traits.supports_bf16 and _computes_bf16(device)
    ladders: dict[Precision, list[torch.dtype]] = {
        "fp32": [],
        "fp16": [torch.float16] * traits.supports_fp16 + [torch.bfloat16] * bf16,
        "bf16": [torch.bfloat16] * bf16,
        "auto": [torch.float16] * (traits.supports_fp16 and half_device)
        + [torch.bfloat16] * (bf16 and half_pays),
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


def pays(trial: SpeedTrial | None) -> bool:
    """Return whether a network should run in bf16 on a CPU, by what was measured of it."""
    return trial is not None and trial.speed >= _MUCH_FASTER and trial.error < _NEARLY_THE_SAME


def has_native_bf16(device: torch.device) -> bool:
    """Return whether a device is a CPU with instructions for bf16, by what torch knows of it.

    x86: AVX-512 BF16 or AMX. Without them torch emulates bf16, which is slow. On other CPUs torch
    does not state it in every version.
    """
    import torch

    if device.type != "cpu":
        return False
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(ask() for ask in (getattr(torch.cpu, name, None) for name in names) if ask)


def _computes_bf16(device: torch.device) -> bool:
    import torch

    if device.type != "cuda":
        return device.type == "cpu"
    return torch.cuda.get_device_capability(device)[0] >= _AMPERE or torch.version.hip is not None
