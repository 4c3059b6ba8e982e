"""Measure the peak growth of memory while something runs."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from lib_upscalers.tiling.allocator import glibc

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

Kind = Literal["VRAM", "process"]

_OFTEN_SECONDS, _RARELY_SECONDS = 0.005, 0.25
# Of the time that has passed: the next look comes that much later.
_SHARE = 0.02


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
    """Watches the process's resident memory.

    Linux keeps the peak itself, and a look now and then suffices: another watch that starts
    meanwhile has it counted anew. Elsewhere the present value is looked at, often at first and
    rarely later, so that watching takes a hundredth of the time at most, and not two.
    """

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
        self._keeps_peak = _count_peak_anew()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        begun = time.monotonic()
        pause = _RARELY_SECONDS if self._keeps_peak else _OFTEN_SECONDS
        while not self._stop.wait(pause):
            self._look()
            if not self._keeps_peak:
                pause = min(max((time.monotonic() - begun) * _SHARE, pause), _RARELY_SECONDS)

    def _look(self) -> None:
        seen = _counted_peak() if self._keeps_peak else int(self._process.memory_info().rss)
        self._most = max(self._most, seen)

    def stop(self) -> int:
        """Return the most bytes by which it had grown."""
        self._stop.set()
        self._thread.join()
        self._look()
        return self._most - self._start


def _count_peak_anew() -> bool:
    """Have Linux count the peak of this process's memory from now on; return whether it does."""
    try:
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)
    except OSError:
        return False
    try:
        # 5 resets the peak alone: https://docs.kernel.org/filesystems/proc.html
        os.write(file, b"5")
    except OSError:
        return False
    finally:
        os.close(file)
    return _counted_peak() > 0


def _counted_peak() -> int:
    """Return the peak of this process's memory in bytes as Linux counts it; 0 elsewhere."""
    try:
        status = Path("/proc/self/status").read_bytes()
    except OSError:
        return 0
    found = re.search(rb"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found.group(1)) << 10 if found else 0


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
