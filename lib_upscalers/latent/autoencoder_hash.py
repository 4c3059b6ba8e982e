"""Compute a hash of an autoencoder's weights, the same in every program and checkpoint.

Checkpoints of one family mostly hold the same autoencoder, each in a file with a hash of its own.
What was made for one of them serves all.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

# Of each tensor; fine-tuning changes all of its values a little.
_VALUES = 256


def autoencoder_hash(tensors: Iterable[torch.Tensor]) -> str:
    """Return 64 hex digits for the weights of an autoencoder.

    Names, order and layout do not count, for each program has its own. Values count in float16:
    files in half and in full precision have one hash. Weights that a program has rounded to
    bfloat16 have another.

    Args:
        tensors: All weights, on any device; others than those of a float dtype are left out.
    """
    parts = sorted(_digest(each) for each in tensors if each.is_floating_point() and each.numel())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _digest(tensor: torch.Tensor) -> bytes:
    import torch

    flat = tensor.detach().reshape(-1)
    some = flat[:: max(1, flat.numel() // _VALUES)][:_VALUES].to("cpu", torch.float16)
    held = some.contiguous().numpy().tobytes()
    return hashlib.sha256(flat.numel().to_bytes(8, "little") + held).digest()
