"""Our own networks side by side: how long each takes, and crops of what each makes.

    python -m benchmarks.own_networks speed               # 512 x 512 in fp32, by turns in one run
    python -m benchmarks.own_networks crops docs/pictures/networks.png [--beside LABEL=FILE ...]

The crops are of drawings that no training has seen. A row is one crop; its columns, which are
labelled, are the small picture, Pillow's Lanczos, the networks in the order of `weights.json`,
other networks' files, and the original.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from benchmarks.engine import job, picture, seconds
from lib_upscalers.models.loader import load_network
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.training import measure
from lib_upscalers.training.drawing import damage, degrade, synthetic
from lib_upscalers.training.export import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.models.loader import LoadedNetwork
    from lib_upscalers.training.drawing.degrade import Bytes

_SEED = 6_000_000_000
_SIDE = 192
_SHOWN = 80
_ZOOM = 2
_LABEL_HEIGHT = 24


@dataclass(frozen=True)
class Crop:
    """A piece of a drawing: its kind, number and left upper corner, and how it is shrunk."""

    kind: str
    number: int
    corner: tuple[int, int]
    scale: int = 2
    soft: bool = False


CROPS = (
    Crop("line art", 3, (50, 70)),
    Crop("line art", 4, (100, 25), soft=True),
    Crop("line art", 6, (20, 35), soft=True),
    Crop("lettering", 6, (60, 20)),
    Crop("dead leaves", 2, (60, 50)),
    Crop("line art", 4, (100, 25), scale=4),
    Crop("dead leaves", 4, (90, 60), scale=4),
    Crop("line art", 3, (50, 70), scale=4, soft=True),
    Crop("line art", 4, (100, 25), scale=1, soft=True),
    Crop("line art", 6, (20, 35), scale=1, soft=True),
)


def own_networks() -> dict[str, LoadedNetwork]:
    """Load all of our own networks: name -> network."""
    index: Any = json.loads((WEIGHTS / "weights.json").read_text("utf-8"))
    return {each["name"]: load_network(WEIGHTS / each["file"]) for each in index["networks"]}


def compare_times(rounds: int) -> None:
    """Print the seconds that each network takes, and its ratio to Lab Fast 2x."""
    networks, pixels = own_networks(), picture(512, 512)
    times: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(rounds + 1):
        for name, network in networks.items():
            took = seconds(lambda network=network: run_network(network, pixels, job()))
            # The first run also measures the network.
            if turn:
                times[name].append(took)
    print(f"| {torch.get_num_threads()} threads | seconds | to Lab Fast 2x |\n|---|---:|---:|")
    for name, each in times.items():
        pairs = zip(each, times["Lab Fast 2x"], strict=True)
        ratio = statistics.median(mine / fast for mine, fast in pairs)
        print(f"| {name} | {statistics.median(each):.2f} | {ratio:.2f} |")


def _cell(pixels: Bytes, crop: Crop) -> Bytes:
    x, y = crop.corner
    shown = pixels[y : y + _SHOWN, x : x + _SHOWN]
    return shown.repeat(_ZOOM, 0).repeat(_ZOOM, 1)


def fitting(networks: dict[str, LoadedNetwork], scale: int) -> dict[str, LoadedNetwork]:
    """Return the networks of a scale."""
    return {name: each for name, each in networks.items() if each.traits.scale == scale}


def first_labels(scale: int) -> tuple[str, ...]:
    """Return the labels of what stands before the networks."""
    return (f"Small ({scale}x)", "Lanczos") if scale > 1 else ("Damaged (1x)",)


def header(names: Sequence[str], scale: int, columns: int) -> Bytes:
    """Return the labels above the rows of one scale."""
    width = _SHOWN * _ZOOM
    line = Image.new("RGB", (columns * width, _LABEL_HEIGHT), "white")
    draw, font = ImageDraw.Draw(line), ImageFont.load_default(15)
    for column, label in enumerate((*first_labels(scale), *names, "Original")):
        draw.text((column * width + width // 2, 4), label, "black", font, anchor="ma")
    return np.asarray(line)


def row(crop: Crop, networks: dict[str, LoadedNetwork], columns: int) -> Bytes:
    """Return the cells of one crop, filled up with white."""
    rng = np.random.default_rng(crop.number)
    large = synthetic.draw(crop.kind, _SIDE, _SEED + crop.number, crisp=True)
    small = degrade.shrink(large, crop.scale)
    if crop.soft:
        small = damage.soften(rng, small)
    made = [small.repeat(crop.scale, 0).repeat(crop.scale, 1), measure.lanczos(small, crop.scale)]
    made = made[: len(first_labels(crop.scale))]
    chosen = fitting(networks, crop.scale).values()
    made += [run_network(each, small, job()).pixels.astype(np.uint8) for each in chosen]
    cells = [_cell(pixels, crop) for pixels in (*made, large)]
    cells += [np.full_like(cells[0], 255)] * (columns - len(cells))
    return np.concatenate(cells, axis=1)


def sheet(networks: dict[str, LoadedNetwork]) -> Bytes:
    """Return the crops of all scales, each scale under its labels."""
    scales = sorted({network.traits.scale for network in networks.values()})
    columns = max(len(fitting(networks, scale)) for scale in scales) + 3
    lines: list[Bytes] = []
    for scale in scales:
        lines.append(header(list(fitting(networks, scale)), scale, columns))
        lines += [row(crop, networks, columns) for crop in CROPS if crop.scale == scale]
    return np.concatenate(lines)


def labelled(text: str) -> tuple[str, LoadedNetwork]:
    """Return a label and the network of a file, from LABEL=FILE."""
    label, _, file = text.partition("=")
    return label, load_network(Path(file))


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_networks", description=__doc__)
    parser.add_argument("what", choices=("speed", "crops"))
    parser.add_argument("file", type=Path, nargs="?", default=Path("networks.png"))
    parser.add_argument("--beside", nargs="+", type=labelled, default=[], metavar="LABEL=FILE")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.what == "speed":
        compare_times(options.rounds)
        return 0
    shown = sheet({**own_networks(), **dict(options.beside)})
    Image.fromarray(shown).save(options.file, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
