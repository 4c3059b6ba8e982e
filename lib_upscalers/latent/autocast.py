"""Choose in what precision convolutions on latents run, despite a host's autocast."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from lib_upscalers.tiling.precision import has_native_bf16

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch

# Older versions of torch raise an error for others.
_AUTOCAST_DEVICES = ("cpu", "cuda", "xpu")


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which convolutions on a device have the precision of their input."""
    import torch

    if device.type not in _AUTOCAST_DEVICES:
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def training_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which a training's convolutions run in bf16, where that is fast."""
    import torch

    if device.type == "cuda" or has_native_bf16(device):
        return torch.autocast(device.type, torch.bfloat16)
    return without_autocast(device)
