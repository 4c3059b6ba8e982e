"""Train a small pixel network on drawn pictures.

``python -m lib_upscalers.training.pixel --help`` lists the options;
docs/explanation/training.md has the results.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from lib_upscalers.training import measure
from lib_upscalers.training.compact import Compact
from lib_upscalers.training.crops import batch
from lib_upscalers.training.drawing.damage import DAMAGES
from lib_upscalers.training.export import WEIGHTS, Card, Origin, export, shipped
from lib_upscalers.training.line_faults import line_faults
from lib_upscalers.training.losses import charbonnier, colour_error, contrast_error, flat_peak_error
from lib_upscalers.training.pairs import Pairs, stored_pairs
from lib_upscalers.training.recipe import Recipe
from lib_upscalers.training.state import load_state, save_state, update_average
from lib_upscalers.training.warm_start import grow

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger("lib_upscalers")

_SAVE_SECONDS = 60
# Settling is short and its rate falls to 0: a long average would only delay it.
_SETTLED_MEMORY = 0.99
_LOG_STEPS = 100
_STATE = "state.pt"


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the learning rate of a step: a linear rise, half a cosine down, then settling."""
    if step < recipe.warm_up:
        return recipe.rate * (step + 1) / recipe.warm_up
    if step >= recipe.steps:
        return recipe.settle_rate * (recipe.total - step) / max(recipe.settle, 1)
    end = recipe.decay or recipe.steps
    done = (step - recipe.warm_up) / max(end - recipe.warm_up, 1)
    return recipe.rate * (0.002 + 0.998 * (1 + math.cos(math.pi * min(done, 1.0))) / 2)


class Training:
    """A network in training, the average of its weights, and its optimiser, at some step.

    Args:
        recipe: What to do.
        device: Where.
    """

    def __init__(self, recipe: Recipe, device: str = "cpu") -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = torch.device(device)
        self._fast = recipe.arithmetic == "bf16"
        self.step = 0
        self.seconds = 0.0
        self.model = Compact(recipe.features, recipe.layers, recipe.scale)
        if recipe.start:
            grow(self.model, shipped(recipe.start))
        self.model.to(self.device)
        self.average = copy.deepcopy(self.model)
        for parameter in self.model.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.model.parameters(), betas=(0.9, 0.99))

    def advance(self, pairs: Pairs) -> float:
        """Make one step and return its loss."""
        begun = time.monotonic()
        small, large, weights = (
            values.to(self.device) for values in batch(pairs, self.recipe, self.step)
        )
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._fast):
            output = self.model(small.contiguous(memory_format=torch.channels_last))
        loss = self._loss(output.float(), large, weights)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        settled = self.step > self.recipe.steps
        memory = _SETTLED_MEMORY if settled else self.recipe.memory
        update_average(self.average, self.model, self.step, memory)
        self.seconds += time.monotonic() - begun
        return float(loss.detach())

    def _loss(
        self, output: torch.Tensor, large: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        recipe = self.recipe
        loss = charbonnier(output, large, weights if recipe.settle_weight != 1 else None)
        if recipe.contrast:
            loss = loss + recipe.contrast * contrast_error(output, large)
        if recipe.colour:
            loss = loss + recipe.colour * colour_error(output, large)
        if recipe.settle_peak and self.step >= recipe.steps:
            loss = loss + recipe.settle_peak * flat_peak_error(output, large)
        return loss

    def save(self, path: Path) -> None:
        """Write all of the state; an old file stays whole if that fails."""
        state = {
            "step": self.step,
            "seconds": self.seconds,
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
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]


def train(training: Training, pairs: Pairs, path: Path, budget_seconds: float) -> bool:
    """Train until all steps are made or the time is up; save every minute and at the end.

    Returns:
        Whether all steps are made.
    """
    stop, saved, loss = time.monotonic() + budget_seconds, time.monotonic(), 0.0
    steps = training.recipe.total
    while training.step < steps and time.monotonic() < stop:
        loss += training.advance(pairs)
        if training.step % _LOG_STEPS == 0:
            seconds_left = training.seconds / training.step * (steps - training.step) / 60
            _log.info(
                "step %d of %d, loss %.3f levels, %.0f minutes to go",
                *(training.step, steps, loss / _LOG_STEPS * 255, seconds_left),
            )
            loss = 0.0
        if time.monotonic() - saved > _SAVE_SECONDS:
            training.save(path)
            saved = time.monotonic()
    training.save(path)
    return training.step >= steps


def figures(network: nn.Module, recipe: Recipe, benchmark: Path | None) -> dict[str, float]:
    """Measure a network on held-out drawings, on lines and, if its folder is given, on Set5.

    One that is made for damaged pictures is measured on each kind of damage, too. At scale 1 the
    damaged picture stands for the enlarged one, and of undamaged ones it is measured how well they
    are kept; Set5 says nothing of that.
    """
    enlarge, scale = measure.through(network), recipe.scale
    kept = measure.held_out(scale, recipe.material)
    if scale == 1:
        found = {"heldout_drawings_psnr_y": float(np.mean(measure.scores(enlarge, kept, 1)))}
    else:
        found = {"heldout_drawings_gain_db": float(np.mean(measure.gains(enlarge, kept, scale)))}
    faults = asdict(line_faults(enlarge, scale))
    found.update({f"lines_{name}_percent": value for name, value in faults.items()})
    for name, kind in DAMAGES.items() if recipe.damaged else ():
        examples = measure.held_out(scale, recipe.material, harm=kind.apply)
        found[f"{name}_gain_db"] = float(np.mean(measure.gains(enlarge, examples, scale)))
    if benchmark is not None and scale > 1:
        examples = measure.benchmark(benchmark, scale)
        ours = measure.scores(enlarge, examples, scale)
        plain = measure.scores(lambda small: measure.lanczos(small, scale), examples, scale)
        found["set5_psnr_y"] = float(np.mean(ours))
        found["lanczos_set5_psnr_y"] = float(np.mean(plain))
    return {name: round(value, 2) for name, value in found.items()}


class _Log:
    """Progress that is logged from time to time."""

    def update(self, step: int, total: int, text: str = "") -> None:
        if step % _LOG_STEPS == 0 or step == total:
            _log.info("%d of %d %s", step, total, text)

    def check_cancelled(self) -> None:
        pass


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lib_upscalers.training.pixel", description=__doc__
    )
    parser.add_argument("name", help='what the network is called, such as "Lab Fast 2x"')
    parser.add_argument("--work", type=Path, required=True, help="folder for what is unfinished")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop, to go on later")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set5", type=Path, help="folder of the benchmark, for the figures")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder for the weights")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU; 1 is reproducible")
    for name, value in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return parser.parse_args(words)


def _quoted(value: object) -> str:
    # Unlike shlex.quote's, these quotes also work in the shells of Windows.
    return f'"{value}"' if " " in str(value) else str(value)


def _command(name: str, recipe: Recipe) -> str:
    usual = asdict(Recipe())
    changed = [
        f"--{key.replace('_', '-')} {_quoted(value)}"
        for key, value in asdict(recipe).items()
        if value != usual[key]
    ]
    words = ["python -m lib_upscalers.training.pixel", f'"{name}"', "--work training", *changed]
    return " ".join(words)


def _publish(name: str, training: Training, set5: Path | None, folder: Path) -> Path:
    recipe = training.recipe
    origin = Origin(
        command=_command(name, recipe),
        seed=recipe.seed,
        steps=training.step,
        device=training.device.type,
        hours=round(training.seconds / 3600, 2),
    )
    found = figures(training.average, recipe, set5)
    card = Card(name, "Compact", recipe.scale, 3, recipe.material, origin, found)
    return export(card, training.average.state_dict(), folder)


def main(words: Sequence[str] | None = None) -> int:
    """Draw, train, and export when all steps are made; return 1 if steps remain."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options: dict[str, Any] = vars(_arguments(words))
    recipe = Recipe(**{name: options[name] for name in asdict(Recipe())})
    work: Path = options["work"]
    torch.set_num_threads(options["threads"])
    pairs = stored_pairs(work, recipe, progress=_Log())
    training = Training(recipe, options["device"])
    if (work / _STATE).exists():
        training.load(work / _STATE)
    if not train(training, pairs, work / _STATE, options["minutes"] * 60):
        _log.info("step %d of %d: run this again to go on", training.step, recipe.total)
        return 1
    path = _publish(options["name"], training, options["set5"], options["out"])
    _log.info("wrote %s", path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
