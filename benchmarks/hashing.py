"""Measure what hashing the installed files costs a comparison: ``python -m benchmarks.hashing``.

The same comparison, alone and while files of that many GiB are hashed in the background, by turns;
printed is the ratio of the times by the clock. The files are sparse: they take no space, and
reading them costs what reading from the system's memory does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.engine import picture
from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.store import Store
from lib_upscalers.compare.subject import make_subject
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.file_hashes import FileHashes
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.candidates import candidates, comparison
from lib_upscalers.upscaling.upscaler import Upscaler

_FILES = 10


def compared(upscaler: Upscaler, host: StandaloneHost, shown: Picture, store: Store) -> float:
    """Compare into an empty store; return the seconds by the clock."""
    names = [choice.name for choice in upscaler.choices() if choice.kind == "network"][:2]
    request = ComparisonRequest(("Lanczos", *names), Target(scale=2.0))
    subject = make_subject(shown, "picture", request)
    work = comparison(subject, request, candidates(upscaler, request.names), store, host)
    start = time.perf_counter()
    for _ in work.run():
        pass
    return time.perf_counter() - start


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hashing", description=__doc__)
    parser.add_argument("--side", type=int, default=768, help="of the picture")
    parser.add_argument("--gibibytes", type=float, default=10.0, help="of all files")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        host = StandaloneHost(own_data_folder=folder / "data")
        upscaler = Upscaler(host)
        drawn = Picture(picture(options.side, options.side))
        files = [folder / f"{number}.pth" for number in range(_FILES)]
        for file in files:
            with file.open("wb") as stream:
                stream.truncate(int(options.gibibytes * 2**30 / _FILES))
        compared(upscaler, host, drawn, Store(folder / "warm"))
        ratios: list[float] = []
        for turn in range(options.turns):
            alone = compared(upscaler, host, drawn, Store(folder / f"alone-{turn}"))
            hashes = FileHashes(folder / f"hashes-{turn}")
            hashes.start(files)
            beside = compared(upscaler, host, drawn, Store(folder / f"beside-{turn}"))
            lasted = hashes.is_working()
            hashes.stop()
            ratios.append(beside / alone)
            ended = "" if lasted else ", but all files were hashed before its end"
            print(f"alone {alone:.2f} s, beside {beside:.2f} s: {beside / alone:.3f}{ended}")
        print(f"median {statistics.median(ratios):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
