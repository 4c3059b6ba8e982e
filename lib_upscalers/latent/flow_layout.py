"""Compute the layers of Flow Upscaler, as a function of its weights.

A U-Net that makes the enlarged latent of noise, in one step of a rectified flow (X. Liu, C. Gong
and Q. Liu, "Flow Straight and Fast", 2023, https://arxiv.org/abs/2209.03003), guided by the small
one. So it makes texture that the small latent does not hold. The noise is always the same: a latent
has one result.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from lib_upscalers.latent.packing import padded
from lib_upscalers.latent.published_layouts import (
    brought_to,
    convolve,
    group_norm,
    linear,
    numbers,
)

if TYPE_CHECKING:
    from lib_upscalers.latent.published_layouts import Run, Weights

_SEED = 0
_EPSILON = 1e-6
# The one step is from noise alone, at the last of the schedule's thousand times.
_TIME = 1000.0
_LONGEST_PERIOD = 10_000.0


def flow(weights: Weights) -> Run:
    """Return a Flow Upscaler, which doubles; the rest is interpolated."""
    return partial(_flow, weights)


def _flow(weights: Weights, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    height, width = x.shape[-2:]
    small = padded(x, 2)
    shape = (*small.shape[:2], 2 * small.shape[-2], 2 * small.shape[-1])
    generator = torch.Generator("cpu").manual_seed(_SEED)
    noise = torch.randn(shape, generator=generator).to(x.device)
    large = noise - _velocity(weights, noise, small)
    return brought_to(large[..., : 2 * height, : 2 * width], size)


def _velocity(weights: Weights, noise: torch.Tensor, small: torch.Tensor) -> torch.Tensor:
    time = _time(weights)
    guides = _guides(weights, small, time)
    x = convolve(weights, "in_conv", noise)
    skips: list[torch.Tensor] = []
    for number, guide in enumerate(guides, 1):
        x = _guided(weights, f"film_cond_{number}", x, guide)
        if number < len(guides):
            x = _blocks(weights, f"down_stages.{number - 1}.blocks", x, time)
            skips.append(x)
            x = _halved(weights, f"down_stages.{number - 1}.downsample", x)
    x = _blocks(weights, "mid_stages", x, time)
    for number in numbers(weights, "up_stages"):
        skip = skips.pop()
        x = functional.interpolate(x, skip.shape[-2:], mode="bilinear")
        x = _blocks(weights, f"up_stages.{number}.blocks", torch.cat([x, skip], 1), time)
    return convolve(weights, "out_conv", x)


def _time(weights: Weights) -> torch.Tensor:
    """Return what the blocks are told of the time, (1, D)."""
    first = weights["conditioning.time_proj.0.weight"]
    half = first.shape[1] // 2
    steps = torch.arange(half, dtype=first.dtype, device=first.device)
    angles = _TIME * torch.exp(-math.log(_LONGEST_PERIOD) * steps / half)[None]
    waves = torch.cat([angles.sin(), angles.cos()], 1)
    inner = functional.silu(linear(weights, "conditioning.time_proj.0", waves))
    return linear(weights, "conditioning.time_proj.2", inner)


def _guides(weights: Weights, small: torch.Tensor, time: torch.Tensor) -> list[torch.Tensor]:
    """Return the small latent's features for the whole, half and quarter size."""
    height, width = (2 * side for side in small.shape[-2:])
    x = convolve(weights, "low_res_encoder.in_conv", small)
    x = _block(weights, "low_res_encoder.block_1", x, time)
    found = [x]
    for name in ("low_res_encoder.block_2", "low_res_encoder.block_3"):
        x = _halved(weights, f"{name}.downsample", x)
        x = _blocks(weights, f"{name}.blocks", x, time)
        found.append(x)
    return [
        functional.interpolate(each, (height >> place, width >> place), mode="bilinear")
        for place, each in enumerate(found)
    ]


def _guided(weights: Weights, name: str, x: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
    scale, shift = convolve(weights, f"{name}.cond_proj.1", functional.silu(guide)).chunk(2, 1)
    return x * (1 + scale) + shift


def _blocks(weights: Weights, part: str, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    for number in numbers(weights, part):
        x = _block(weights, f"{part}.{number}", x, time)
    return x


def _block(weights: Weights, name: str, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    inner = functional.silu(group_norm(weights, f"{name}.norm1", x, _EPSILON))
    inner = convolve(weights, f"{name}.conv1", inner)
    told = linear(weights, f"{name}.cond_proj.1", functional.silu(time))
    scale, shift = told[..., None, None].chunk(2, 1)
    inner = group_norm(weights, f"{name}.norm2", inner, _EPSILON) * (1 + scale) + shift
    inner = convolve(weights, f"{name}.conv2", functional.silu(inner))
    skipped = convolve(weights, f"{name}.skip", x) if f"{name}.skip.weight" in weights else x
    return inner + skipped


def _halved(weights: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return functional.conv2d(x, weight, bias, stride=2, padding=1)
