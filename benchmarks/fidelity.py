"""Y-PSNR of networks and kernels on benchmark pictures: ``python -m benchmarks.fidelity --help``.

The protocol is the one of papers: ITU-R BT.601 luma of 8-bit pictures, a border of `scale`
pixels cut off, the mean of the pictures' PSNR in dB. Pillow's Lanczos is always the first row.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lib_upscalers.errors import UnsupportedModelError
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.loader import load_network
from lib_upscalers.resampling.kernels import KERNELS
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.policy import Job
from lib_upscalers.training import measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fidelity", description=__doc__)
    parser.add_argument("what", nargs="+", help="network files, names of kernels, or 'kernels'")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("UPSCALER_LAB_DATA", "../shared/data")) / "set5",
        help="folder with 1_x2_LR.png, 1_x2_HR.png and so on (default: set5 in $UPSCALER_LAB_DATA)",
    )
    parser.add_argument("--tile", type=int, help="run networks in tiles of so many pixels")
    parser.add_argument("--drawings", action="store_true", help="measure on held-out drawings")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def by_kernel(name: str, scale: int) -> measure.Enlarge:
    """Make a kernel a function of pictures."""
    KERNELS[name]

    def enlarge(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = Size(small.shape[1] * scale, small.shape[0] * scale)
        return resample_pixels(small, size, name).astype(np.uint8)

    return enlarge


def by_network(path: Path, scale: int, tile: int | None) -> measure.Enlarge:
    """Make a network, run by the engine in tiles of a size or as it likes, a function of pictures.

    Raises:
        UnsupportedModelError: It is no RGB network of that scale.
    """
    network = load_network(path)
    traits = network.traits
    if (traits.scale, traits.channels) != (scale, 3):
        raise UnsupportedModelError(
            f"Expected an RGB network of scale {scale}, but got {path.name} "
            f"({traits.architecture}, scale {traits.scale}); see --scale."
        )
    host = StandaloneHost(device_name="cpu")
    job = Job(host.device(), host.free_memory, precision="fp32", tile=tile)
    return lambda small: run_network(network, small, job).pixels


def table(rows: Sequence[tuple[str, Sequence[float]]], heads: Sequence[str]) -> str:
    """Return a Markdown table: a row a method, its PSNR on every picture, and the mean."""
    lines = [
        f"| dB | {' | '.join(heads)} | mean |",
        f"|---|{'---:|' * (len(heads) + 1)}",
    ]
    for name, scores in rows:
        cells = " | ".join(f"{score:.2f}" for score in [*scores, float(np.mean(scores))])
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def main() -> int:
    """Measure everything that was named."""
    options = arguments()
    torch.set_num_threads(options.threads)
    scale: int = options.scale
    names = [each for word in options.what for each in (KERNELS if word == "kernels" else [word])]
    methods = {"Pillow Lanczos": lambda small: measure.lanczos(small, scale)}
    for name in names:
        path = Path(name)
        make = by_network(path, scale, options.tile) if path.is_file() else by_kernel(name, scale)
        row = path.stem if path.is_file() else name
        # Two files of one name, in two folders, are told apart by all that was typed.
        methods[name if row in methods else row] = make
    if options.drawings:
        examples = measure.held_out(scale)
    else:
        examples = measure.benchmark(options.data, scale)
    heads = [example.name for example in examples]
    rows = [(name, measure.scores(make, examples, scale)) for name, make in methods.items()]
    print(table(rows, heads))
    return 0


if __name__ == "__main__":
    sys.exit(main())
