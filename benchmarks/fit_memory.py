"""How much memory making a latent network takes at its worst moment, beside the loaded model.

    python -m benchmarks.fit_memory [SPACE ...]

The autoencoder has the layers of Stable Diffusion's (Rombach et al., "High-Resolution Image
Synthesis with Latent Diffusion Models", CVPR 2022, https://arxiv.org/abs/2112.10752), with random
weights, for memory does not depend on their values. Counted are the tensors that operators make, on
the CPU in float32; a GPU in half precision takes about half. For a factor above 8 it has as many
more halvings. Steps of the training have the batch that they have on a GPU. Takes some minutes of a
core.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.latent.spaces import SPACES
from lib_upscalers.tiling.tensor_memory import LiveMemory
from lib_upscalers.training.latent.latent_pairs import LatentPair, PairPlan
from lib_upscalers.training.latent.latent_training import LatentRecipe, LatentTraining, Pool

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTHS = (128, 256, 512, 512)
_SHAPES = ("sd1", "wan21", "flux2", "wan22", "qwen-image-21", "sana")
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


def _widths(factor: int) -> tuple[int, ...]:
    return _WIDTHS + _WIDTHS[-1:] * (factor.bit_length() - len(_WIDTHS))


def make_encoder(channels: int, factor: int) -> nn.Sequential:
    """Return the encoder, with random weights."""
    widths = _widths(factor)
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1)]
    before = widths[0]
    for i, width in enumerate(widths):
        layers += [_Residual(before, width), _Residual(width, width)]
        last = i == len(widths) - 1
        layers += [] if last else [nn.Conv2d(width, width, 3, stride=2, padding=1)]
        before = width
    end = [nn.GroupNorm(_GROUPS, before), nn.SiLU(), nn.Conv2d(before, 2 * channels, 3, padding=1)]
    return nn.Sequential(*layers, *_middle(before), *end)


def make_decoder(channels: int, factor: int) -> nn.Sequential:
    """Return the decoder, with random weights."""
    widths = _widths(factor)
    before = widths[-1]
    layers: list[nn.Module] = [nn.Conv2d(channels, before, 3, padding=1), *_middle(before)]
    for i, width in enumerate(widths[::-1]):
        layers += [_Residual(before, width), _Residual(width, width), _Residual(width, width)]
        if i < len(widths) - 1:
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


def measure(channels: int, factor: int) -> list[float]:
    """Return the GiB of the weights, of encoding, of decoding, and of a step."""
    plan = PairPlan().for_factor(factor)
    encoder, decoder = make_encoder(channels, factor), make_decoder(channels, factor)
    weights = [each for part in (encoder, decoder) for each in part.parameters()]
    pixels, latent = torch.rand(1, 3, *[plan.side] * 2), torch.rand(1, channels, *[plan.cells] * 2)
    with torch.no_grad():
        ways = [peak(lambda: encoder(pixels)), peak(lambda: decoder(latent))]
    step = peak(training_step(channels, plan))
    return [sum(each.nbytes for each in weights) / _GIB, *ways, step]


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_memory")
    parser.add_argument("spaces", nargs="*", default=_SHAPES, metavar="SPACE")
    options = parser.parse_args()
    columns = ("its weights", "encoding", "decoding", f"a step of {_GPU_BATCH} pairs")
    sys.stdout.write(f"| GiB | {' | '.join(columns)} |\n|---|---:|---:|---:|---:|\n")
    for name in options.spaces:
        space = SPACES[name].space
        row = measure(space.channels, space.factor)
        title = f"{name}, {space.channels} channels at 1/{space.factor}"
        sys.stdout.write(f"| {title} | {' | '.join(f'{value:.2f}' for value in row)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
