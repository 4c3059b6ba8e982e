"""Draw pictures to train on from a seed, without any photograph.

``python -m lib_upscalers.training.drawing.synthetic sheet.png`` draws a sheet of all kinds.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.pictures.files import write_picture
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.registry import Registry
from lib_upscalers.training.drawing import dead_leaves, degrade, lettering, line_art, painting

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.training.drawing.degrade import Bytes
    from lib_upscalers.training.drawing.raster import Floats
    from lib_upscalers.training.recipe import Material

    Drawer = Callable[[np.random.Generator, int], Floats]


@dataclass(frozen=True)
class Kind:
    """One kind of picture.

    Attributes:
        draw: Draws a canvas (side, side, 3), values in [0, 1].
        share: How many of the training pictures are of this kind, as a weight.
        drawn: The same for networks that are made for drawings.
    """

    draw: Drawer
    share: float
    drawn: float


KINDS: Registry[Kind] = Registry("a kind of training picture")
KINDS.add("dead leaves", Kind(dead_leaves.draw, 0.55, 0.15))
KINDS.add("fabric", Kind(dead_leaves.draw_fabric, 0.15, 0.05))
KINDS.add("line art", Kind(line_art.draw, 0.2, 0.4))
KINDS.add("lettering", Kind(lettering.draw, 0.1, 0.1))
# The random numbers of "all" never change, so that a command in weights.json draws the same
# pictures.
KINDS.add("painting", Kind(painting.draw, 0.0, 0.3))


def draw(kind: str, side: int, seed: int, *, crisp: bool = False) -> Bytes:
    """Draw one picture: uint8, (side, side, 3), the same for the same arguments.

    Raises:
        UnknownNameError: There is no such kind.
    """
    rng = np.random.default_rng([seed, list(KINDS).index(kind) if kind in KINDS else 0])
    canvas = KINDS[kind].draw(rng, side * degrade.CANVAS_SCALE)
    return (degrade.print_crisply if crisp else degrade.photograph)(rng, canvas)


def draw_mixed(side: int, seed: int, material: Material = "all") -> Bytes:
    """Draw one picture of a random kind, by the kinds' shares; drawings are crisp."""
    rng = np.random.default_rng([seed, 999])
    drawings = material == "drawings"
    shares = np.array([kind.drawn if drawings else kind.share for _, kind in KINDS.items()])
    kind = list(KINDS)[int(rng.choice(len(shares), p=shares / shares.sum()))]
    return draw(kind, side, seed, crisp=drawings)


def sheet(each: int, side: int, seed: int) -> Bytes:
    """Draw `each` pictures of every kind: uint8, a row a kind."""
    rows = [[draw(kind, side, seed + i) for i in range(each)] for kind in KINDS]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def main() -> int:
    """Write a sheet of pictures."""
    parser = argparse.ArgumentParser(prog="python -m lib_upscalers.training.drawing.synthetic")
    parser.add_argument("file", help="where to write it, such as sheet.png")
    for name, usual in (("each", 6), ("side", 256), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    options = parser.parse_args()
    write_picture(Picture(sheet(options.each, options.side, options.seed)), options.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
