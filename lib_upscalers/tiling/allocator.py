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
    from collections.abc import Generator

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_RETAIN_ALL = 2**31 - 1
# A run over small pictures would return and zero the same few pages for each.
_NOT_WORTH_TRIMMING = 128 * 2**20


class _MallocFacts(ctypes.Structure):
    """The result of glibc's `mallinfo2`: ten numbers, of which one counts here."""

    _fields_ = (
        ("before", ctypes.c_size_t * 8),
        ("unused", ctypes.c_size_t),
        ("top", ctypes.c_size_t),
    )


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
def retained_memory(*, enabled: bool) -> Generator[bool, None, None]:
    """Retain freed memory in the process while the block runs, and release it afterwards.

    Args:
        enabled: Whether to do it at all: only in a process of our own.

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
        if _unused_bytes(library) > _NOT_WORTH_TRIMMING:
            library.malloc_trim(0)


def _unused_bytes(library: ctypes.CDLL) -> int:
    """Return how many freed bytes glibc retains; before glibc 2.33 it does not say."""
    if not hasattr(library, "mallinfo2"):
        return sys.maxsize
    read = library.mallinfo2
    read.restype = _MallocFacts
    return read().unused
