"""Add trained weights, with their figures, to the library's own networks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save

from lib_upscalers.errors import InputError
from lib_upscalers.file_writing import write_bytes, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from lib_upscalers.training.recipe import Material

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class Origin:
    """How weights were made.

    Attributes:
        command: The command that makes them again.
        seed: Its seed.
        steps: The number of its steps.
        device: Where it ran.
        hours: How long the steps took.
    """

    command: str
    seed: int
    steps: int
    device: str
    hours: float


@dataclass(frozen=True)
class Card:
    """The facts of a network of ours: its entry in ``weights.json``."""

    name: str
    architecture: str
    scale: int
    channels: int
    material: Material
    training: Origin
    figures: Mapping[str, float]

    @property
    def file(self) -> str:
        """The name of the file with the weights."""
        return self.name.lower().replace(" ", "_") + ".safetensors"


def _entry(card: Card, state: Mapping[str, torch.Tensor], sha256: str) -> dict[str, Any]:
    return {
        "name": card.name,
        "file": card.file,
        "sha256": sha256,
        "architecture": card.architecture,
        "scale": card.scale,
        "channels": card.channels,
        "material": card.material,
        "parameters": sum(value.numel() for value in state.values()),
        "licence": "MIT",
        "training": asdict(card.training),
        "figures": dict(card.figures),
    }


def export(card: Card, state: Mapping[str, torch.Tensor], folder: Path = WEIGHTS) -> Path:
    """Write the weights in fp32 and their entry in ``weights.json``; return the weights' path."""
    path, index = folder / card.file, folder / "weights.json"
    plain = {key: value.detach().float().cpu().contiguous() for key, value in state.items()}
    write_bytes(path, save(plain), overwrite=True, make_folders=True)
    entry = _entry(card, plain, hashlib.sha256(path.read_bytes()).hexdigest())
    known: list[dict[str, Any]] = []
    if index.exists():
        known = json.loads(index.read_text(encoding="utf-8"))["networks"]
    # The order is that of menus: a network stays at its place, a new one is last.
    names = [other["name"] for other in known]
    place = names.index(card.name) if card.name in names else len(known)
    entries = [*known[:place], entry, *known[place + 1 :]]
    text = json.dumps({"networks": entries}, indent=2, ensure_ascii=False)
    write_text(index, text + "\n", overwrite=True)
    return path


def shipped(name: str, folder: Path = WEIGHTS) -> dict[str, torch.Tensor]:
    """Return the weights of one of our own networks, or those in a ``.safetensors`` file.

    Several, with " + " between them, give the mean of their weights, each with a share if it
    begins with a number: "0.2 Lab Fine 2x + 0.8 Lab Anime 2x". Of networks that one has become by
    further training the mean is often nearly as good as each at what that one does best: M.
    Wortsman and others, "Model soups", 2022, https://arxiv.org/abs/2203.05482

    Raises:
        InputError: There is none of that name, or several have other layers.
    """
    if " + " in name:
        parts = [_share_of(each.strip()) for each in name.split(" + ")]
        return _mean([(share, shipped(each, folder)) for share, each in parts])
    if name.endswith(".safetensors"):
        return load_file(name)
    index: Any = json.loads((folder / "weights.json").read_text(encoding="utf-8"))
    files = {str(entry["name"]): str(entry["file"]) for entry in index["networks"]}
    if name not in files:
        raise InputError(f"Expected one of {sorted(files)} to begin with, but got {name!r}.")
    return load_file(folder / files[name])


def _share_of(part: str) -> tuple[float, str]:
    """Return the share of a part of a sum, and the network's name."""
    number, _, rest = part.partition(" ")
    try:
        return float(number), rest.strip()
    except ValueError:
        return 1.0, part


def _mean(parts: Sequence[tuple[float, Mapping[str, torch.Tensor]]]) -> dict[str, torch.Tensor]:
    states = [state for _, state in parts]
    shapes = [{key: value.shape for key, value in state.items()} for state in states]
    if any(other != shapes[0] for other in shapes):
        raise InputError(
            "Expected networks of the same layers to take the mean of, but they differ: name one."
        )
    all_shares = sum(share for share, _ in parts)
    mean = {key: value * 0 for key, value in states[0].items()}
    for share, state in parts:
        mean = {key: value + state[key] * (share / all_shares) for key, value in mean.items()}
    return mean
