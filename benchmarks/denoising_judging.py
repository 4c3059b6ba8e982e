"""Judge what `benchmarks.denoising` made: a table of figures, and a sheet to look at."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image, ImageDraw

from benchmarks.latent_measures import luma

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PIXELS, OTHER = "Lanczos in pixels", "Lanczos in pixels, other noise"
ORIGINAL = "the original itself"
# A start is hidden where it changes the picture half as much as another noise does.
HIDDEN = 0.5
_MARGIN = 190
# Values at the border are made otherwise by some modes.
_EDGE = 8


@dataclass(frozen=True)
class Results:
    """What came out for one picture: luma planes by name, and for each strength."""

    strengths: Sequence[float]
    planes: Mapping[str, Sequence[torch.Tensor]]


def read_results(path: Path) -> Results:
    """Read a file of `benchmarks.denoising`."""
    state: dict[str, Any] = torch.load(path, weights_only=True)
    planes: dict[str, list[torch.Tensor]] = {name: [] for name in state["names"]}
    for pixels in state["results"]:
        for name, item in zip(state["names"], pixels, strict=True):
            planes[name].append(luma(item[None].float() / 255)[_EDGE:-_EDGE, _EDGE:-_EDGE])
    return Results(state["strengths"], planes)


def differences(every: Sequence[Results], name: str) -> list[float]:
    """Return the root mean square difference from the pixel route's result, by strength."""
    squares = [
        torch.stack(
            [
                (mine - pixels).square().mean()
                for mine, pixels in zip(each.planes[name], each.planes[PIXELS], strict=True)
            ]
        )
        for each in every
    ]
    return torch.stack(squares).mean(0).sqrt().tolist()


def reached(strengths: Sequence[float], shares: Sequence[float], limit: float) -> float:
    """Return the strength at which falling shares reach a limit; the first one if they have."""
    points = list(zip(strengths, shares, strict=True))
    if points[0][1] <= limit:
        return points[0][0]
    for (before, high), (after, low) in itertools.pairwise(points):
        if low <= limit:
            way = math.log(high / limit) / math.log(high / low)
            return before + way * (after - before)
    return math.inf


def print_table(paths: Sequence[Path]) -> None:
    """Print what a start changes by what another noise changes, and where that is hidden."""
    every = [read_results(path) for path in paths]
    strengths = every[0].strengths
    noise = differences(every, OTHER)
    print(
        "| start | " + " | ".join(f"{each:g}" for each in strengths) + " | equal | half | third |"
    )
    print("|---|" + "---:|" * (len(strengths) + 3))
    for name in every[0].planes:
        if name in (PIXELS, OTHER):
            continue
        shares = [mine / other for mine, other in zip(differences(every, name), noise, strict=True)]
        shown = [*shares, *(reached(strengths, shares, limit) for limit in (1, HIDDEN, 1 / 3))]
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in shown) + " |")
    levels = " | ".join(f"{20 * math.log10(255 / each):.1f}" for each in noise)
    print(f"| another noise, PSNR in dB | {levels} | | | |")


def write_sheet(path: Path, names: Sequence[str], sheet: Path) -> None:
    """Draw results of one picture: a row a start, a column a strength."""
    state: dict[str, Any] = torch.load(path, weights_only=True)
    side = state["results"][0].shape[-1]
    size = _MARGIN + side * len(state["strengths"]), side * len(names) + 20
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for i, (strength, pixels) in enumerate(zip(state["strengths"], state["results"], strict=True)):
        left = _MARGIN + i * side
        draw.text((left + 4, 4), f"{strength:g}", "black")
        for j, name in enumerate(names):
            item = pixels[state["names"].index(name)].permute(1, 2, 0)
            image.paste(Image.fromarray(item.numpy()), (left, 20 + j * side))
            draw.text((4, 24 + j * side), name, "black")
    image.save(sheet)
