"""Describe the tensors of a file by shape and type, without torch and without their numbers.

Importing torch takes seconds. For a list of networks shapes are enough, where the architecture is
one of those in `known_layouts`.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.reading.faults import DamagedFileError
from lib_upscalers.models.reading.source import TensorSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from io import FileIO
    from pathlib import Path

# Numbers of a calculation; the weights of a layer are more.
_FEW = 16
# The largest table from which a size is read: a position's distances in a window of DAT.
_MOST_SETTINGS = 4096
# How many bytes a read has whose result is kept.
_LONG = 256
_LONGEST = 1 << 16
_CODES: Mapping[str, str] = {
    "bool": "?",
    "float16": "e",
    "float32": "f",
    "float64": "d",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "int8": "b",
    "uint8": "B",
}
SIZES: Mapping[str, int] = {
    **{name: struct.calcsize(code) for name, code in _CODES.items()},
    "bfloat16": 2,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
}


class NotOutlinedError(Exception):
    """Shapes alone are not enough to go on."""


@dataclass(frozen=True)
class NumberType:
    """A type of numbers, by torch's name, with its size in bytes."""

    name: str
    itemsize: int


@dataclass
class StoredNumbers:
    """Numbers that are read from a file when somebody asks for them.

    Attributes:
        path: The file.
        count: How many there are.
        dtype: Their type.
        find: Returns where in the file they begin.
    """

    path: Path
    count: int
    dtype: NumberType
    find: Callable[[TensorSource], int]

    def read(self) -> tuple[float, ...] | None:
        """Return them; None if they are too many to be settings of a network.

        Raises:
            OSError: The file cannot be read any more.
            DamagedFileError: It ends before.
        """
        code = _CODES.get(self.dtype.name)
        if code is None or not 0 < self.count <= _MOST_SETTINGS:
            return None
        with self.path.open("rb", buffering=0) as file:
            source = OutlineSource(file, self.path)
            held = source.read(self.find(source), self.count * self.dtype.itemsize)
        return struct.unpack(f"<{self.count}{code}", held)


@dataclass(frozen=True)
class Outline:
    """A tensor without its numbers, unless they are few.

    Attributes:
        shape: Its sides.
        dtype: The type of its numbers.
        numbers: The numbers; None if they were not read.
        stored: The same numbers where they can be read later.
    """

    shape: tuple[int, ...]
    dtype: NumberType
    numbers: tuple[float, ...] | None = None
    stored: StoredNumbers | None = field(default=None, compare=False)

    @property
    def ndim(self) -> int:
        """How many sides it has."""
        return len(self.shape)

    def numel(self) -> int:
        """Return how many numbers it has."""
        return math.prod(self.shape)

    def element_size(self) -> int:
        """Return how many bytes each takes."""
        return self.dtype.itemsize

    def flatten(self) -> Outline:
        """Return it with one side."""
        return Outline((self.numel(),), self.dtype, self.numbers, self.stored)

    def reshape(self, shape: Sequence[int]) -> Outline:
        """Return it with other sides, which have as many numbers together."""
        if math.prod(shape) != self.numel():
            raise NotOutlinedError
        return Outline(tuple(shape), self.dtype, self.numbers, self.stored)

    def transpose(self, one: int, other: int) -> Outline:
        """Return it with two sides exchanged."""
        sides = list(self.shape)
        sides[one], sides[other] = sides[other], sides[one]
        return Outline(tuple(sides), self.dtype, self.numbers if len(sides) < 2 else None)

    def __float__(self) -> float:
        """Return its one number.

        Raises:
            NotOutlinedError: It was not read, or there are more.
        """
        if self.numbers is None or len(self.numbers) != 1:
            raise NotOutlinedError
        return float(self.numbers[0])


class OutlineSource(TensorSource):
    """An open file whose tensors are read as `Outline`.

    Args:
        file: The file, unbuffered.
        path: Its path, for texts.
    """

    outlines = True

    def __init__(self, file: FileIO, path: Path) -> None:
        super().__init__(file, path, values=False)
        self._page, self._begin = b"", 0

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes; those of the last long read are not read again.

        Raises:
            DamagedFileError: The file ends before.
        """
        start = offset - self._begin
        if start >= 0 and size >= 0 and start + size <= len(self._page):
            return self._page[start : start + size]
        held = super().read(offset, size)
        if _LONG <= size <= _LONGEST:
            self._page, self._begin = held, offset
        return held

    def dtype(self, name: str) -> Any:  # noqa: ANN401
        """Return a type of numbers.

        Raises:
            NotOutlinedError: It is none of weights.
        """
        if name not in SIZES:
            raise NotOutlinedError
        return NumberType(name, SIZES[name])

    def is_dtype(self, value: object) -> bool:
        """Return whether a value is a type of numbers."""
        return isinstance(value, NumberType)

    def is_tensor(self, value: object) -> bool:
        """Return whether a value is a tensor."""
        return isinstance(value, Outline)

    def blank(self, count: int, dtype: Any) -> Any:  # noqa: ANN401
        """Return an outline of one side."""
        return Outline((count,), dtype)

    def stored(
        self,
        find: Callable[[TensorSource], int],
        count: int,
        dtype: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return an outline of one side whose numbers can be read later."""
        return Outline((count,), dtype, stored=StoredNumbers(self.path, count, dtype, find))

    def tensor(self, offset: int, count: int, dtype: Any) -> Any:  # noqa: ANN401
        """Return an outline of one side, after checking that the file has these bytes.

        Raises:
            DamagedFileError: The file ends before.
        """
        size = count * dtype.itemsize
        self.check(offset, size)
        code = _CODES.get(dtype.name)
        if code is None or not 0 < count <= _FEW:
            return self.stored(lambda _: offset, count, dtype)
        return Outline((count,), dtype, struct.unpack(f"<{count}{code}", self.read(offset, size)))

    def listed(self, numbers: Sequence[float], dtype: Any) -> Any:  # noqa: ANN401
        """Return an outline of numbers that the file lists elsewhere."""
        few = tuple(numbers) if len(numbers) <= _FEW else None
        return Outline((len(numbers),), dtype, few)

    def retyped(self, storage: Any, dtype: Any) -> Any:  # noqa: ANN401
        """Return an outline of bytes as one of numbers.

        Raises:
            DamagedFileError: It is none, or has no whole number of them.
        """
        if not isinstance(storage, Outline) or storage.numel() % dtype.itemsize:
            raise DamagedFileError("its pickle describes a tensor wrongly")
        return Outline((storage.numel() // dtype.itemsize,), dtype)

    def number(self, value: Any) -> Any:  # noqa: ANN401
        """Return an outline of a number, or of a list of numbers."""
        numbers = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        shape = (len(numbers),) if isinstance(value, (list, tuple)) else ()
        kind = "int64" if all(isinstance(each, int) for each in numbers) else "float32"
        return Outline(shape, self.dtype(kind), numbers if len(numbers) <= _FEW else None)

    def _view_of(
        self,
        storage: Any,  # noqa: ANN401
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
    ) -> Any:  # noqa: ANN401
        steps = tuple(math.prod(size[i + 1 :]) for i in range(len(size)))
        if offset or stride != steps or math.prod(size) != storage.numel():
            return Outline(size, storage.dtype)
        return Outline(size, storage.dtype, storage.numbers, storage.stored)
