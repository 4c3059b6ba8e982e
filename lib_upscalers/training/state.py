"""Average the weights of a training; save and restore its state."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from lib_upscalers.errors import InputError
from lib_upscalers.file_writing import writing_path
from lib_upscalers.tiling.executor import OutOfMemory, memory_signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from _typeshed import DataclassInstance
    from torch import nn

_Held = TypeVar("_Held")
_log = logging.getLogger("lib_upscalers")


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


def intact(path: Path, read: Callable[[Path], _Held]) -> _Held | None:
    """Return what one of a training's files holds; None if there is none.

    One that is damaged, as after a loss of power, is removed, with a line in the log.

    Raises:
        InputError: `read` raises it: the file is whole, but for something else.
        OSError: It cannot be read.
        OutOfMemory: There is not enough memory for it.
    """
    if not path.exists():
        return None
    try:
        with memory_signal():
            return read(path)
    except (InputError, OSError, MemoryError, OutOfMemory):
        raise
    except Exception as error:  # noqa: BLE001 - torch raises anything for damaged files
        _log.warning("Damaged, so it is made again: %s (%s)", path, error)
        path.unlink()
        return None


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
