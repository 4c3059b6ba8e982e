"""The bytes of a file, as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    import torch

# Whatever is smaller is read even where no values are wanted: some architectures keep their
# settings in small tensors.
_SMALL = 64 * 1024


class DamagedFileError(Exception):
    """A file is not what it should be; the text says in a few words why."""


class TensorSource:
    """An open file, and the tensors in it.

    With values the whole file is read into one block of memory, into which the tensors look.
    That is a block and not a mapping of the file, because a mapped file cannot be replaced on
    Windows, and if it shrinks or its disk goes away, the process dies.

    Args:
        file: The file, unbuffered.
        path: Where it lies, for texts.
        values: Whether the tensors' numbers are wanted.

    Attributes:
        file: The same.
        path: The same.
        size: How many bytes it has.
    """

    def __init__(self, file: FileIO, path: Path, *, values: bool) -> None:
        self.file = file
        self.path = path
        self.size = file.seek(0, 2)
        self._block = self._read(0, self.size) if values else None

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes.

        Raises:
            DamagedFileError: The file ends before.
        """
        self._check(offset, size)
        if self._block is None:
            return self._read(offset, size).tobytes()
        return self._block[offset : offset + size].tobytes()

    def tensor(self, offset: int, count: int, dtype: torch.dtype) -> torch.Tensor:
        """Return `count` elements as a tensor of one dimension.

        Where no values are wanted, a large one is `blank`.

        Raises:
            DamagedFileError: The file ends before.
        """
        import torch

        size = count * dtype.itemsize
        self._check(offset, size)
        if not count:
            return torch.empty(0, dtype=dtype)
        if self._block is None and size > _SMALL:
            return blank(count, dtype)
        block = self._read(offset, size) if self._block is None else self._block
        offset = 0 if self._block is None else offset
        if offset % dtype.itemsize == 0:
            return torch.frombuffer(block, dtype=dtype, count=count, offset=offset)
        return torch.from_numpy(block[offset : offset + size]).clone().view(dtype)

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DamagedFileError("it ends too early")

    def _read(self, offset: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        self.file.seek(offset)
        block = np.empty(size, np.uint8)
        into = block.data
        # One read may stop short of what was asked, above 2 GiB it always does.
        while into:
            got = self.file.readinto(into)
            if not got:
                raise DamagedFileError("it ends too early")
            into = into[got:]
        return block


def blank(count: int, dtype: torch.dtype) -> torch.Tensor:
    """Return zeros of one dimension that take no memory."""
    import torch

    return torch.zeros(1, dtype=dtype).expand(count)


def look_into(
    storage: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> torch.Tensor:
    """Return the tensor that looks so into a storage; of a blank one it is blank."""
    if storage.numel() > 1 and storage.stride() == (0,):
        return storage[:1].expand(size)
    return storage.as_strided(size, stride, offset)
