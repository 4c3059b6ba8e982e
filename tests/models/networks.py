"""Tiny networks in files, and what is said of them."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import torch

from lib_upscalers.models.entry import ModelEntry
from lib_upscalers.models.loader import read_traits
from tests.models.tiny import compact, esrgan, new_layout, random_network, save

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from spandrel import ImageModelDescriptor
    from torch import nn

ESRGANS: Mapping[str, Callable[[], nn.Module]] = {
    "1x": lambda: esrgan(scale=1),
    "2x": lambda: esrgan(scale=2),
    "4x": lambda: esrgan(num_blocks=2),
    "8x": lambda: esrgan(scale=8),
    "grey": lambda: esrgan(in_nc=1, out_nc=1),
    "RGBA": lambda: esrgan(in_nc=4, out_nc=4),
    "2x unshuffled": lambda: esrgan(in_nc=12, shuffle_factor=2),
    "1x unshuffled": lambda: esrgan(in_nc=48, shuffle_factor=4),
    "plus": lambda: esrgan(plus=True),
}


def tiny_state(name: str) -> dict[str, torch.Tensor]:
    """Return the weights of a tiny network; skip where this spandrel has no such network."""
    network = random_network(name)
    state = network.state_dict()
    if name == "SPAN":
        # With random weights it gives thousands.
        with torch.no_grad():
            deviation = network(torch.rand(1, 3, 24, 24)).std()
        state["upsampler.0.weight"] *= 0.2 / deviation
        state["upsampler.0.bias"] *= 0.2 / deviation
        state["upsampler.0.bias"] += 0.5
    return state


def esrgan_state(kind: str, *, new: bool = False) -> dict[str, torch.Tensor]:
    """Return random weights of an ESRGAN, named as in the old or in the new layout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20260101)
        state = ESRGANS[kind]().state_dict()
    return new_layout(state) if new else state


def compact_file(path: Path, seed: int = 0, **settings: object) -> Path:
    """Save a random Compact network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return save(compact(**settings).state_dict(), path)


def plain_network(path: Path) -> ImageModelDescriptor[nn.Module]:
    """Return what spandrel itself, with our architectures, makes of a file."""
    import spandrel

    from lib_upscalers.models.architectures import registry

    loaded: Any = spandrel.ModelLoader(device="cpu", registry=registry()).load_from_file(path)
    return loaded.eval()


def plain_forward(path: Path, batch: torch.Tensor) -> torch.Tensor:
    """Run a batch through spandrel's own network, one picture at a time as it wants it."""
    network = plain_network(path)
    return torch.cat([network(picture[None].clone()) for picture in batch])


def entry_for(path: Path) -> ModelEntry:
    """Return the entry for a network file."""
    return ModelEntry(path.stem, path, path.stat().st_size, read_traits(path))


def blank_file(make: Callable[[], nn.Module], path: Path) -> Path:
    """Save a network of zeros as a .safetensors file that takes no room on a disk."""
    header: dict[str, object] = {}
    end = 0
    with torch.device("meta"):
        state = make().state_dict()
    for name, tensor in state.items():
        begin, end = end, end + 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(file.tell() + end)
    return path
