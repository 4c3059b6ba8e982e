"""Measure the peak growth of memory while something runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal, Protocol

from lib_upscalers.tiling.allocator import glibc

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

Kind = Literal["VRAM", "process"]

_SECONDS = 0.005


class Watch(Protocol):
    """Watches one kind of memory between `start` and `stop`."""

    kind: Kind

    def start(self) -> None:
        """Start watching."""
        ...

    def stop(self) -> int:
        """Return the most bytes by which it had grown."""
        ...


class ProcessWatch:
    """Watches the process's resident memory, 200 times a second."""

    kind: Kind = "process"

    def start(self) -> None:
        """Start watching."""
        import psutil

        library = glibc()
        if library is not None:
            # Memory of earlier work that is not returned yet would hide how much this one needs.
            library.malloc_trim(0)
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._start = self._most = int(self._process.memory_info().rss)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(_SECONDS):
            self._most = max(self._most, int(self._process.memory_info().rss))

    def stop(self) -> int:
        """Return the most bytes by which it had grown."""
        self._stop.set()
        self._thread.join()
        return self._most - self._start


class CudaWatch:
    """Watches what torch has allocated on a CUDA device."""

    kind: Kind = "VRAM"

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def start(self) -> None:
        """Start watching."""
        import torch

        torch.cuda.reset_peak_memory_stats(self._device)
        self._start = torch.cuda.memory_allocated(self._device)

    def stop(self) -> int:
        """Return the most bytes by which it had grown."""
        import torch

        return torch.cuda.max_memory_allocated(self._device) - self._start


class Peak:
    """Watches memory while its block runs; afterwards `grown` is the peak growth in bytes."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.kind: Kind = watch.kind
        self.grown = 0

    def __enter__(self) -> Self:
        """Start watching."""
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self.grown = self._watch.stop()


def watch_for(device: torch.device) -> Watch:
    """Return the watch of the memory that networks on that device use."""
    return CudaWatch(device) if device.type == "cuda" else ProcessWatch()
