"""What bf16 saves and costs on this CPU: time by turns, and the difference from fp32.

    python -m benchmarks.precision FILE... [--side 256] [--turns 5]

CPU time of the engine in bf16 as a ratio to its time in fp32: the median of the ratios by turns,
and the ratio of the shortest times. The trial is what decides whether "auto" is bf16.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.engine import job, picture
from lib_upscalers.models.loader import load_network
from lib_upscalers.tiling.allocator import retained_memory
from lib_upscalers.tiling.loop import run_network

if TYPE_CHECKING:
    from lib_upscalers.network import Network
    from lib_upscalers.tiling.loop import Enlarged


def timed(network: Network, side: int, precision: str) -> tuple[float, Enlarged]:
    """Return the CPU seconds of a picture, and its result."""
    work, pixels = job(retains_memory=True, precision=precision), picture(side, side)
    start = time.process_time()
    done = run_network(network, pixels, work)
    return time.process_time() - start, done


def compare(path: Path, side: int, turns: int) -> None:
    """Print one line: a network in both precisions."""
    network = load_network(path)
    _, first = timed(network, side, "auto")
    half, exact = (timed(network, side, each)[1].pixels for each in ("bf16", "fp32"))
    error = np.abs(half.astype(int) - exact)
    pairs = [
        (timed(network, side, "bf16")[0], timed(network, side, "fp32")[0]) for _ in range(turns)
    ]
    ratio = statistics.median(short / long for short, long in pairs)
    least = min(short for short, _ in pairs) / min(long for _, long in pairs)
    trials = [f"{each.speed:.2f}x {each.error:.2f}" for each in network.profile.half.values()]
    print(
        f"{path.stem:36} {first.precision}, trial {trials}: ratio {ratio:.2f} (least {least:.2f}), "
        f"mean {error.mean():.3f}, largest {error.max()}",
        flush=True,
    )


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    with retained_memory(enabled=True):
        for path in options.files:
            compare(path, options.side, options.turns)


if __name__ == "__main__":
    main()
