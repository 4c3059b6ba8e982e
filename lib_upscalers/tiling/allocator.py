"""Let glibc retain freed memory for reuse, in a process of our own.

glibc returns every block over 32 MiB to the system when it is freed, and a network frees hundreds
of those a second: each new one is mapped and zeroed page by page. Retaining them nearly halves the
time of a light network on a large tile (`benchmarks/engine.py`). The process then occupies its
largest working set, so blocks are retained only during a job, trimmed after it, and never inside a
host that did not ask for it.

See mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_RETAIN_ALL = 2**31 - 1


def glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc and serves malloc itself, else None.

    Under a replaced malloc (tcmalloc, jemalloc) blocks are retained anyway, and mallopt would
    change an allocator that is not in use.
    """
    if not sys.platform.startswith("linux"):
        return None
    process = ctypes.CDLL(None)
    replaced = any(hasattr(process, name) for name in ("tc_malloc", "mallctl", "mi_malloc"))
    is_glibc = all(hasattr(process, name) for name in ("gnu_get_libc_version", "mallopt"))
    return process if is_glibc and not replaced else None


@contextlib.contextmanager
def retained_memory(
    *, enabled: bool, trims: Callable[[], bool] | None = None
) -> Generator[bool, None, None]:
    """Retain freed memory in the process while the block runs, and release it afterwards.

    Args:
        enabled: Whether to do it at all: only in a process of our own.
        trims: Asked at the end whether there is enough to release; None: there is. In a run over
            small pictures the same few pages would be released and zeroed for each.

    Yields:
        Whether freed memory is retained now.
    """
    library = glibc() if enabled else None
    if library is None:
        yield False
        return
    # An older glibc refuses so large a threshold.
    if not library.mallopt(_MMAP_THRESHOLD, _RETAIN_ALL):
        yield False
        return
    library.mallopt(_TRIM_THRESHOLD, _RETAIN_ALL)
    try:
        yield True
    finally:
        # A fixed threshold ends glibc's own adjustment of it, so end with the value that the
        # adjustment would have reached under this work, not with the one of a fresh process.
        library.mallopt(_MMAP_THRESHOLD, 32 * 2**20)
        library.mallopt(_TRIM_THRESHOLD, 64 * 2**20)
        if trims is None or trims():
            library.malloc_trim(0)
