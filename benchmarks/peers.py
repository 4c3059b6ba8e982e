"""The engine beside other programs' functions, by turns in one run.

    python -m benchmarks.peers NAME=FILE.py [NAME=FILE.py ...]

A file is a copy of the other program's code, outside of this project, with a function `load(path)`
that returns a function of pixels, uint8 (H, W, 3), to the enlarged ones. Networks are random, of
the sizes that `benchmarks.engine` times. Printed are medians of the ratios of our CPU time to each
one's, in fp32, as "auto" runs here by torch (bf16 where the CPU computes it) and in fp32 by ncnn,
and how far the results are apart.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.engine import job, picture
from benchmarks.networks import save_random
from lib_upscalers.models.loader import load_network
from lib_upscalers.tiling.allocator import retained_memory
from lib_upscalers.tiling.loop import run_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Enlarge = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    Load = Callable[[Path], Enlarge]

CASES = (
    ("Compact", 128),
    ("Compact", 256),
    ("Compact", 512),
    ("SPAN", 256),
    ("ESRGAN", 128),
)
WAYS = {"fp32": ("fp32", "torch"), "auto": ("auto", "torch"), "ncnn": ("fp32", "ncnn")}


def peer(text: str) -> tuple[str, Load]:
    """Return the name of a program, and what loads a network with its functions.

    Raises:
        argparse.ArgumentTypeError: There is no such file, or it has no function `load`.
    """
    name, _, place = text.partition("=")
    spec = importlib.util.spec_from_file_location(f"peer_{name}", place)
    if spec is None or spec.loader is None or not Path(place).is_file():
        raise argparse.ArgumentTypeError(f"expected NAME=FILE.py, but got {text!r}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "load"):
        raise argparse.ArgumentTypeError(f"expected a function load(path) in {place}")
    return name, module.load


def ours(path: Path, precision: str, backend: str) -> Enlarge:
    """Return what enlarges by our engine."""
    network = load_network(path)

    def enlarge(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        work = job(retains_memory=True, precision=precision, backend=backend)
        with retained_memory(enabled=True):
            return run_network(network, pixels, work).pixels

    return enlarge


def compare(path: Path, label: str, side: int, peers: Mapping[str, Load], rounds: int) -> None:
    """Print a line for each peer."""
    pixels = picture(side, side)
    ways = {name: ours(path, *way) for name, way in WAYS.items()}
    ways.update({name: load(path) for name, load in peers.items()})
    # The first run also measures the network.
    first = {name: way(pixels) for name, way in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way(pixels)
            times[name].append(time.process_time() - start)
    for name in peers:
        ratios = [
            statistics.median(a / b for a, b in zip(times[own], times[name], strict=True))
            for own in WAYS
        ]
        apart = np.abs(first["fp32"].astype(int) - first[name].astype(int))
        print(
            f"{label:8} {side:5}  {name:10} {ratios[0]:6.2f} {ratios[1]:6.2f} {ratios[2]:6.2f}   "
            f"{apart.max():3} levels at most, {apart.mean():.3f} on average",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peers", nargs="+", type=peer, metavar="NAME=FILE.py")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"CPU time of ours, ratio to theirs; torch {torch.__version__}, {options.rounds} rounds")
    print("network   size  peer         fp32   auto   ncnn   results in fp32")
    with tempfile.TemporaryDirectory() as folder:
        for name, side in CASES:
            path = Path(folder) / f"{name}.pth"
            save_random(name, path)
            compare(path, name, side, dict(options.peers), options.rounds)


if __name__ == "__main__":
    sys.exit(main())
