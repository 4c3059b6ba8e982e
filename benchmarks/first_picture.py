"""What one picture costs on the command line: CPU time and peak memory of a whole process.

    python -m benchmarks.first_picture [--turns 5] [--side 512] [--upscaler NAME]

The command, and a process that imports torch and does nothing, run by turns, each in a process of
its own; networks were measured before. The operating system counts (wait4).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.engine import picture
from lib_upscalers.pictures.files import write_picture
from lib_upscalers.pictures.picture import Picture

ROOT = Path(__file__).resolve().parent.parent


def cost(arguments: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run Python; return its CPU time in seconds and its peak memory in MB."""
    command = [sys.executable, *arguments]
    process = os.posix_spawn(sys.executable, command, {**os.environ, **environment})
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"the command failed: {command}")
    unit = 1 if sys.platform == "darwin" else 1024
    return used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--upscaler", default="Lab Fast 2x")
    options = parser.parse_args()
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, result = str(folder / "in.png"), str(folder / "out.png")
        write_picture(Picture(picture(options.side, options.side)), Path(source))
        command = ["-m", "lib_upscalers", "upscale", source, result, "-u", options.upscaler]
        cases = {
            "a picture": [*command, "--overwrite", "-q"],
            "import torch": ["-c", "import torch"],
        }
        environment = {"XDG_DATA_HOME": name}
        cost(cases["a picture"], environment)
        found: dict[str, list[tuple[float, float]]] = {each: [] for each in cases}
        for _ in range(options.turns):
            for each, arguments in cases.items():
                found[each].append(cost(arguments, environment))
    for each, values in found.items():
        seconds = " ".join(f"{value:.2f}" for value, _ in values)
        middle, peak = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{each:12} CPU s {seconds}, median {middle:.2f}; {peak:.0f} MB")


if __name__ == "__main__":
    main()
