"""The resampling engine against torch's and Pillow's: ratios of time, below 1 is faster.

    python -m benchmarks.resample

Ours and theirs run by turns; the median of the ratios is printed. torch's bicubic takes 4 taps
without antialiasing, Lanczos takes 6.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from lib_upscalers.geometry import Size
from lib_upscalers.resampling.resample import resample, resample_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

LATENTS = [
    ((1, 4, 64, 64), 128),
    ((1, 4, 128, 128), 192),
    ((1, 4, 128, 128), 256),
    ((1, 16, 128, 128), 256),
    ((1, 128, 64, 64), 128),
]
PICTURES = [(512, 1024), (512, 2048), (1024, 2048), (1024, 512), (2048, 300)]
PILLOW = {
    "Nearest": Image.Resampling.NEAREST,
    "Bilinear": Image.Resampling.BILINEAR,
    "Bicubic": Image.Resampling.BICUBIC,
    "Lanczos": Image.Resampling.LANCZOS,
}


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """Return the median ratio of both times, and the median of theirs in milliseconds."""
    ours()
    theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    ratios = [mine / other for mine, other in pairs]
    return statistics.median(ratios), 1e3 * statistics.median(other for _, other in pairs)


def measure_latents(rounds: int) -> None:
    """Print the ratios for latents."""
    print("| latent -> side | ours | to torch bicubic | to bicubic, antialiased | bicubic ms |")
    print("|---|---|---|---|---|")
    for shape, side in LATENTS:
        latent = torch.randn(*shape)

        def plain(tensor: torch.Tensor = latent, side: int = side) -> object:
            return functional.interpolate(tensor, (side, side), mode="bicubic")

        def smooth(tensor: torch.Tensor = latent, side: int = side) -> object:
            return functional.interpolate(tensor, (side, side), mode="bicubic", antialias=True)

        for kernel in ("Bicubic", "Lanczos"):

            def ours(
                tensor: torch.Tensor = latent, side: int = side, kernel: str = kernel
            ) -> object:
                return resample(tensor, Size(side, side), kernel)

            to_plain, milliseconds = ratio(ours, plain, rounds)
            to_smooth, _ = ratio(ours, smooth, rounds)
            name = "x".join(map(str, shape))
            print(
                f"| {name} -> {side} | {kernel} | {to_plain:.2f} | {to_smooth:.2f} "
                f"| {milliseconds:.2f} |"
            )


def measure_pictures(rounds: int) -> None:
    """Print the ratios for 8-bit RGB pictures."""
    rng = np.random.default_rng(0)
    print("| RGB picture, side -> side | kernel | to Pillow | Pillow ms | most levels apart |")
    print("|---|---|---|---|---|")
    for source, side in PICTURES:
        pixels = rng.integers(0, 256, (source, source, 3), dtype=np.uint8)
        image = Image.fromarray(pixels)
        for kernel, pillow in PILLOW.items():

            def ours(side: int = side, kernel: str = kernel, pixels: object = pixels) -> object:
                return resample_pixels(pixels, Size(side, side), kernel)

            def theirs(
                side: int = side,
                pillow: Image.Resampling = pillow,
                image: Image.Image = image,
            ) -> object:
                return image.resize((side, side), pillow)

            to_pillow, milliseconds = ratio(ours, theirs, rounds)
            apart = np.abs(np.asarray(theirs()).astype(int) - ours()).max()
            print(
                f"| {source} -> {side} | {kernel} | {to_pillow:.2f} | {milliseconds:.2f} "
                f"| {apart} |"
            )


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with torch.inference_mode():
        measure_latents(options.rounds)
    print()
    measure_pictures(max(3, options.rounds // 2))


if __name__ == "__main__":
    main()
