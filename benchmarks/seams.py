"""Measure how tiles of real networks differ from the whole: ``python -m benchmarks.seams --help``.

Every network goes over a drawing and a photograph, whole and in tiles; the whole picture is one
plain forward. A row tells what the engine made of the tile that was asked for, by how many 8-bit
levels the two differ, and the tiles' CPU time as a ratio to the whole picture's. Where two tiles
lead to the same cuts, the second row says so instead of running again.

`--memory` limits the memory that the engine believes to be free, so that it cannot raise tiles.
`--keep FOLDER` stores whole results there and takes them from there, so that large networks can be
measured in pieces; ratios of times are exact only where both ran at once.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL import Image

from benchmarks.engine import job
from lib_upscalers.geometry import Region, Size
from lib_upscalers.models.loader import load_network
from lib_upscalers.tiling.allocator import retained_memory
from lib_upscalers.tiling.executor import Executor
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.padding import read_source
from lib_upscalers.tiling.policy import make_policy
from lib_upscalers.training.drawing.synthetic import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from lib_upscalers.network import Network
    from lib_upscalers.tiling.policy import Job

    Pixels = NDArray[np.uint8]

CPU = torch.device("cpu")
DATA = Path(os.environ.get("UPSCALER_LAB_DATA", "../shared/data"))
SUFFIXES = (".safetensors", ".pth", ".onnx", ".param")
COLUMNS = "| network | picture | tile | decided | largest | over 1 | over 2 | time |"


class Error(NamedTuple):
    """By how much tiles differ from the whole picture.

    Attributes:
        largest: In levels.
        over_one: The share of values that differ by more than one level.
        over_two: The same for two.
    """

    largest: int
    over_one: float
    over_two: float


@dataclass(frozen=True)
class Timed:
    """A result, and the CPU seconds that it took."""

    pixels: Pixels
    seconds: float


def drawing(size: Size) -> Pixels:
    """Return a painting with lines, drawn by our own code."""
    return draw("painting", max(size.width, size.height), 7)[: size.height, : size.width]


def photograph(size: Size) -> Pixels:
    """Return Set5's first picture, brought to a size."""
    with Image.open(DATA / "set5" / "1_x2_HR.png") as picture:
        resized = picture.convert("RGB").resize((size.width, size.height), Image.Resampling.LANCZOS)
        return np.asarray(resized)


PICTURES: dict[str, Callable[[Size], Pixels]] = {"drawing": drawing, "photograph": photograph}


def parse_size(text: str) -> Size:
    """Read a size like ``512x333``."""
    width, height = text.split("x")
    return Size(int(width), int(height))


def run_whole(network: Network, pixels: Pixels) -> Timed:
    """Run one plain forward over the whole picture."""
    region = Region.whole(Size(pixels.shape[1], pixels.shape[0]))
    source = np.array(read_source(pixels, region, network.traits, "none"))
    network.place(CPU, torch.float32, channels_last=_channels_last(network))
    start = time.process_time()
    with torch.inference_mode(), retained_memory(enabled=True):
        output = network(torch.from_numpy(source).permute(2, 0, 1)[None].float() / 255)
        levels = (output[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
    scale = network.traits.scale
    cut = levels[: pixels.shape[0] * scale, : pixels.shape[1] * scale]
    return Timed(cut, time.process_time() - start)


def _channels_last(network: Network) -> bool:
    return network.profile.channels_last.get("cpu/float32", True)


def run_tiles(network: Network, pixels: Pixels, work: Job) -> tuple[Timed, str]:
    """Run a picture as a job asks; return also what was decided about tiles."""
    start = time.process_time()
    with retained_memory(enabled=True):
        enlarged = run_network(network, pixels, work)
    return Timed(enlarged.pixels, time.process_time() - start), enlarged.note.text


def compare(tiled: Pixels, whole: Pixels) -> Error:
    """Compare tiles with the whole picture."""
    error = np.abs(tiled.astype(int) - whole.astype(int))
    return Error(int(error.max()), float((error > 1).mean()), float((error > 2).mean()))


def kept(file: Path | None, run: Callable[[], Timed]) -> Timed:
    """Return a result that is stored in a file, or run it and store it there."""
    if file is not None and file.exists():
        with np.load(file) as stored:
            return Timed(stored["pixels"], float(stored["seconds"]))
    result = run()
    if file is not None:
        np.savez(file, pixels=result.pixels, seconds=result.seconds)
    return result


def rows(network: Network, pixels: Pixels, jobs: Sequence[Job], file: Path | None) -> Iterator[str]:
    """Yield what each job's tiles come to, one cell a column from the third on."""
    size = Size(pixels.shape[1], pixels.shape[0])
    seen: dict[object, int | None] = {}
    whole: Timed | None = None
    for work in jobs:
        label = "default" if work.tile is None else str(work.tile)
        with torch.inference_mode():
            policy = make_policy(Executor(network, CPU, [torch.float32]), size, work)
        cuts = (policy.tiles, None if policy.context is None else policy.context.halo)
        if cuts in seen:
            yield f"{label} | as {seen[cuts] or 'default'} | | | |"
            continue
        seen[cuts] = work.tile
        whole = whole or kept(file, lambda: run_whole(network, pixels))
        timed, decided = run_tiles(network, pixels, work)
        error = compare(timed.pixels, whole.pixels)
        yield (
            f"{label} | {decided} | {error.largest} | {error.over_one:.4%} | "
            f"{error.over_two:.4%} | {timed.seconds / whole.seconds:.2f} |"
        )


def network_files(folder: Path) -> list[Path]:
    """Return the network files in a folder, smallest first."""
    found = [path for path in folder.iterdir() if path.suffix in SUFFIXES]
    return sorted(found, key=lambda path: path.stat().st_size)


@dataclass(frozen=True)
class Memory:
    """Stands in for a host's account of its free memory."""

    free: int

    def __call__(self, device: torch.device) -> int:
        """Return how many bytes are free."""
        del device
        return self.free


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.seams",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("networks", nargs="*", type=Path, help="network files (default: all)")
    parser.add_argument("--folder", type=Path, default=DATA / "networks", help="where all are")
    parser.add_argument("--sizes", nargs="+", type=parse_size, default=["512x512", "333x517"])
    parser.add_argument("--tiles", nargs="+", default=["default", "64", "128", "192"])
    parser.add_argument("--pictures", nargs="+", choices=list(PICTURES), default=list(PICTURES))
    parser.add_argument("--overlap", type=int, help="context that tiles get, instead of measured")
    parser.add_argument("--keep", type=Path, help="folder in which whole results are kept")
    parser.add_argument("--memory", type=int, help="MB that the engine believes to be free")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = arguments()
    sizes = [parse_size(each) if isinstance(each, str) else each for each in options.sizes]
    base = replace(job(retains_memory=True), overlap=options.overlap)
    if options.memory is not None:
        base = replace(base, free_memory=Memory(options.memory << 20))
    tiles = [None if each == "default" else int(each) for each in options.tiles]
    jobs = [replace(base, tile=tile) for tile in tiles]
    print(COLUMNS)
    print("|---|---|---|---|---:|---:|---:|---:|")
    for path in options.networks or network_files(options.folder):
        network = load_network(path)
        for name in options.pictures:
            for size in sizes:
                file = options.keep and options.keep / f"{path.stem} {name} {size}.npz"
                for row in rows(network, PICTURES[name](size), jobs, file):
                    print(f"| {path.stem} | {name} {size} | {row}", flush=True)


if __name__ == "__main__":
    main()
