"""List the licences of all that is installed, and of the networks that come with the project."""

from __future__ import annotations

import argparse
import json
import sys

from supply.installed import closure, installed, roots
from supply.pins import ROOT

PAIR = ("torch", "torchvision")


def own_networks() -> list[tuple[str, str, str]]:
    """Return the networks that come with the project: name, file and licence."""
    folder = ROOT / "lib_upscalers" / "weights"
    return [
        (each["name"], each["file"], each["licence"])
        for name in ("weights.json", "latent.json")
        for each in json.loads((folder / name).read_text("utf-8"))["networks"]
    ]


def lines(*, everything: bool) -> list[str]:
    """Return a line for each part: name, version or file, licence."""
    parts = installed()
    if not everything:
        base = (ROOT / "requirements.txt").read_text("utf-8")
        parts = {name: parts[name] for name in closure(parts, [*roots(base), *PAIR])}
    rows = [*own_networks(), *((p.name, p.version, p.licence) for p in parts.values())]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}" for a, b, c in rows]


def main() -> int:
    """Print the list."""
    parser = argparse.ArgumentParser(
        prog="python run.py licences",
        description="List the networks of the project and the packages that the app and the "
        "command line need here, each with its licence as it states it.",
    )
    parser.add_argument(
        "--all", action="store_true", help="list everything in the environment, tools included"
    )
    sys.stdout.write("\n".join(lines(everything=parser.parse_args().all)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
