"""Locks on open files, whether a process still runs, and this machine: the same everywhere."""

from __future__ import annotations

import errno
import os
import sys


def lock(descriptor: int) -> bool:
    """Lock an open file; return whether nobody else has it locked.

    On Windows nothing is locked: there a file that is open cannot be removed.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def lock_on_every_system(descriptor: int) -> bool:
    """Lock an open file on every system; return whether nobody else has it locked.

    The lock ends with the file's closing. On Windows others cannot read the locked byte.
    """
    if sys.platform != "win32":
        return lock(descriptor)
    import msvcrt

    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Return whether a process of that number runs on this machine."""
    if sys.platform == "win32":
        import ctypes

        synchronize, timeout = 0x00100000, 0x102
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(synchronize, 0, pid)
        if not handle:
            return kernel.GetLastError() == errno.EACCES
        running = kernel.WaitForSingleObject(handle, 0) == timeout
        kernel.CloseHandle(handle)
        return running
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def this_host() -> str:
    """Return a short text that stands for this machine."""
    import platform
    import zlib

    return f"{zlib.crc32(platform.node().encode(errors='replace')):08x}"
