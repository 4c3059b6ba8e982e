"""Noise for the frequencies that a small latent could not hold.

An enlarged latent has nothing above the Nyquist limit of the small one, and a diffusion model at
low denoising strength makes no detail out of nothing. Spectra of natural pictures fall by a power
of the frequency (Field, "Relations between the statistics of natural images and the response
properties of cortical cells", Journal of the Optical Society of America A 4, 1987,
https://doi.org/10.1364/JOSAA.4.002379), and latents follow them; so the level continues the fall
over the small latent's two upper octaves, channel by channel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lib_upscalers.latent.cosine import cosine, in_parts, inverse_cosine

if TYPE_CHECKING:
    import torch

_STEEPEST = 4.0
# As steep as natural pictures are: for a latent too small to show how it falls.
_USUAL = 2.0
_SEEDS = 1 << 64


def add_noise(frames: torch.Tensor, small: torch.Tensor, strength: float, seed: int) -> None:
    """Add noise to all frames of one item, in place.

    The noise is drawn on the CPU, so a seed gives the same on every device. Axes that were not
    enlarged hold no new frequencies and get no noise.

    Args:
        frames: Shape (T, C, h, w), float32.
        small: What they were made of, (T, C, H, W), float32.
        strength: 1 for the level that continues the spectrum.
        seed: Any whole number.
    """
    import torch

    generator = torch.Generator("cpu").manual_seed(seed % _SEEDS)
    height, width = frames.shape[2:]
    distance = _frequencies(height, width, small)
    distance[: small.shape[2], : small.shape[3]] = math.inf
    gain = strength * math.sqrt(height * width / (small.shape[2] * small.shape[3]))
    for frame, source in zip(frames, small, strict=True):
        for plane, values in zip(frame, source, strict=True):
            level, fall = _spectrum(values)
            noise = torch.randn(1, height, width, generator=generator).to(plane.device)
            noise.mul_((distance ** (-fall / 2)).mul_(gain * level))
            in_parts(noise, noise, inverse_cosine)
            in_parts(noise.mT, noise.mT, inverse_cosine)
            plane.add_(noise[0])


def _frequencies(height: int, width: int, small: torch.Tensor) -> torch.Tensor:
    """Return how far from 0 each coefficient (height, width) is; 1 is the limit of `small`."""
    import torch

    down = torch.arange(height, device=small.device) / small.shape[-2]
    across = torch.arange(width, device=small.device) / small.shape[-1]
    return torch.hypot(down[:, None], across)


def _spectrum(plane: torch.Tensor) -> tuple[float, float]:
    """Return a channel's amplitude at its Nyquist limit, and how power falls with frequency.

    The power is amplitude ** 2 * frequency ** -fall.
    """
    power = cosine(cosine(plane).T).T.square_()
    distance = _frequencies(plane.shape[0], plane.shape[1], plane)
    low, low_at = _octave(power, distance, 0.25)
    high, high_at = _octave(power, distance, 0.5)
    fall = _USUAL
    if low > 0 and high > 0:
        fall = min(max(math.log(low / high) / math.log(high_at / low_at), 0.0), _STEEPEST)
    return math.sqrt(high * high_at**fall), fall


def _octave(power: torch.Tensor, distance: torch.Tensor, start: float) -> tuple[float, float]:
    """Return the mean power between `start` and twice that, and where it lies; 0 for nothing."""
    inside = (distance > start) & (distance <= 2 * start)
    if not bool(inside.any()):
        return 0.0, start
    return float(power[inside].mean()), float(distance[inside].log().mean().exp())
