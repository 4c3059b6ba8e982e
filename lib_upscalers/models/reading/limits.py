"""Limit the memory that reading a network file takes, relative to its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.models.reading.faults import DamagedFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

# The largest known checkpoints name some 9,000 tensors, optimiser states included.
MOST_TENSORS = 30_000
MOST_DIMENSIONS = 16
_FACTOR = 8
_FLOOR = 64 << 20


class Budget:
    """Counts what the tensors of one file would take if each had memory of its own.

    Compression, tensors that are expanded over a small storage, and storages that share bytes all
    make a small file large. Networks have none of these, so eight times the file is plenty.

    Args:
        file_bytes: The size of the file.
    """

    def __init__(self, file_bytes: int) -> None:
        self._limit = max(_FLOOR, _FACTOR * file_bytes)
        self._bytes = 0
        self._tensors = 0

    def spend(self, size_bytes: int) -> None:
        """Count one tensor.

        Raises:
            DamagedFileError: The file holds more than it may.
        """
        self._tensors += 1
        self._bytes += size_bytes
        if self._tensors > MOST_TENSORS:
            raise DamagedFileError(f"it names more than {MOST_TENSORS:,} tensors")
        if self._bytes > self._limit:
            raise DamagedFileError(
                f"its tensors would take more than {self._limit >> 20:,} MiB, far more than the "
                "file has"
            )


def element_count(shape: Sequence[object], limit: int) -> int:
    """Return the number of elements of a shape that a foreign file states.

    Args:
        shape: What the file states, of any type and size.
        limit: More elements than this are refused.

    Raises:
        DamagedFileError: It is no shape, or too large.
    """
    if len(shape) > MOST_DIMENSIONS:
        raise DamagedFileError(f"a tensor has {len(shape):,} dimensions")
    count = 1
    for side in shape:
        if type(side) is not int or not 0 < side <= limit:
            break
        count *= side
    else:
        if count <= limit:
            return count
    count = 1
    empty = False
    for side in shape:
        if type(side) is not int or side < 0:
            raise DamagedFileError("the shape of a tensor is no list of sizes")
        if side > limit and not empty:
            raise DamagedFileError("the shape of a tensor is larger than the file")
        empty = empty or side == 0
        count *= min(side, limit + 1)
        if count > limit and not empty and 0 not in shape:
            raise DamagedFileError("the shape of a tensor is larger than the file")
    return 0 if empty else count
