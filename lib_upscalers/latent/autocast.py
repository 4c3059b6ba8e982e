"""Suspend a host's autocast around code that needs full precision."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

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
