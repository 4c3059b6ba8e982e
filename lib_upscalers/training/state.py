"""Average the weights of a training; save and restore its state."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from lib_upscalers.errors import InputError
from lib_upscalers.file_writing import writing_path

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import DataclassInstance
    from torch import nn


def update_average(average: nn.Module, model: nn.Module, step: int, memory: float) -> None:
    """Update the average of weights by a model's.

    Args:
        average: Changed.
        model: The same kind of network.
        step: How many steps were made.
        memory: The share of the average that remains at each step.
    """
    # In the first steps the average has to forget the random weights that it began with.
    keep = min(memory, step / (step + 10))
    with torch.no_grad():
        for mean, now in zip(average.parameters(), model.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)


def save_state(path: Path, recipe: DataclassInstance, state: dict[str, Any]) -> None:
    """Write the state of a training; an old file stays whole if that fails."""
    with writing_path(path, overwrite=True, make_folders=True) as scratch:
        torch.save({"recipe": json.dumps(asdict(recipe)), **state}, scratch)


def load_state(path: Path, recipe: DataclassInstance, device: torch.device) -> dict[str, Any]:
    """Read what `save_state` wrote.

    Raises:
        InputError: It was saved by a training with another recipe.
    """
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    expected = json.dumps(asdict(recipe))
    if state["recipe"] != expected:
        raise InputError(
            f"Expected a training with the recipe {expected} in {path}, but got {state['recipe']}; "
            "give the same settings, or another folder for the work."
        )
    return state
