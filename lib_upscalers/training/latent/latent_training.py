"""Train our network in latent space: the steps, saving and resuming."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.latent.autocast import training_autocast
from lib_upscalers.latent.learned_network import LatentNetwork
from lib_upscalers.training.losses import charbonnier
from lib_upscalers.training.state import load_state, save_state, update_average

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lib_upscalers.training.latent.latent_pairs import LatentPair

    Decode = Callable[[torch.Tensor], torch.Tensor]

_EPSILON = 0.05
# Decoding all of a latent in every step would take four times as long.
_WINDOW = 16
# Sides, in latent values, of the squares whose mean colours are compared.
_SQUARES = (2, _WINDOW)
# With it this loss is about as large as the loss on latents at the end of a training.
_PIXELS, _COLOURS = 8.0, 16.0
# Of the rate, for a network that has learned already.
_GOING_ON = 0.3


@dataclass(frozen=True)
class LatentRecipe:
    """All that determines the weights, except the pairs.

    Attributes:
        channels: Of the latents.
        features: See `LatentNetwork`; also `blocks`, `fine` and `fine_blocks`.
        seed: Of the weights and the batches.
        steps: The number of steps, unless time runs out before.
        batch: Pairs a step, for a factor of 2; fewer where the small latents are larger.
        rate: The greatest learning rate; it falls as a cosine.
        warm_up: Steps in which it rises.
        memory: The share of the averaged weights that remains at each step.
        decoded: The share of the training, at its end, in which `decoded_loss` counts, too, if the
            decoder is cheap.
    """

    channels: int
    features: int = 96
    blocks: int = 4
    fine: int = 48
    fine_blocks: int = 2
    seed: int = 1
    steps: int = 20_000
    batch: int = 8
    rate: float = 1e-3
    warm_up: int = 150
    memory: float = 0.998
    decoded: float = 0.3

    def network(self) -> LatentNetwork:
        """Make the network, with random weights."""
        shape = (self.features, self.blocks, self.fine, self.fine_blocks)
        return LatentNetwork(self.channels, *shape)

    def going_on(self, network: LatentNetwork) -> LatentRecipe:
        """Return the recipe to train a network on: gently, by what is decoded in every step."""
        return replace(
            self,
            channels=network.channels,
            features=network.up.in_channels,
            blocks=len(network.body),
            fine=network.tail.in_channels,
            fine_blocks=len(network.fine),
            rate=self.rate * _GOING_ON,
            decoded=1.0,
        )


class Pool:
    """Pairs by the sides of their latents, on the device that trains."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._by_sides: dict[tuple[int, int], list[LatentPair]] = {}

    def add(self, pairs: Iterable[LatentPair]) -> None:
        """Add pairs; their order determines the batches."""
        for pair in pairs:
            sides = pair.small.shape[-1], pair.large.shape[-1]
            self._by_sides.setdefault(sides, []).append(pair)

    def large(self) -> list[torch.Tensor]:
        """Return all large latents (C, H, H), float16."""
        return [pair.large for pairs in self._by_sides.values() for pair in pairs]

    def batch(self, rng: np.random.Generator, most: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return random pairs of one factor, float32: small and large latents.

        Every second batch is of the factor 2; fewer pairs if they are larger.
        """
        least = min(small for small, _ in self._by_sides)
        twice = {
            sides: pairs for sides, pairs in self._by_sides.items() if sides[1] == 2 * sides[0]
        }
        others = {key: value for key, value in self._by_sides.items() if key not in twice}
        group = twice if rng.random() < 0.5 or not others else others
        sides, shares = list(group or others), [len(each) for each in (group or others).values()]
        chosen = sides[int(rng.choice(len(sides), p=np.array(shares) / sum(shares)))]
        pairs = self._by_sides[chosen]
        count = max(1, round(most * (least / chosen[0]) ** 2))
        picked = [pairs[int(i)] for i in rng.integers(0, len(pairs), count)]
        small = torch.stack([pair.small for pair in picked])
        large = torch.stack([pair.large for pair in picked])
        return small.to(self._device).float(), large.to(self._device).float()


def latent_loss(
    output: torch.Tensor, target: torch.Tensor, transform: torch.Tensor
) -> torch.Tensor:
    """Return the mean length of the errors at all places, as `transform` weighs channels.

    The length and not its square, so that flat places become exact, too; smooth at 0.
    """
    error = torch.einsum("dc,nchw->ndhw", transform, output - target)
    return (error.square().sum(1) + _EPSILON**2).sqrt().mean() - _EPSILON


def decoded_loss(
    output: torch.Tensor, target: torch.Tensor, decode: Decode, rng: np.random.Generator
) -> torch.Tensor:
    """Return how far a random window of latents is from its target once both are decoded.

    Pixels count by `charbonnier`; the mean colours of small squares and of the whole window count,
    too, because a shift of colour is visible that is small in each pixel.

    Args:
        output: Latents (N, C, H, W), with gradients.
        target: The true latents.
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
        expected = decode(target[window]).float()
    made = decode(output[window]).float()
    factor = expected.shape[-1] // sides[1]
    loss = _PIXELS * charbonnier(made, expected)
    for side in _SQUARES:
        size = [min(side, whole) * factor for whole in sides]
        means = (functional.avg_pool2d(each, size) for each in (made, expected))
        loss = loss + _COLOURS / len(_SQUARES) * charbonnier(*means)
    return loss


class LatentTraining:
    """A network in training, the average of its weights, and its optimiser, at some step.

    Args:
        recipe: What to do.
        statistics: The latents' "mean" and "deviation", (C,), and the loss's "transform", (C, C).
        device: Where.
    """

    def __init__(
        self,
        recipe: LatentRecipe,
        statistics: Mapping[str, torch.Tensor],
        device: torch.device,
    ) -> None:
        self.recipe = recipe
        self.device = device
        self.step = 0
        self.progress = 0.0
        self.seconds = 0.0
        self.transform = statistics["transform"].to(device)
        # A program around has generators of its own; the network is made on the CPU.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(recipe.seed)
            self.model = recipe.network().to(device)
        self.model.mean.copy_(statistics["mean"])
        self.model.deviation.copy_(statistics["deviation"])
        self.average = copy.deepcopy(self.model)
        self.model.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.model.parameters(), betas=(0.9, 0.99))

    def begin_with(self, network: LatentNetwork) -> None:
        """Take over the weights of a network of the recipe's shape."""
        for each in (self.model, self.average):
            each.load_state_dict(network.state_dict())

    @property
    def rate(self) -> float:
        """The learning rate of the next step: a linear rise, then half a cosine."""
        rise = min(1.0, (self.step + 1) / self.recipe.warm_up)
        fall = (1 + math.cos(math.pi * min(self.progress, 1.0))) / 2
        return self.recipe.rate * rise * max(fall, 0.002)

    def advance(
        self,
        pool: Pool,
        batch: int,
        budget: float = math.inf,
        decode: Decode | None = None,
    ) -> float:
        """Make one step and return its loss.

        Args:
            pool: Where pairs come from.
            batch: The number of pairs, for a factor of 2.
            budget: Seconds for all steps: they end early if these are over.
            decode: From latents to pictures, gradients passing, if that is cheap.
        """
        begun = time.monotonic()
        rng = np.random.default_rng([self.recipe.seed, self.step])
        small, large = pool.batch(rng, batch)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        with training_autocast(self.device):
            small = small.contiguous(memory_format=torch.channels_last)
            output = self.model(small, (large.shape[-2], large.shape[-1])).float()
        loss = latent_loss(output, large, self.transform)
        if decode is not None and self.progress >= 1 - self.recipe.decoded:
            with training_autocast(self.device):
                loss = loss + decoded_loss(output, large, decode, rng)
        self.optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 0.5)
        result = float(loss.detach())
        # One step with NaN would spoil all weights for ever.
        if math.isfinite(result) and bool(torch.isfinite(norm)):
            self.optimiser.step()
        self.step += 1
        update_average(self.average, self.model, self.step, self.recipe.memory)
        spent = time.monotonic() - begun
        self.seconds += spent
        self.progress += max(1 / self.recipe.steps, spent / budget)
        if self.step >= self.recipe.steps:
            self.progress = 1.0
        return result

    def save(self, path: Path) -> None:
        """Write all of the state; an old file stays whole if that fails."""
        state = {
            "step": self.step,
            "progress": self.progress,
            "seconds": self.seconds,
            "transform": self.transform,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        save_state(path, self.recipe, state)

    def load(self, path: Path) -> None:
        """Resume from the state that `save` wrote.

        Raises:
            InputError: It was saved by a training with another recipe.
        """
        state = load_state(path, self.recipe, self.device)
        self.transform = state["transform"].to(self.device)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.progress = state["step"], state["progress"]
        self.seconds = state["seconds"]
