"""What workers on a Ray cluster cost and bring.

    python -m benchmarks.cluster [--pictures 2000] [--side 64]

One run prints two figures: the time that a picture costs beyond the work on it, from folders of
different lengths with an upscaler that does next to nothing; and how much more two workers of one
core each do than one, with a network. Everything runs on this machine, on a cluster of its own.
Needs `pip install 'upscaler-lab[distributed]'`, and two idle cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


def draw(folder: Path, count: int, side: int) -> None:
    """Draw noise, so that no two pictures are equal."""
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05}.png")


def seconds(folder: Path, out: Path, upscaler: str, *words: str) -> float:
    """Return how long `upscalers upscale` takes by its own summary."""
    command = [sys.executable, "-m", "lib_upscalers", "upscale", str(folder), str(out)]
    done = subprocess.run(
        [*command, "-u", upscaler, "--device", "cpu", "--json", "-q", *words],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return float(json.loads(done.stdout)["seconds"])


def marginal(few: Path, many: Path, upscaler: str, more: int, *words: str) -> float:
    """Return the seconds of each picture that `many` has more than `few`."""
    with tempfile.TemporaryDirectory() as scratch:
        first = seconds(few, Path(scratch) / "few", upscaler, *words)
        return (seconds(many, Path(scratch) / "many", upscaler, *words) - first) / more


def main() -> None:
    """Measure and print."""
    from ray.cluster_utils import Cluster

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--network-pictures", type=int, default=120)
    parser.add_argument("--side", type=int, default=64)
    options = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        few = options.pictures // 10
        draw(place / "few", few, options.side)
        draw(place / "many", options.pictures, options.side)
        draw(place / "first", options.network_pictures // 4, 256)
        draw(place / "network", options.network_pictures, 256)
        times: dict[int, float] = {}
        for cores in (1, 2):
            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": cores})
            words = (f"--ray={cluster.address}", "--ray-cores", "1")
            if cores == 1:
                plain = marginal(place / "few", place / "many", "Nearest", options.pictures - few)
                shared = marginal(
                    place / "few", place / "many", "Nearest", options.pictures - few, *words
                )
                print(f"a picture: {1000 * plain:.1f} ms here, {1000 * shared:.1f} ms by a worker")
            times[cores] = marginal(
                place / "first",
                place / "network",
                "Lab Fine 2x",
                options.network_pictures - options.network_pictures // 4,
                *words,
            )
            cluster.shutdown()
        print(f"two workers do {times[1] / times[2]:.2f} times as much as one")


if __name__ == "__main__":
    main()
