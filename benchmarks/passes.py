"""Measure time and fidelity of reducing a picture before a further pass.

    python -m benchmarks.passes SET5_FOLDER NETWORK [--factor 8]

Each original of the benchmark is shrunk by `--factor` with an antialiased bicubic kernel and
enlarged again through the network, with `passes="whole"` and with `passes="reduced"`: Y-PSNR
against the original, and the ratio of the times, measured in one run.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from lib_upscalers.geometry import Size
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.targets import Target
from lib_upscalers.training.measure import benchmark, psnr
from lib_upscalers.upscaling.settings import Settings
from lib_upscalers.upscaling.upscaler import Upscaler


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("network")
    parser.add_argument("--factor", type=int, default=8)
    arguments = parser.parse_args()
    factor: int = arguments.factor
    upscaler = Upscaler(StandaloneHost(device_name="cpu"))
    choice = upscaler.find(arguments.network)
    figures: dict[str, list[tuple[float, float]]] = {"whole": [], "reduced": []}
    for example in benchmark(arguments.folder, 4):
        height, width = (side // factor * factor for side in example.large.shape[:2])
        large = example.large[:height, :width]
        small = resample_pixels(large, Size(width // factor, height // factor), "Bicubic")
        for passes, found in figures.items():
            settings = Settings(passes=passes)  # type: ignore[arg-type]
            result = upscaler.run(Picture(small), choice, Target(scale=factor), settings)
            found.append((psnr(large, result.picture.pixels, factor), result.run_seconds))
    for passes, found in figures.items():
        level = statistics.mean(value for value, _ in found)
        seconds = sum(value for _, value in found)
        print(f"{choice.name} {factor}x {passes:8} {level:.2f} dB {seconds:8.1f} s")


if __name__ == "__main__":
    main()
