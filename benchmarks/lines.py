"""What networks do to lines: hollow, doubled, beaded, in percent (`training.line_faults`).

    python -m benchmarks.lines FILE [FILE ...] [--scale 2]

Pillow's Lanczos is always the first row. Columns are clean small pictures, and those that were
damaged in each way of `training.drawing.damage`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.fidelity import by_network
from lib_upscalers.training import measure
from lib_upscalers.training.drawing.damage import DAMAGES
from lib_upscalers.training.line_faults import line_faults


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--scale", type=int, default=2)
    options = parser.parse_args()
    scale: int = options.scale
    ways: dict[str, measure.Enlarge] = {"Lanczos": lambda small: measure.lanczos(small, scale)}
    ways.update({path.stem: by_network(path, scale, None) for path in options.files})
    harms = {"clean": None, **{name: kind.apply for name, kind in DAMAGES.items()}}
    print(f"{'hollow doubled beaded, %':28}" + "".join(f"{name:>20}" for name in harms))
    for name, enlarge in ways.items():
        cells = (line_faults(enlarge, scale, harm) for harm in harms.values())
        shown = (f"{each.hollow:5.1f} {each.doubled:5.1f} {each.beaded:5.1f}" for each in cells)
        print(f"{name[:27]:28}" + "".join(f"{cell:>20}" for cell in shown), flush=True)


if __name__ == "__main__":
    main()
