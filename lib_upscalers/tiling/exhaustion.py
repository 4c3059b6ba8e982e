"""Name the work for which memory ran out, outside of tiles, which handle it themselves."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lib_upscalers.errors import MemoryExhaustedError
from lib_upscalers.tiling.executor import OutOfMemory, memory_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# What the system's loader reports if a library does not fit into the free memory.
_UNLOADABLE = ("failed to map segment", "annot allocate memory", "paging file is too small")


@contextmanager
def naming_memory(purpose: str | Callable[[], str]) -> Generator[None, None, None]:
    """Turn a lack of memory in the block into an error that names its purpose.

    Args:
        purpose: What the memory is for, with the sizes that the user can change, as in
            ``"to enlarge 900x600 to 1800x1200 by Lanczos"``; or what returns it.

    Raises:
        MemoryExhaustedError: Memory ran out, in NumPy, torch or Python.
    """
    try:
        with memory_signal():
            yield
    except (OutOfMemory, MemoryError, ImportError) as error:
        if not lacks_memory(error):
            raise
        reason = str(error).strip() or "Python could not get more"
        error.__traceback__ = None  # its frames hold the memory
        named = purpose if isinstance(purpose, str) else purpose()
        raise MemoryExhaustedError(
            f"Expected memory {named}, but it ran out ({reason}): close other programs, or "
            "choose a smaller picture, scale or size."
        ) from None


def lacks_memory(error: BaseException) -> bool:
    """Return whether an error that is not torch's own is about memory.

    It may be an ImportError: a library, torch for instance, does not fit into the free memory.
    """
    if isinstance(error, ImportError):
        return any(sign in str(error) for sign in _UNLOADABLE)
    return isinstance(error, (OutOfMemory, MemoryError))
