"""From bytes to the size of a tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lib_upscalers.network import MemoryUse

_MIB = 2**20

# glibc's malloc maps every block of 32 MiB or more anew and unmaps it when it is freed, so that
# each forward faults its pages in again: up to twice the time (`benchmarks/engine.py`). Other
# systems' allocators have a limit of the same kind; below it they are all fast. A third is left
# for what an operator needs beside its tensors.
_KEPT_BLOCK = 22 * _MIB
_CPU_WORKING_SET = 96 * _MIB
_SHARE = 0.8


def most_pixels(memory: MemoryUse, free: int, *, on_cpu: bool, keeps_blocks: bool) -> int:
    """Return how many input pixels a forward should have at most: what fits and is fast.

    Args:
        memory: What a forward allocates, in bytes an input pixel.
        free: Bytes that may be taken on the device.
        on_cpu: Whether the device is a CPU: there large forwards are not the fastest.
        keeps_blocks: Whether the process keeps large blocks (`allocator.kept_blocks`), so that
            their size no longer matters to a CPU.
    """
    fits = fitting_pixels(memory, free)
    if not on_cpu:
        return fits
    fast = int(_CPU_WORKING_SET / max(memory.peak, 1.0))
    if not keeps_blocks:
        fast = min(fast, int(_KEPT_BLOCK / max(memory.largest, 1.0)))
    return max(1, min(fits, fast))


def fitting_pixels(memory: MemoryUse, free: int) -> int:
    """Return how many input pixels a forward may have so that it fits, with some air."""
    return max(1, int(free * _SHARE / max(memory.peak, 1.0)))
