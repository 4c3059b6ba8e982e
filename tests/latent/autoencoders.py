"""Train the small autoencoders that some tests want, on our drawings.

    python -m tests.latent.autoencoders --minutes 5

Each has the channels and the factor of one latent space, so that what is tested on it are the
latents of a real autoencoder and not random numbers: `sd1` 4 at 1/8, `wan21` 16 at 1/8, `wan22` 48
at 1/16, `qwen-image-21` 64 at 1/16. Each begins as the best linear one, a principal component
analysis of squares of the factor's side, and learns from there what lies around a square. Minutes
are of one core, for each. `--fit MINUTES` then makes the latent network of each, too, as
`upscalers latent fit` does.

Files go where the tests look: `$UPSCALER_LAB_AUTOENCODERS`, otherwise a cache folder of the user.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from lib_upscalers.file_writing import writing_path
from lib_upscalers.latent.spaces import SPACES
from lib_upscalers.training.drawing import synthetic
from lib_upscalers.training.latent.fit import fit
from lib_upscalers.training.latent.reports import FitSettings
from lib_upscalers.training.latent.teacher import Teacher

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("sd1", "wan21", "wan22", "qwen-image-21")
_SEED = 8_000_000_000
_HELD_OUT = _SEED - 1000
_SIDE = 256
_DRAWINGS = 128
_CROP, _BATCH = 128, 4
_RATE, _WARM_UP = 1e-3, 30
_NOISE = 0.03
_WIDTH, _FINE = 64, 24


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.second.weight)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + self.second(self.first(values).relu())


def _layers(into: int, width: int, out: int, blocks: int) -> nn.Sequential:
    """Return layers that give zeros at first."""
    last = nn.Conv2d(width, out, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias if last.bias is not None else last.weight)
    middle = [_Block(width) for _ in range(blocks)]
    return nn.Sequential(nn.Conv2d(into, width, 3, padding=1), nn.ReLU(), *middle, last)


class SmallAutoencoder(nn.Module):
    """A matrix for squares of pixels, and convolutions that correct it. Implements `Codec`."""

    matrix: torch.Tensor
    mean: torch.Tensor

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        pixels = 3 * factor**2
        self.factor = factor
        self.register_buffer("matrix", torch.zeros(channels, pixels))
        self.register_buffer("mean", torch.zeros(pixels))
        self.encoder = _layers(pixels, _WIDTH, channels, 2)
        self.decoder = _layers(channels, _WIDTH, pixels, 2)
        self.fine = _layers(12, _FINE, 12, 1)

    def begin(self, pictures: torch.Tensor) -> None:
        """Set the matrix to the largest principal components, turned and scaled."""
        squares = pixel_unshuffle(pictures, self.factor).permute(0, 2, 3, 1).flatten(0, 2).double()
        _, vectors = torch.linalg.eigh(torch.cov(squares.T))
        kept = vectors[:, -len(self.matrix) :].T
        generator = torch.Generator().manual_seed(0)
        shape = (len(kept), len(kept))
        turn = torch.linalg.qr(torch.randn(shape, generator=generator, dtype=torch.float64))[0]
        mean = squares.mean(0)
        spread = ((squares - mean) @ kept.T).square().mean().sqrt()
        self.matrix.copy_(turn @ kept / spread)
        self.mean.copy_(mean)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        squares = pixel_unshuffle(pixels.float(), self.factor) - self.mean[:, None, None]
        return torch.einsum("ck,nkhw->nchw", self.matrix, squares) + self.encoder(squares)

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        back = self.matrix.T / self.matrix.square().sum(1).mean()
        squares = torch.einsum("kc,nchw->nkhw", back, samples.float()) + self.decoder(samples)
        pixels = pixel_shuffle(squares + self.mean[:, None, None], self.factor)
        return pixels + pixel_shuffle(self.fine(pixel_unshuffle(pixels, 2)), 2)


def folder() -> Path:
    """Return where the files are."""
    named = os.environ.get("UPSCALER_LAB_AUTOENCODERS")
    if named:
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "upscaler_lab" / "test_autoencoders"


def load(name: str) -> SmallAutoencoder:
    """Read the autoencoder for a latent space.

    Raises:
        OSError: It has not been made.
    """
    space = SPACES[name].space
    model = SmallAutoencoder(space.channels, space.factor)
    model.load_state_dict(torch.load(folder() / f"{name}.pt", weights_only=True))
    return model.eval().requires_grad_(requires_grad=False)


def drawings(count: int, first: int) -> torch.Tensor:
    """Draw pictures: float (count, 3, side, side) in [0, 1]."""
    drawn = [synthetic.draw_mixed(_SIDE, first + i) for i in range(count)]
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float() / 255


def crops(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return random squares, turned, with channels changed, some as negatives."""
    made: list[torch.Tensor] = []
    for number in rng.integers(0, len(pictures), _BATCH):
        top, left = rng.integers(0, _SIDE - _CROP + 1, 2)
        square = pictures[number, :, top : top + _CROP, left : left + _CROP]
        square = square[torch.from_numpy(rng.permutation(3))].rot90(int(rng.integers(4)), (1, 2))
        made.append(1 - square if rng.random() < 0.3 else square)
    return torch.stack(made)


def train(
    model: SmallAutoencoder, pictures: torch.Tensor, minutes: float
) -> Iterator[tuple[float, float]]:
    """Train for so many minutes of processor time; yield how much is done, and the loss."""
    rng, begun, number, done = np.random.default_rng(0), time.process_time(), 0, 0.0
    optimiser = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99))
    while done < 1:
        rise = min(1.0, (number + 1) / _WARM_UP)
        for group in optimiser.param_groups:
            group["lr"] = _RATE * rise * max(0.002, (1 + math.cos(math.pi * done)) / 2)
        pixels = crops(pictures, rng)
        latent = model.encode(pixels)
        error = model.decode(latent + _NOISE * torch.randn(latent.shape)) - pixels
        loss = error.abs().mean() + 4 * error.square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimiser.step()
        number += 1
        done = (time.process_time() - begun) / (minutes * 60)
        yield done, float(loss.detach())


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def psnr(model: SmallAutoencoder) -> float:
    """Return how well held-out drawings come back, in dB."""
    with torch.no_grad():
        errors = [
            (model.decode(model.encode(each[None])).clamp(0, 1) - each).square().mean()
            for each in drawings(8, _HELD_OUT)
        ]
    return float(-10 * torch.stack(errors).log10().mean())


def make(name: str, pictures: torch.Tensor, minutes: float) -> None:
    """Train one autoencoder and write its file."""
    torch.manual_seed(0)
    space = SPACES[name].space
    model = SmallAutoencoder(space.channels, space.factor)
    model.begin(pictures)
    say(f"{name}: {psnr(model):.2f} dB at first")
    loss, said = 0.0, 0.0
    for done, new in train(model, pictures, minutes):
        loss += (new - (loss or new)) * 0.05 if loss else new
        if done - said > 0.1:
            said = done
            say(f"{name}: {done:.0%}, loss {loss:.4f}")
    with writing_path(folder() / f"{name}.pt", overwrite=True, make_folders=True) as scratch:
        torch.save(model.state_dict(), scratch)
    say(f"{name}: {psnr(model):.2f} dB on held-out drawings, in {folder()}")


def make_network(name: str, minutes: float) -> None:
    """Make the latent network for one autoencoder, as the product does."""
    codec = load(name)
    teacher = Teacher(codec, torch.device("cpu"), differentiable=codec.decode, tiny=codec)
    out, work = folder() / "networks", folder() / f"unfinished-{name}"
    for report in fit(teacher, SPACES[name].space, out, work, FitSettings(minutes=minutes)):
        if report.figures is not None:
            say(f"{name}: {report.step} steps, {report.figures.sentence()}")


def main() -> None:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.latent.autoencoders")
    parser.add_argument("--minutes", type=float, default=5.0, help="of a core, for each; 0: none")
    parser.add_argument("--fit", type=float, default=0.0, help="minutes for each latent network")
    parser.add_argument("--only", choices=NAMES, action="append", help="make only this one")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = options.only or NAMES
    if options.minutes:
        pictures = drawings(_DRAWINGS, _SEED)
        for name in names:
            make(name, pictures, options.minutes)
    for name in names if options.fit else ():
        make_network(name, options.fit)


if __name__ == "__main__":
    main()
