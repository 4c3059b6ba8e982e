"""What a folder of small pictures costs beside its bare forwards.

    python -m benchmarks.small_pictures [--count 100] [--side 256] [--upscaler "Lab Fast 2x"]

First the plain forward of the network's own module in fp32, on batches of 1 to 8 pictures, as often
as there are pictures: the best of these sums counts. Then `upscalers upscale IN/ OUT/` in this
process, imports and first use done before: reading, PNG and journal included. Both by turns, CPU
time and wall time; on a machine that does other things, read the CPU time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.engine import load_module, picture
from benchmarks.folders import check
from lib_upscalers import StandaloneHost, Upscaler
from lib_upscalers.cli.main import main as run_command
from lib_upscalers.pictures.files import write_picture
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.tiling.allocator import retained_memory

BATCHES = (1, 2, 4, 8)
Cost = tuple[float, float]


def forwards(path: Path, batch: int, side: int, count: int) -> Cost:
    """Return the CPU and wall seconds of the bare forwards of `count` pictures."""
    module = load_module(path)
    one = torch.from_numpy(picture(side, side)).permute(2, 0, 1)[None].float() / 255
    pictures = one.repeat(batch, 1, 1, 1)
    with torch.inference_mode():
        module(pictures)
        start = time.process_time(), time.perf_counter()
        rounds = max(1, count // batch // 4)
        for _ in range(rounds):
            module(pictures)
        cpu, wall = time.process_time() - start[0], time.perf_counter() - start[1]
    factor = count / (rounds * batch)
    return cpu * factor, wall * factor


def folder(source: Path, target: Path, upscaler: str, precision: str) -> Cost:
    """Return the CPU and wall seconds of a run over a folder."""
    start = time.process_time(), time.perf_counter()
    arguments = ["upscale", str(source), str(target), "-u", upscaler, "--device", "cpu", "-q"]
    check(run_command([*arguments, "--precision", precision]) == 0, "a run failed")
    return time.process_time() - start[0], time.perf_counter() - start[1]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--upscaler", default="Lab Fast 2x")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    count, side, name = options.count, options.side, options.upscaler
    path = Upscaler(StandaloneHost()).find(name).path
    if path is None:
        raise SystemExit(f"Expected a network, but {name} is a kernel: name another.")
    costs: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory() as place, retained_memory(enabled=True):
        source = Path(place) / "in"
        source.mkdir()
        for number in range(count):
            write_picture(Picture(picture(side, side)), source / f"{number:03}.png")
        folder(source, Path(place) / "first", name, "auto")
        for turn in range(options.turns):
            for batch in BATCHES:
                costs.setdefault(f"forwards of {batch}", []).append(
                    forwards(path, batch, side, count)
                )
            for precision in ("fp32", "auto"):
                target = Path(place) / f"{turn}-{precision}"
                costs.setdefault(f"folder, {precision}", []).append(
                    folder(source, target, name, precision)
                )
    middle = {
        each: tuple(statistics.median(column) for column in zip(*found, strict=True))
        for each, found in costs.items()
    }
    best = [min(middle[f"forwards of {batch}"][i] for batch in BATCHES) for i in (0, 1)]
    print(f"{count} pictures of {side} x {side} through {name}, {torch.get_num_threads()} threads")
    for each, (cpu, wall) in middle.items():
        print(
            f"{each:14} CPU {cpu:6.2f} s, ratio {cpu / best[0]:.2f}; "
            f"wall {wall:6.2f} s, ratio {wall / best[1]:.2f}"
        )


if __name__ == "__main__":
    main()
