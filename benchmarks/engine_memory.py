"""The growth of peak memory in one case; run by `benchmarks.engine memory`."""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from benchmarks.engine import job, load_module, picture, raw_forward
from benchmarks.networks import save_random
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.loader import load_network
from lib_upscalers.network import NetworkTraits, Profile
from lib_upscalers.pictures.picture import from_pil, to_pil
from lib_upscalers.targets import Target
from lib_upscalers.tiling.allocator import glibc, retained_memory
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

_MB = 1e6


class Peak:
    """Watches the process's resident memory, every millisecond."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._stop = threading.Event()
        self.start = self.most = self._process.memory_info().rss

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.001):
            self.most = max(self.most, self._process.memory_info().rss)


class Copy:
    """A network that copies each pixel 4 x 4 times: what is measured is the engine alone."""

    def __init__(self) -> None:
        self.traits = NetworkTraits("copy", "copy", 4, 3)
        self.profile = Profile()

    def place(self, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> None:
        """Do nothing: there are no weights."""

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Copy each pixel."""
        return batch.repeat_interleave(4, -1).repeat_interleave(4, -2)


Work = Callable[[NDArray[np.uint8]], object]


def network_case(name: str, tile: int | None) -> Work:
    """Return the work of a random network."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pth"
        save_random(name, path)
        network = load_network(path)
    return lambda pixels: run_network(network, pixels, job(tile=tile))


def raw_case() -> Work:
    """Return the plain forward of ESRGAN."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pth"
        save_random("ESRGAN", path)
        module = load_module(path)
    return lambda pixels: raw_forward(module, pixels)()


def copy_case() -> Work:
    """Return the engine alone, from picture to picture, as the command line runs it."""

    def work(pixels: NDArray[np.uint8]) -> object:
        source = from_pil(Image.fromarray(pixels))
        with retained_memory(enabled=True) as kept:
            larger = run_network(Copy(), source.pixels, job(retains_memory=kept)).pixels
        return to_pil(type(source)(larger, None, source.metadata))

    return work


def built_in_case() -> Work:
    """Return the whole way through the built-in network, from picture to picture."""
    upscaler = Upscaler(StandaloneHost(device_name="cpu"))
    choice = next(choice for choice in upscaler.choices() if choice.kind == "network")

    def work(pixels: NDArray[np.uint8]) -> object:
        source = from_pil(Image.fromarray(pixels))
        return to_pil(upscaler.run(source, choice, Target(scale=2)).picture)

    return work


CASES: dict[str, tuple[Callable[[], Work], int]] = {
    "esrgan-raw": (raw_case, 512),
    "esrgan-whole": (lambda: network_case("ESRGAN", 512), 512),
    "esrgan-tiles": (lambda: network_case("ESRGAN", None), 512),
    "compact-auto": (lambda: network_case("Compact", None), 512),
    "copy": (copy_case, 2048),
    "built-in": (built_in_case, 4096),
}


def main() -> None:
    """Run one case, first on a smaller picture so that all code is loaded, and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=CASES)
    case = parser.parse_args().case
    make, side = CASES[case]
    work = make()
    work(picture(side // 4, side // 4))
    pixels = picture(side, side)
    library = glibc()
    if library is not None:
        library.malloc_trim(0)
    with Peak() as peak:
        work(pixels)
    grown = (peak.most - peak.start) / _MB
    label = f"{case}, {side} x {side}"
    print(f"{label:26} grew by {grown:6.0f} MB, to {peak.most / _MB:6.0f} MB in all", flush=True)


if __name__ == "__main__":
    main()
