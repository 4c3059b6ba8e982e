"""Read the bytes of a file as tensors."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.models.reading.faults import DamagedFileError
from lib_upscalers.models.reading.limits import Budget, element_count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import FileIO
    from pathlib import Path

    import torch

# Smaller tensors are read even without values: some architectures store settings in them.
_SMALL = 64 * 1024
_FARTHEST = 1 << 40


def check_regular(path: Path) -> None:
    """Check that a path is a file before it is opened, as opening a pipe would wait for ever.

    Raises:
        OSError: Nothing is there, or it may not be looked at.
        DamagedFileError: It is a folder, a named pipe, a device or a socket.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return
    kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket"}
    raise DamagedFileError(f"is a {kinds.get(stat.S_IFMT(mode), 'device')}")


class TensorSource:
    """An open file, and the tensors in it.

    With values the whole file is read into one block of memory, into which the tensors look.
    That is a block and not a mapping of the file, because a mapped file cannot be replaced on
    Windows, and if it shrinks or its disk goes away, the process dies.

    Args:
        file: The file, unbuffered.
        path: Its path, for texts.
        values: Whether to read the numbers of large tensors.

    Attributes:
        path: The same.
        size: How many bytes it has.
        values: The same.
        outlines: Whether shapes and types are all that it reads.
        budget: What its tensors may take.
    """

    outlines = False

    def __init__(self, file: FileIO, path: Path, *, values: bool) -> None:
        self.path = path
        self.values = values
        self.size = file.seek(0, 2)
        self.budget = Budget(self.size)
        self._file = file
        self._block = self._read(0, self.size) if values else None

    def dtype(self, name: str) -> torch.dtype:
        """Return a type of numbers by torch's name."""
        import torch

        found: torch.dtype = getattr(torch, name)
        return found

    def is_dtype(self, value: object) -> bool:
        """Return whether a value is a type of numbers."""
        import torch

        return isinstance(value, torch.dtype)

    def is_tensor(self, value: object) -> bool:
        """Return whether a value is a tensor."""
        import torch

        return isinstance(value, torch.Tensor)

    def blank(self, count: int, dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor of one dimension that takes no memory."""
        return blank(count, dtype)

    def listed(self, numbers: Sequence[float], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor of numbers that the file lists elsewhere."""
        import torch

        if dtype != torch.float16:
            return torch.tensor(numbers, dtype=dtype)
        # Halves are stored as the integers of their bits.
        return torch.tensor(numbers, dtype=torch.int32).to(torch.int16).view(dtype)

    def retyped(self, storage: Any, dtype: Any) -> Any:  # noqa: ANN401
        """Return a storage of bytes as one of numbers.

        Raises:
            DamagedFileError: It is none, or has no whole number of them.
        """
        import torch

        if not isinstance(storage, torch.Tensor) or storage.numel() % dtype.itemsize:
            raise DamagedFileError("its pickle describes a tensor wrongly")
        if is_blank(storage):
            return blank(storage.numel() // dtype.itemsize, dtype)
        return storage.view(dtype)

    def number(self, value: Any) -> torch.Tensor:  # noqa: ANN401
        """Return a tensor of a number, or of a list of numbers."""
        import torch

        return torch.tensor(value)

    def reset_budget(self) -> None:
        """Start counting memory from zero, because the same tensors are read again."""
        self.budget = Budget(self.size)

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes.

        Raises:
            DamagedFileError: The file ends before.
        """
        self.check(offset, size)
        if self._block is None:
            return bytes(self._read(offset, size))
        return bytes(memoryview(self._block)[offset : offset + size])

    def tensor(self, offset: int, count: int, dtype: torch.dtype) -> torch.Tensor:
        """Return `count` elements as a tensor of one dimension.

        Without values, a large one is `blank`.

        Raises:
            DamagedFileError: The file ends before.
        """
        import torch

        size = count * dtype.itemsize
        self.check(offset, size)
        if not count:
            return torch.empty(0, dtype=dtype)
        if self._block is None and size > _SMALL:
            return blank(count, dtype)
        block = self._read(offset, size) if self._block is None else self._block
        offset = 0 if self._block is None else offset
        if offset % dtype.itemsize == 0:
            return torch.frombuffer(block, dtype=dtype, count=count, offset=offset)
        return torch.frombuffer(block[offset : offset + size], dtype=dtype)

    def view(
        self, storage: torch.Tensor, offset: object, size: object, stride: object
    ) -> torch.Tensor:
        """Return a view into a storage; a blank tensor for a blank storage.

        Raises:
            DamagedFileError: It reaches beyond the storage, or is no tensor at all.
        """
        if type(offset) is not int or not isinstance(size, tuple) or not isinstance(stride, tuple):
            raise DamagedFileError("its pickle describes a tensor wrongly")
        # More elements than eight times the file's bytes are impossible with any type.
        count = element_count(size, max(8 * self.size, 1 << 24))
        self.budget.spend(count * storage.element_size())
        if len(stride) != len(size) or offset < 0:
            raise DamagedFileError("its pickle describes a tensor wrongly")
        last = offset
        for side, step in zip(size, stride, strict=True):
            if type(step) is not int or not 0 <= step < _FARTHEST:
                raise DamagedFileError("its pickle describes a tensor wrongly")
            last += step * (side - 1)
        if count and last >= storage.numel():
            raise DamagedFileError("a tensor reaches beyond its storage")
        sides = cast("tuple[int, ...]", size)
        return self._view_of(storage, offset, sides, cast("tuple[int, ...]", stride))

    def _view_of(
        self,
        storage: torch.Tensor,
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
    ) -> torch.Tensor:
        if is_blank(storage):
            return storage[:1].expand(size)
        return storage.as_strided(size, stride, offset)

    def check(self, offset: int, size: int) -> None:
        """Check that the file has these bytes.

        Raises:
            DamagedFileError: It ends before.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DamagedFileError("it ends too early")

    def _read(self, offset: int, size: int) -> bytearray:
        self._file.seek(offset)
        block = bytearray(size)
        into = memoryview(block)
        # One read may return less than requested; above 2 GiB it always does.
        while into:
            got = self._file.readinto(into)
            if not got:
                raise DamagedFileError("it ends too early")
            into = into[got:]
        return block


def blank(count: int, dtype: torch.dtype) -> torch.Tensor:
    """Return zeros of one dimension that take no memory."""
    import torch

    return torch.zeros(1, dtype=dtype).expand(count)


def is_blank(tensor: torch.Tensor) -> bool:
    """Return whether a tensor has no numbers of its own, as it was read without values."""
    return tensor.numel() > 1 and not any(tensor.stride())
