"""Add noise in the frequencies that a small latent could not contain.

An enlarged latent has nothing above the Nyquist limit of the small one, and a diffusion model at
low denoising strength creates no detail without noise. Spectra of natural pictures fall by a power
of the frequency (Field, "Relations between the statistics of natural images and the response
properties of cortical cells", Journal of the Optical Society of America A 4, 1987,
https://doi.org/10.1364/JOSAA.4.002379), and latents follow them; so the level continues the fall
over the small latent's two upper octaves, channel by channel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lib_upscalers.latent.dct import cosine, in_parts, inverse_cosine

if TYPE_CHECKING:
    import torch

_STEEPEST = 4.0
# The slope of natural pictures, for a latent too small to measure its own.
_USUAL = 2.0
_SEEDS = 1 << 64
_PARTS = 8


def add_noise(frames: torch.Tensor, small: torch.Tensor, strength: float, seed: int) -> None:
    """Add noise to all frames of one item, in place.

    The noise is drawn on the CPU, so a seed has the same result on every device. An axis that was
    not enlarged has no new frequencies.

    Args:
        frames: Shape (T, C, h, w), float32.
        small: What they were made of, (T, C, H, W), float32.
        strength: 1 for the level that continues the spectrum.
        seed: Any whole number; its lower 32 bits count.
    """
    import torch

    height, width = small.shape[2:]
    generator = torch.Generator("cpu").manual_seed(seed % _SEEDS)
    distance = _frequencies(frames.shape[2], frames.shape[3], small).to(frames.device)
    gain = strength * math.sqrt(frames.shape[2] * frames.shape[3] / (height * width))
    step = -(-frames.shape[1] // _PARTS)
    for frame, source in zip(frames, small, strict=True):
        for planes, values in zip(frame.split(step), source.split(step), strict=True):
            level, fall = _spectrum(values)
            noise = torch.randn(planes.shape, generator=generator).to(planes.device)
            noise.mul_((distance ** (-fall / 2)).mul_(gain * level))
            noise[:, :height, :width] = 0
            in_parts(noise, noise, inverse_cosine, 2)
            in_parts(noise.mT, noise.mT, inverse_cosine, 2)
            planes.add_(noise)


def _frequencies(height: int, width: int, small: torch.Tensor) -> torch.Tensor:
    """Return the frequency of each coefficient (height, width); 1 is the limit of `small`."""
    import torch

    down = torch.arange(height) / small.shape[-2]
    return torch.hypot(down[:, None], torch.arange(width) / small.shape[-1])


def _spectrum(planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the amplitude of channels at their Nyquist limit, and how power falls, (C, 1, 1).

    The power is amplitude ** 2 * frequency ** -fall.
    """
    power = cosine(cosine(planes).mT).mT.square()
    distance = _frequencies(planes.shape[1], planes.shape[2], planes)
    low, low_at = _octave(power, distance, 0.25)
    high, high_at = _octave(power, distance, 0.5)
    fall = (low / high).log() / math.log(high_at / low_at)
    fall = fall.nan_to_num(_USUAL, math.inf, -math.inf).clamp(0, _STEEPEST)
    return (high * high_at**fall).sqrt()[:, None, None], fall[:, None, None]


def _octave(
    power: torch.Tensor, distance: torch.Tensor, start: float
) -> tuple[torch.Tensor, float]:
    """Return the mean power between `start` and twice `start`, and its frequency; 0 if none is."""
    inside = (distance > start) & (distance <= 2 * start)
    if not bool(inside.any()):
        return power.new_zeros(len(power)), start
    mean = power[:, inside.to(power.device)].mean(1)
    return mean, float(distance[inside].log().mean().exp())
