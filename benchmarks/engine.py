"""The engine against one raw whole-picture forward: time, exactness, memory.

    python -m benchmarks.engine time            # ratios of time, by turns in one run
    python -m benchmarks.engine exact           # tiles against the whole picture, 8-bit levels
    python -m benchmarks.engine memory          # growth of peak memory, each in a fresh process

Times are ratios to the plain forward of spandrel's own module on the whole picture, the two run
by turns; the median of the ratios is printed. The first run, which also measures the network,
is shown apart, and so are blocks that are kept, and ncnn in place of torch, if it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.networks import save_random
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.loader import load_network
from lib_upscalers.tiling.allocator import retained_memory
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.policy import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch.nn import Module

TIMES = [
    ("Compact", 512),
    ("SPAN", 512),
    ("ESRGAN", 256),
    ("Compact", 128),
    ("SPAN", 128),
    ("ESRGAN", 128),
]


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture of edges, gradients and grain, the same each time."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    base = 0.5 + 0.25 * np.sin(x / 9 + y / 17) + 0.2 * ((x // 37 + y // 23) % 2 - 0.5)
    grain = rng.normal(0, 0.04, (height, width, 3))
    return (np.clip(base[..., None] + grain, 0, 1) * 255).astype(np.uint8)


def job(
    *,
    retains_memory: bool = False,
    tile: int | None = None,
    precision: str = "fp32",
    backend: str = "torch",
) -> Job:
    """Return a job on the CPU."""
    host = StandaloneHost(device_name="cpu")
    return Job(
        device=torch.device("cpu"),
        free_memory=host.free_memory,
        precision=precision,  # type: ignore[arg-type]
        backend=backend,
        tile=tile,
        retains_memory=retains_memory,
    )


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def load_module(path: Path) -> Module:
    """Return spandrel's own module, as its loader gives it."""
    from spandrel import ModelLoader

    return ModelLoader().load_from_file(path).eval().model


def raw_forward(module: Module, pixels: NDArray[np.uint8]) -> Callable[[], object]:
    """Return the plain forward of a module on the whole picture."""
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255

    def forward() -> object:
        with torch.inference_mode():
            return module(batch)

    return forward


def compare_times(rounds: int, folder: Path, precision: str, only: str | None) -> None:
    """Print the ratio of the engine's time to the raw forward's for each network and size."""
    print(f"threads {torch.get_num_threads()}, precision {precision}, {rounds} rounds")
    print("network   size    raw s  first  plain allocator  kept blocks   ncnn")
    for name, side in [case for case in TIMES if only in (None, case[0])]:
        path = folder / f"{name}.pth"
        save_random(name, path)
        compare_network(f"{name:8} {side:5}", path, picture(side, side), rounds, precision)


def compare_network(
    label: str, path: Path, pixels: NDArray[np.uint8], rounds: int, precision: str
) -> None:
    """Print one line: the raw forward, and the engine's ratio to it, first and later."""
    forward, network = raw_forward(load_module(path), pixels), load_network(path)

    def engine(*, kept: bool = False, backend: str = "torch") -> float:
        work = job(retains_memory=kept, precision=precision, backend=backend)
        with retained_memory(enabled=kept):
            return seconds(lambda: run_network(network, pixels, work))

    forward()
    first = engine() / seconds(forward)
    there = precision == "fp32" and importlib.util.find_spec("ncnn") is not None
    if there:
        engine(backend="ncnn")
    raw, plain, kept, ncnn = [], [], [], []
    for _ in range(rounds):
        raw.append(seconds(forward))
        plain.append(engine() / raw[-1])
        kept.append(engine(kept=True) / raw[-1])
        ncnn.append(engine(kept=True, backend="ncnn") / raw[-1] if there else math.nan)
    base, *ratios = (statistics.median(values) for values in (raw, plain, kept, ncnn))
    shown = "{:16.2f} {:12.2f} {:6.2f}".format(*ratios)
    print(f"{label} {base:8.2f} {first:6.2f} {shown}", flush=True)


def compare_levels(folder: Path) -> None:
    """Print how far tiles are from the whole picture."""
    path = folder / "ESRGAN.pth"
    save_random("ESRGAN", path)
    network = load_network(path)
    print("picture     tile  largest  mean     share over 1 level")
    for height, width in ((512, 512), (517, 333)):
        pixels = picture(height, width)
        whole = run_network(network, pixels, job(tile=4096)).pixels.astype(int)
        for tile in (None, 128):
            tiled = run_network(network, pixels, job(tile=tile)).pixels.astype(int)
            error = np.abs(tiled - whole)
            over = (error > 1).mean()
            size = f"{width}x{height}"
            print(f"{size:10} {tile!s:>5} {error.max():6} {error.mean():9.5f} {over:.2e}")
    print(f"halo: {network.profile.reach}")


MEMORY = ["esrgan-raw", "esrgan-whole", "esrgan-tiles", "compact-auto", "copy", "built-in"]


def compare_memory() -> None:
    """Print the growth of peak memory of each case, each in a process of its own."""
    for case in MEMORY:
        command = [sys.executable, "-m", "benchmarks.engine_memory", case]
        subprocess.run(command, check=True)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["time", "exact", "memory"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="the one network to time")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.what == "time":
            compare_times(arguments.rounds, Path(folder), arguments.precision, arguments.only)
        elif arguments.what == "exact":
            compare_levels(Path(folder))
        else:
            compare_memory()


if __name__ == "__main__":
    main()
