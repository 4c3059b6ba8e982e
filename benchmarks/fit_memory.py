"""How much memory making a latent network takes at its worst moment, beside the loaded model.

    python -m benchmarks.fit_memory

The autoencoder has the layers of Stable Diffusion's (Rombach et al., "High-Resolution Image
Synthesis with Latent Diffusion Models", CVPR 2022, https://arxiv.org/abs/2112.10752), with random
weights, for memory does not depend on their values. Counted are the tensors that operators make, on
the CPU in float32; a GPU in half precision takes about half. Steps of the training have the batch
that they have on a GPU. Takes some minutes of a core.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.tiling.tensor_memory import LiveMemory
from lib_upscalers.training.latent.latent_pairs import LatentPair, PairPlan
from lib_upscalers.training.latent.latent_training import LatentRecipe, LatentTraining, Pool

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTHS = (128, 256, 512, 512)
_GROUPS = 32
_GPU_BATCH = 32
_GIB = 1 << 30


class _Residual(nn.Module):
    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(_GROUPS, width) for width in (into, out)])
        self.first = nn.Conv2d(into, out, 3, padding=1)
        self.second = nn.Conv2d(out, out, 3, padding=1)
        self.skip = nn.Conv2d(into, out, 1) if into != out else nn.Identity()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        inner = self.first(functional.silu(self.norms[0](values)))
        return self.skip(values) + self.second(functional.silu(self.norms[1](inner)))


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.ways = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        ways = self.ways(self.norm(values)).flatten(2).transpose(1, 2).chunk(3, dim=2)
        seen = functional.scaled_dot_product_attention(*ways)
        return values + self.out(seen.transpose(1, 2).reshape(values.shape))


def _middle(width: int) -> list[nn.Module]:
    return [_Residual(width, width), _Attention(width), _Residual(width, width)]


def make_encoder(channels: int) -> nn.Sequential:
    """Return the encoder, with random weights."""
    layers: list[nn.Module] = [nn.Conv2d(3, _WIDTHS[0], 3, padding=1)]
    before = _WIDTHS[0]
    for i, width in enumerate(_WIDTHS):
        layers += [_Residual(before, width), _Residual(width, width)]
        layers += [nn.Conv2d(width, width, 3, stride=2, padding=1)] if i < 3 else []
        before = width
    last = [nn.GroupNorm(_GROUPS, before), nn.SiLU(), nn.Conv2d(before, 2 * channels, 3, padding=1)]
    return nn.Sequential(*layers, *_middle(before), *last)


def make_decoder(channels: int) -> nn.Sequential:
    """Return the decoder, with random weights."""
    before = _WIDTHS[-1]
    layers: list[nn.Module] = [nn.Conv2d(channels, before, 3, padding=1), *_middle(before)]
    for i, width in enumerate(_WIDTHS[::-1]):
        layers += [_Residual(before, width), _Residual(width, width), _Residual(width, width)]
        if i < 3:
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1)]
        before = width
    last = [nn.GroupNorm(_GROUPS, before), nn.SiLU(), nn.Conv2d(before, 3, 3, padding=1)]
    return nn.Sequential(*layers, *last)


def peak(work: Callable[[], object]) -> float:
    """Return the GiB of tensors that some work has at once, its weights not counted."""
    with LiveMemory() as memory:
        work()
    return memory.peak / _GIB


def training_step(channels: int, plan: PairPlan) -> Callable[[], object]:
    """Return what makes one step of the training."""
    device = torch.device("cpu")
    ones = torch.ones(channels)
    statistics = {"mean": 0 * ones, "deviation": ones, "transform": torch.diag(ones)}
    training = LatentTraining(LatentRecipe(channels), statistics, device)
    pool, rng = Pool(device), np.random.default_rng(0)
    sides = plan.cells // 2, plan.cells
    latents = (torch.from_numpy(rng.normal(size=(channels, side, side))).half() for side in sides)
    pool.add([LatentPair(*latents)])
    return lambda: training.advance(pool, _GPU_BATCH)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_memory")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--factor", type=int, default=8)
    options = parser.parse_args()
    plan = PairPlan().for_factor(options.factor)
    sys.stdout.write("| what | GiB |\n|---|---:|\n")
    encoder, decoder = make_encoder(options.channels), make_decoder(options.channels)
    weights = [each for part in (encoder, decoder) for each in part.parameters()]
    rows: dict[str, Callable[[], object]] = {
        f"encoding {plan.side} x {plan.side}": lambda: encoder(torch.rand(1, 3, *[plan.side] * 2)),
        f"decoding {plan.side} x {plan.side}": lambda: decoder(
            torch.rand(1, options.channels, *[plan.side // 8] * 2)
        ),
    }
    sys.stdout.write(f"| its weights | {sum(each.nbytes for each in weights) / _GIB:.2f} |\n")
    with torch.no_grad():
        for name, work in rows.items():
            sys.stdout.write(f"| {name} | {peak(work):.2f} |\n")
    step = training_step(options.channels, plan)
    sys.stdout.write(f"| a step of {_GPU_BATCH} pairs | {peak(step):.2f} |\n")


if __name__ == "__main__":
    main()
