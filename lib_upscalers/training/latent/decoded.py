"""A loss in decoded space, for autoencoders whose decoder is cheap to differentiate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from lib_upscalers.training.losses import charbonnier

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Decode = Callable[[torch.Tensor], torch.Tensor]

# Decoding all of a latent in every step would take four times as long.
_WINDOW = 16
# Sides, in latent values, of the squares whose mean colours are compared.
_SQUARES = (2, _WINDOW)
# So that it weighs about as much as the loss on latents does at the end of a training.
_PIXELS, _COLOURS = 8.0, 16.0


def decoded_loss(
    output: torch.Tensor, target: torch.Tensor, decode: Decode, rng: np.random.Generator
) -> torch.Tensor:
    """Return how far a random window of latents is from its target once both are decoded.

    Pixels count by `charbonnier`; and the mean colours of small squares and of the whole window
    count again, for an eye sees a shift of colour that is small in any one pixel.

    Args:
        output: Latents (N, C, H, W), with gradients.
        target: What they should be.
        decode: From latents to pictures, in a way that gradients pass.
        rng: Chooses the window.
    """
    sides = [min(_WINDOW, side) for side in output.shape[-2:]]
    top, left = (
        int(rng.integers(0, whole - side + 1))
        for whole, side in zip(output.shape[-2:], sides, strict=True)
    )
    window = (..., slice(top, top + sides[0]), slice(left, left + sides[1]))
    with torch.no_grad():
        wanted = decode(target[window])
    made = decode(output[window])
    factor = wanted.shape[-1] // sides[1]
    loss = _PIXELS * charbonnier(made, wanted)
    for side in _SQUARES:
        size = [min(side, whole) * factor for whole in sides]
        means = (functional.avg_pool2d(each, size) for each in (made, wanted))
        loss = loss + _COLOURS / len(_SQUARES) * charbonnier(*means)
    return loss
