"""Unpack and pack latents that store 2 x 2 values as four channels, as those of FLUX.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def unpacked(samples: torch.Tensor, channels: int | None) -> torch.Tensor:
    """Return (N, channels, 2 H, 2 W) of samples (N, 4 channels, H, W); others as they are.

    Channel c of the result comes from channels 4 c to 4 c + 3: upper left, upper right, lower
    left, lower right.
    """
    from torch.nn.functional import pixel_shuffle

    if channels is None or samples.shape[1] != 4 * channels:
        return samples
    return pixel_shuffle(samples, 2)


def packed(samples: torch.Tensor, channels: int) -> torch.Tensor:
    """Undo `unpacked`, if samples (N, C, H, W) have not `channels` channels already."""
    from torch.nn.functional import pixel_unshuffle

    return samples if samples.shape[1] == channels else pixel_unshuffle(samples, 2)


def padded(values: torch.Tensor, multiple: int) -> torch.Tensor:
    """Repeat the last column and row of (N, C, H, W) until both sides are multiples."""
    from torch.nn.functional import pad

    height, width = values.shape[-2:]
    below, beside = -height % multiple, -width % multiple
    return pad(values, (0, beside, 0, below), mode="replicate") if below or beside else values
