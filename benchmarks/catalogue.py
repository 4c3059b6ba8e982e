"""Time the catalogue: reading 6,710 models, and a download with its hash against curl's.

python -m benchmarks.catalogue --megabytes 200
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lib_upscalers.models.catalogue.addresses import AddressRule
from lib_upscalers.models.catalogue.download import Downloader
from lib_upscalers.models.catalogue.fetching import Fetcher
from lib_upscalers.models.catalogue.schema import CatalogueFile, parse_catalogue
from tests.models.catalogue_data import large_catalogue

_PORT = 8765
_ROUNDS = 5


def _reading(count: int) -> None:
    files = large_catalogue(count)
    begun = time.process_time()
    catalogue = parse_catalogue(files, AddressRule())
    seconds = time.process_time() - begun
    print(f"{len(catalogue.models)} models read in {seconds:.2f} s of processor time")


def _download(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "served" / "a.pth"
        source.parent.mkdir()
        data = bytes(range(256)) * 4096 * megabytes
        source.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        command = [sys.executable, "-m", "http.server", str(_PORT), "--bind", "127.0.0.1"]
        with subprocess.Popen(
            command, cwd=source.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            time.sleep(2)
            try:
                _by_turns(folder, CatalogueFile("pth", len(data), digest, (_address(),)))
            finally:
                server.terminate()


def _address() -> str:
    return f"http://127.0.0.1:{_PORT}/a.pth"


def _by_turns(folder: Path, file: CatalogueFile) -> None:
    curl = shutil.which("curl")
    if curl is None:
        sys.exit("Expected the program curl to compare with, but there is none: install it.")
    fetcher = Fetcher(AddressRule.trusting([_address()]), proxy="none")
    theirs, ours = [], []
    for number in range(_ROUNDS):
        begun = time.perf_counter()
        target = folder / f"curl{number}"
        subprocess.run([curl, "-s", "--noproxy", "*", "-o", target, _address()], check=True)
        theirs.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        done = Downloader(folder / f"ours{number}", fetcher).get(file)
        ours.append(time.perf_counter() - begun)
        done.path.unlink()
        target.unlink()
    best = min(theirs) / min(ours)
    print(f"curl {min(theirs):.2f} s, ours {min(ours):.2f} s with SHA-256: {best:.0%} of its rate")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--models", type=int, default=6710)
    options = parser.parse_args()
    _reading(options.models)
    _download(options.megabytes)


if __name__ == "__main__":
    main()
