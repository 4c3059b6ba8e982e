"""A small denoiser of latents, to measure with: it is no part of the library.

    OMP_NUM_THREADS=1 python -m benchmarks.denoising_network PAIRS FILE --minutes 25

trains one, or goes on where FILE stopped. PAIRS is a folder of latents such as `upscalers latent
fit` makes of its own drawings; only the large ones are used.

The best linear guess from 5 x 5 values (Wiener's, from the latents' covariance), and what a
convolutional U-Net, told the noise level, learns beyond it; in the form of Karras et al.,
"Elucidating the Design Space of Diffusion-Based Generative Models", 2022,
https://arxiv.org/abs/2206.00364, for latents of unit variance. The noise levels are those of Stable
Diffusion 1 and SDXL.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import interpolate, silu, unfold

from lib_upscalers.file_writing import writing_path
from lib_upscalers.training.latent.latent_pairs import load_part, part_paths
from lib_upscalers.training.state import update_average

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMESTEPS = 1000
BETAS = 0.00085, 0.012
WIDTHS = 32, 64, 160
_GROUPS = 8
_REACH = 5
_MEMORY = 0.998
_SAVE_EVERY = 60.0


def noise_levels() -> torch.Tensor:
    """Return the noise's deviation at timesteps 0 to 999, for latents of unit variance."""
    roots = torch.linspace(BETAS[0] ** 0.5, BETAS[1] ** 0.5, TIMESTEPS, dtype=torch.float64)
    kept = torch.cumprod(1 - roots.square(), 0)
    return ((1 - kept) / kept).sqrt().float()


def levels_from(strength: float, steps: int) -> list[float]:
    """Return the levels that Hires. fix passes at a denoising strength, the last one 0."""
    levels = noise_levels()
    start = min(round(strength * TIMESTEPS), TIMESTEPS - 1)
    times = [round(start * (steps - i) / steps) for i in range(steps)]
    return [*(float(levels[moment]) for moment in times), 0.0]


class Block(nn.Module):
    """Two convolutions that are told the noise level, beside a shortcut."""

    def __init__(self, inward: int, outward: int, known: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(_GROUPS, inward), nn.SiLU())
        self.enter = nn.Conv2d(inward, outward, 3, padding=1)
        self.tell = nn.Linear(known, 2 * outward)
        self.norm = nn.GroupNorm(_GROUPS, outward)
        self.leave = nn.Conv2d(outward, outward, 3, padding=1)
        self.short = nn.Conv2d(inward, outward, 1) if inward != outward else nn.Identity()
        nn.init.zeros_(self.leave.weight)

    def forward(self, values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Return (N, outward, H, W)."""
        inner = self.enter(self.first(values))
        scale, offset = self.tell(known)[..., None, None].chunk(2, 1)
        return self.short(values) + self.leave(silu(self.norm(inner) * (1 + scale) + offset))


class Linear(nn.Module):
    """The best guess that is linear in the 5 x 5 values around, for any level of noise."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        size = channels * _REACH**2
        self.register_buffer("powers", torch.ones(size))
        self.register_buffer("directions", torch.eye(size))
        self.register_buffer("shares", torch.zeros(size, channels))

    def fit(self, clean: torch.Tensor) -> None:
        """Take the covariance of normalised clean latents (N, C, H, W)."""
        total = torch.zeros_like(self.directions, dtype=torch.float64)
        count = 0
        for part in clean.split(32):
            rows = unfold(part, _REACH).transpose(1, 2).flatten(0, 1)
            total += (rows.T @ rows).double()
            count += len(rows)
        powers, directions = torch.linalg.eigh(total / count)
        middle = torch.arange(clean.shape[1]) * _REACH**2 + _REACH**2 // 2
        self.powers.copy_(powers.clamp(min=0))
        self.directions.copy_(directions)
        self.shares.copy_((directions.T @ (total / count))[:, middle])

    def forward(self, values: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Return the guess for values (N, C, H, W) with noise of `level` (N,)."""
        count, channels, height, width = values.shape
        around = unfold(values, _REACH, padding=_REACH // 2)
        weak = (self.powers + level[:, None] ** 2).reciprocal()
        weights = self.directions @ (self.shares * weak[..., None])
        return (weights.transpose(1, 2) @ around).view(count, channels, height, width)


class Denoiser(nn.Module):
    """Guesses the latent under the noise, (N, C, H, W) of the autoencoder's own scale.

    Attributes:
        mean: Of each channel of clean latents; deviation: theirs.
        fast: Whether the U-Net's convolutions are computed in bfloat16.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, channels: int, widths: Sequence[int] = WIDTHS, known: int = 128) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.register_buffer("pitches", torch.exp(torch.linspace(-1.5, 2.5, known // 2)))
        self.know = nn.Sequential(nn.Linear(known, known), nn.SiLU())
        self.linear = Linear(channels)
        self.enter = nn.Conv2d(2 * channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(Block(width, width, known) for width in widths)
        steps = list(itertools.pairwise(widths))
        self.halve = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in steps)
        self.middle = Block(widths[-1], widths[-1], known)
        self.up = nn.ModuleList(Block(a + b, a, known) for a, b in steps)
        self.leave = nn.Sequential(nn.GroupNorm(_GROUPS, widths[0]), nn.SiLU())
        self.last = nn.Conv2d(widths[0], channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        self.fast = False

    def normalised(self, samples: torch.Tensor) -> torch.Tensor:
        """Return latents with mean 0 and deviation 1 in every channel."""
        return (samples - self.mean[:, None, None]) / self.deviation[:, None, None]

    def restored(self, values: torch.Tensor) -> torch.Tensor:
        """Undo `normalised`."""
        return values * self.deviation[:, None, None] + self.mean[:, None, None]

    def velocity(self, values: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Return what the whole says, for normalised values (N, C, H, W) and a level each."""
        wide = level[:, None, None, None]
        small = (1 + wide**2).sqrt()
        guess = self.linear(values, level)
        told = (guess - values / small**2) * small / wide
        seen = torch.cat([values / small, guess], 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.fast):
            learned = self._learned(seen, level)
        return told + learned.float()

    def _learned(self, values: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        angle = (level.log() / 2)[:, None] * self.pitches * 2
        known = self.know(torch.cat([angle.sin(), angle.cos()], 1))
        inner = self.enter(values)
        kept: list[torch.Tensor] = []
        for i, block in enumerate(self.down):
            inner = block(inner, known)
            if i < len(self.halve):
                kept.append(inner)
                inner = self.halve[i](inner)
        inner = self.middle(inner, known)
        for block, beside in zip(reversed(self.up), reversed(kept), strict=True):
            inner = interpolate(inner, beside.shape[-2:])
            inner = block(torch.cat([beside, inner], 1), known)
        return self.last(self.leave(inner))

    def forward(self, values: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Return the guess for normalised values (N, C, H, W) with noise of `level` (N,)."""
        wide = level[:, None, None, None]
        told = self.velocity(values, level)
        return values / (1 + wide**2) + told * wide / (1 + wide**2).sqrt()

    def sample(
        self, start: torch.Tensor, noise: torch.Tensor, levels: Sequence[float]
    ) -> torch.Tensor:
        """Add noise of the first level to latents and take it away in steps, by Euler's rule."""
        values = self.normalised(start) + noise * levels[0]
        for level, following in itertools.pairwise(levels):
            guess = self(values, values.new_full((len(values),), level))
            values = guess + (values - guess) * (following / level)
        return self.restored(values)


def read_latents(folder: Path) -> torch.Tensor:
    """Return the large latents of a folder that have the commonest size, float32."""
    every = [pair.large.float() for path in part_paths(folder) for pair in load_part(path)]
    shapes = [each.shape for each in every]
    common = max(set(shapes), key=shapes.count)
    return torch.stack([each for each in every if each.shape == common])


class Training:
    """A denoiser in training and the average of its weights, which is the one to use."""

    def __init__(self, latents: torch.Tensor, seconds: float) -> None:
        torch.manual_seed(1)
        self.latents, self.budget = latents, seconds
        self.model = Denoiser(latents.shape[1])
        self.model.mean.copy_(latents.mean((0, 2, 3)))
        self.model.deviation.copy_(latents.std((0, 2, 3)))
        self.model.linear.fit(self.model.normalised(latents))
        self.average = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), weight_decay=0.01)
        self.step, self.spent = 0, 0.0

    def advance(self, batch: int, rate: float) -> float:
        """Make one step and return its loss, the share of the velocity that is not explained."""
        begun = time.monotonic()
        random = torch.Generator().manual_seed(self.step)
        chosen = self.latents[torch.randint(len(self.latents), (batch,), generator=random)]
        clean = self.model.normalised(chosen)
        moments = torch.randint(10, TIMESTEPS - 40, (batch,), generator=random)
        level = noise_levels()[moments]
        wide = level[:, None, None, None]
        noise = torch.randn(clean.shape, generator=random)
        wanted = (clean * wide - noise) / (1 + wide**2).sqrt()
        fall = (1 + math.cos(math.pi * min(1.0, self.spent / self.budget))) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = rate * min(1.0, (self.step + 1) / 50) * max(fall, 0.01)
        loss = (self.model.velocity(clean + noise * wide, level) - wanted).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        update_average(self.average, self.model, self.step, _MEMORY)
        self.spent += time.monotonic() - begun
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write all of the state."""
        state = {
            "step": self.step,
            "spent": self.spent,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        with writing_path(path, overwrite=True, make_folders=True) as scratch:
            torch.save(state, scratch)

    def load(self, path: Path) -> None:
        """Go on where `save` was called."""
        state: dict[str, Any] = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent = state["step"], state["spent"]


def load_denoiser(path: Path) -> Denoiser:
    """Read what a training wrote."""
    state = torch.load(path, weights_only=True)["average"]
    model = Denoiser(len(state["mean"]))
    model.load_state_dict(state)
    return model.eval().requires_grad_(requires_grad=False)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pairs", type=Path, help="a folder of pairs_*.pt")
    parser.add_argument("file", type=Path, help="what is written, and gone on with")
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--bf16", action="store_true", help="for a CPU that computes it")
    arguments = parser.parse_args()
    latents = read_latents(arguments.pairs)
    training = Training(latents, arguments.minutes * 60)
    training.model.fast = arguments.bf16
    if arguments.file.exists():
        training.load(arguments.file)
    count = sum(each.numel() for each in training.model.parameters())
    print(f"{count} parameters, latents {tuple(latents.shape)}", flush=True)
    losses: list[float] = []
    saved = training.spent
    while training.spent < training.budget:
        losses.append(training.advance(arguments.batch, arguments.rate))
        if training.spent - saved > _SAVE_EVERY or training.spent >= training.budget:
            mean = sum(losses) / len(losses)
            print(f"{training.spent:.0f} s, step {training.step}, loss {mean:.4f}", flush=True)
            training.save(arguments.file)
            saved, losses = training.spent, []


if __name__ == "__main__":
    main()
