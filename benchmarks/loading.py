"""Time to a network's first being ready, against spandrel's plain loader on the same weights.

    python -m benchmarks.loading [REPEATS]

Both load by turns, in one process and thread, from files that the system has in memory; each
figure is the median of the ratios of a turn's times to that of spandrel's loader on the .pth file.
The process's own time is taken, which other programs on the machine do not lengthen. "ours"
includes everything up to a network that the engine can run, changes for speed included; "facts"
is what finding out what a file holds takes the first time.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import spandrel
import torch
from safetensors.torch import save_file

from benchmarks.networks import BUILDERS
from lib_upscalers.models.architectures import detect, registry
from lib_upscalers.models.building import build
from lib_upscalers.models.loader import load_network
from lib_upscalers.models.reading import read_state
from lib_upscalers.models.wrapping import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

_REPEATS = 25


def swinir_light() -> nn.Module:
    """Return a SwinIR x4 of the lightweight size."""
    from spandrel.architectures.SwinIR import SwinIR

    return SwinIR(
        img_size=64,
        window_size=8,
        depths=[6, 6, 6, 6],
        embed_dim=60,
        num_heads=[6, 6, 6, 6],
        mlp_ratio=2,
        upscale=4,
        upsampler="pixelshuffledirect",
    )


def dat_light() -> nn.Module:
    """Return a DAT x4 of the lightweight size."""
    from spandrel.architectures.DAT import DAT

    return DAT(
        img_size=64,
        split_size=[8, 32],
        depth=[18],
        embed_dim=60,
        num_heads=[6],
        expansion_factor=2,
        resi_connection="3conv",
        upscale=4,
        upsampler="pixelshuffledirect",
    )


def dat() -> nn.Module:
    """Return a DAT-2 x4."""
    from spandrel.architectures.DAT import DAT

    return DAT(
        img_size=64,
        split_size=[8, 32],
        depth=[6] * 6,
        embed_dim=180,
        num_heads=[6] * 6,
        expansion_factor=2,
        upscale=4,
    )


# The most that "ours" may take of spandrel's time.
BARS: Mapping[str, tuple[float, Callable[[], nn.Module]]] = {
    "ESRGAN 23nb": (0.6, BUILDERS["ESRGAN"]),
    "Compact 64nf 32nc": (0.6, BUILDERS["Compact"]),
    "SPAN 48ch": (0.6, BUILDERS["SPAN"]),
    "SwinIR light": (0.8, swinir_light),
    "DAT light": (0.8, dat_light),
    "DAT-2": (0.8, dat),
}


def find_out(path: Path) -> spandrel.ModelDescriptor:
    """Return what a file holds, without its numbers."""
    state = unwrap(read_state(path, values=False))
    found = detect(state, registry())
    if found is None:
        raise ValueError(f"nobody knows {path}")
    return build(found.architecture, state)


def milliseconds(work: Callable[[], object]) -> float:
    """Return how much time of the processor `work` takes."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def measure(module: nn.Module, folder: Path, repeats: int) -> dict[str, float]:
    """Return the median of spandrel's time, in ms, and of the ratios to it."""
    pth, safe = folder / "network.pth", folder / "network.safetensors"
    torch.save(module.state_dict(), pth)
    save_file({name: t.contiguous() for name, t in module.state_dict().items()}, safe)
    plain = spandrel.ModelLoader()
    times: dict[str, list[float]] = {"spandrel ms": [], "pth": [], "safetensors": [], "facts": []}
    load_network(pth)
    for _ in range(repeats):
        unit = milliseconds(lambda: plain.load_from_file(pth))
        times["spandrel ms"].append(unit)
        times["pth"].append(milliseconds(lambda: load_network(pth)) / unit)
        times["safetensors"].append(milliseconds(lambda: load_network(safe)) / unit)
        times["facts"].append(milliseconds(lambda: find_out(pth)) / unit)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> int:
    """Print the table and return how many bars are missed."""
    warnings.filterwarnings("ignore", "torch.meshgrid")
    torch.set_num_threads(1)
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else _REPEATS
    missed = 0
    print("network            spandrel ms   ours .pth   .safetensors   facts   bar")
    for name, (bar, builder) in BARS.items():
        with tempfile.TemporaryDirectory() as folder:
            found = measure(builder(), Path(folder), repeats)
        missed += found["pth"] > bar
        print(
            f"{name:18} {found['spandrel ms']:11.1f} {found['pth']:11.2f} "
            f"{found['safetensors']:14.2f} {found['facts']:7.2f} {bar:5.1f}",
            flush=True,
        )
    return missed


if __name__ == "__main__":
    sys.exit(main())
