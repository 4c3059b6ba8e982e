"""The growth of peak memory in one case; run by `benchmarks.engine memory`."""

from __future__ import annotations

import argparse
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from PIL import Image

from benchmarks.engine import MEMORY, job, picture, raw_forward
from benchmarks.networks import save_random
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.images import from_pil, to_pil
from lib_upscalers.models.loader import load_network
from lib_upscalers.network import NetworkTraits, Profile
from lib_upscalers.targets import Target
from lib_upscalers.tiling.run import run_network
from lib_upscalers.upscale import Upscaler

if TYPE_CHECKING:
    from collections.abc import Callable

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


def network_case(name: str, tile: int | None) -> Callable[[], object]:
    """Return the work of a random network on 512 x 512."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pth"
        save_random(name, path)
        network = load_network(path)
    run_network(network, picture(64, 64), job(tile=64))
    pixels = picture(512, 512)
    return lambda: run_network(network, pixels, job(tile=tile))


def raw_case() -> Callable[[], object]:
    """Return the plain forward of ESRGAN on 512 x 512."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pth"
        save_random("ESRGAN", path)
        return raw_forward(path, picture(512, 512))


def copy_case() -> Callable[[], object]:
    """Return the engine alone, from a picture of 2048 x 2048 to one of 8192 x 8192."""
    image = Image.fromarray(picture(2048, 2048))

    def work() -> object:
        source = from_pil(image)
        pixels = run_network(Copy(), source.pixels, job()).pixels
        return to_pil(type(source)(pixels, None, source.metadata))

    return work


def built_in_case() -> Callable[[], object]:
    """Return the whole way of 4096 x 4096 through the built-in network."""
    upscaler = Upscaler(StandaloneHost(device_name="cpu"))
    name = next(c.name for c in upscaler.choices() if c.kind == "network")
    image = Image.fromarray(picture(4096, 4096))

    def work() -> object:
        result = upscaler.run(from_pil(image), upscaler.find(name), Target(scale=2))
        return to_pil(result.picture)

    return work


def main() -> None:
    """Run one case and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=MEMORY)
    case = parser.parse_args().case
    cases: dict[str, Callable[[], Callable[[], object]]] = {
        "esrgan-raw": raw_case,
        "esrgan-whole": lambda: network_case("ESRGAN", 512),
        "esrgan-tiles": lambda: network_case("ESRGAN", None),
        "compact-auto": lambda: network_case("Compact", None),
        "copy": copy_case,
        "built-in-4096": built_in_case,
    }
    work = cases[case]()
    with Peak() as peak:
        work()
    grown = (peak.most - peak.start) / _MB
    print(f"{case:14} grew by {grown:7.0f} MB, to {peak.most / _MB:7.0f} MB in all", flush=True)


if __name__ == "__main__":
    main()
