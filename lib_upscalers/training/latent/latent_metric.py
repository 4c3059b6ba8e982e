"""Weigh errors of latents by their effect after decoding.

Channels of a latent differ much in their effect on the picture. A loss that counts them alike
spends most of a small network on invisible errors; decoding in every step would cost many times
what the network does. So the decoder's response to small changes is measured once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Decode = Callable[[torch.Tensor], torch.Tensor]
    Measure = Callable[[Sequence[torch.Tensor], torch.Tensor], torch.Tensor | None]

_STEP = 0.1
# The share of a loss that counts all channels alike, because a diffusion model also sees those that
# hardly change the decoder's result.
_PLAIN = 0.1


def decoded_metric(
    decode: Decode, latents: Sequence[torch.Tensor], deviation: torch.Tensor
) -> torch.Tensor:
    """Measure J^T J, (C, C), J being the decoder's derivative, averaged over places.

    Every channel is changed by one pattern of random signs. The effects of neighbours then average
    to 0, and the mean product of two channels' results is their own.

    Args:
        decode: From latents (1, C, h, w) to pictures.
        latents: Some latents (C, h, w), on the device for `decode`.
        deviation: The standard deviation of each channel, (C,); changes are a tenth of it.
    """
    channels = len(deviation)
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(channels, channels, dtype=torch.float64)
    places = 0
    for latent in latents:
        signs = torch.randint(0, 2, latent.shape[1:], generator=generator) * 2.0 - 1
        signs = signs.to(latent.device)
        middle = decode(latent[None]).float()
        changes: list[torch.Tensor] = []
        for i in range(channels):
            step = _STEP * float(deviation[i])
            moved = latent.clone()
            moved[i] += signs * step
            changes.append(((decode(moved[None]).float() - middle) / step).flatten().cpu())
        stack = torch.stack(changes).double()
        total += stack @ stack.T
        places += signs.numel()
    return (total / places).float()


def loss_transform(metric: torch.Tensor | None, covariance: torch.Tensor) -> torch.Tensor:
    """Return W, (C, C): |W e| ** 2 is the weight of an error e, (C,).

    It is about 1 for an error as large as the latents' deviation.

    Args:
        metric: What `decoded_metric` returns; None counts all channels alike.
        covariance: Of the latents' channels, (C, C).
    """
    channels = len(covariance)
    plain = torch.diag(1 / covariance.diagonal().clamp_min(1e-12)) / channels
    if metric is None:
        return plain.sqrt()
    decoded = metric / (metric @ covariance).trace()
    mixed = (1 - _PLAIN) * decoded + _PLAIN * plain
    values, vectors = torch.linalg.eigh(mixed.double())
    return (vectors * values.clamp_min(0).sqrt()).T.float()


def statistics(latents: Sequence[torch.Tensor], measure: Measure) -> dict[str, torch.Tensor]:
    """Return the channels' "mean" and "deviation", (C,), and the loss's "transform", (C, C).

    Args:
        latents: Of pictures, (C, h, w).
        measure: Returns `decoded_metric` of latents and a deviation, or None.
    """
    flat = torch.cat([latent.float().flatten(1) for latent in latents], dim=1)
    deviation, mean = torch.std_mean(flat, dim=1)
    # A channel that hardly varies must not count more than all others together.
    least = 1e-3 * float(deviation.max()) or 1.0
    deviation = deviation.clamp_min(least)
    covariance = torch.cov(flat).reshape(len(mean), len(mean))
    covariance = covariance + least**2 * torch.eye(len(mean))
    transform = loss_transform(measure(latents, deviation), covariance)
    return {"mean": mean, "deviation": deviation, "transform": transform}
