"""Measure the cost of comparing beside upscalers' own times: ``python -m benchmarks.comparing``.

Runs Lanczos, the built-in network and a random network of a common kind, on one picture, into an
empty store: what is left of the wall clock is reading, saving, measuring and telling.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.networks import save_random
from lib_upscalers.compare.align import Trial
from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.store import Store
from lib_upscalers.compare.subject import make_subject
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.candidates import candidates, comparison
from lib_upscalers.upscaling.upscaler import Upscaler


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparing", description=__doc__)
    parser.add_argument("--side", type=int, default=512, help="of the picture")
    parser.add_argument("--network", default="Compact", help="a name in benchmarks/networks.py")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--test", action="store_true", help="measure against a known truth")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_random(options.network, folder / "random.pth")
        host = StandaloneHost((), options.device, own_data_folder=folder / "data")
        upscaler = Upscaler(host)
        network = next(c.name for c in upscaler.choices() if c.kind == "network")
        names = ("Lanczos", network, str(folder / "random.pth"))
        trial = Trial(2) if options.test else None
        request = ComparisonRequest(names, Target(scale=2.0), trial)
        coarse = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
        side = options.side * (2 if options.test else 1)
        picture = Picture(resample_pixels(coarse, Size(side, side), "Bicubic"))
        for place in ("cold", "warm"):
            subject = make_subject(picture, "picture", request)
            chosen = candidates(upscaler, names)
            work = comparison(subject, request, chosen, Store(folder / place), host)
            start = time.perf_counter()
            *_, last = work.run()
            wall = time.perf_counter() - start
            own = sum(e.cost.load_seconds + e.cost.run_seconds for e in last.entries if e.cost)
            print(f"{place}: {wall:.2f} s, own {own:.2f} s, overhead {(wall - own) / own:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
