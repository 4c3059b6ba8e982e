"""Tensors that have a shape and no numbers, and the functions of torch that make them.

What needs a number that was not stored raises `NotOutlinedError`; then the network is built.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.outlining.shape_arithmetic import broadcast, indexed, sides_of, viewed
from lib_upscalers.models.reading.outline import NotOutlinedError, NumberType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lib_upscalers.models.reading.outline import Outline, StoredNumbers

FLOAT = NumberType("float32", 4)
WHOLE = NumberType("int64", 8)
# More are never single settings.
_FEW = 4096


class Sides(tuple[int, ...]):
    """The shape of a tensor, as torch's own."""

    __slots__ = ()

    def numel(self) -> int:
        """Return how many numbers a tensor of this shape has."""
        return math.prod(self)


class ShapeTensor:
    """A tensor without numbers, unless they are few and known.

    Args:
        shape: Its sides.
        dtype: The type of its numbers.
        numbers: The numbers in order; None: unknown.
        stored: Where they can be read from, if somebody asks.
    """

    is_meta = False
    requires_grad = False
    grad_fn = None

    def __init__(
        self,
        shape: Sequence[int] = (),
        dtype: NumberType = FLOAT,
        numbers: Sequence[Any] | None = None,
        stored: StoredNumbers | None = None,
    ) -> None:
        if any(type(side) is not int or side < 0 for side in shape):
            raise NotOutlinedError
        self.shape = Sides(shape)
        self.dtype = dtype
        self._numbers = tuple(numbers) if numbers is not None and len(numbers) <= _FEW else None
        self._stored = stored

    @property
    def numbers(self) -> tuple[Any, ...] | None:
        """Its numbers in order; None: unknown."""
        if self._numbers is None and self._stored is not None:
            self._numbers, self._stored = self._stored.read(), None
        return self._numbers

    def forget(self) -> None:
        """Forget the numbers, as they change."""
        self._numbers = self._stored = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - torch's own
        """Return a method that keeps the shape or computes one; raise for any other."""
        found = _method(name)
        if found is None:
            raise NotOutlinedError
        return partial(found, self)

    @property
    def ndim(self) -> int:
        """How many sides it has."""
        return len(self.shape)

    @property
    def data(self) -> ShapeTensor:
        """Itself, as numbers are shared with it."""
        return self

    @data.setter
    def data(self, other: ShapeTensor) -> None:
        self.shape, self.dtype = other.shape, other.dtype
        self._numbers, self._stored = other.numbers, None

    @property
    def T(self) -> ShapeTensor:  # noqa: N802 - torch's own
        """It with its sides reversed."""
        return _turned(self)

    def dim(self) -> int:
        """Return how many sides it has."""
        return len(self.shape)

    def size(self, dim: int | None = None) -> Any:  # noqa: ANN401 - torch's own
        """Return its shape, or one side."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        """Return how many numbers it has."""
        return math.prod(self.shape)

    def element_size(self) -> int:
        """Return how many bytes each takes."""
        return self.dtype.itemsize

    def is_floating_point(self) -> bool:
        """Return whether its numbers are no whole ones."""
        return "float" in self.dtype.name

    def item(self) -> Any:  # noqa: ANN401 - torch's own
        """Return its one number.

        Raises:
            NotOutlinedError: It is not known, or there are more.
        """
        if self.numbers is None or len(self.numbers) != 1:
            raise NotOutlinedError
        return self.numbers[0]

    def tolist(self) -> list[Any]:
        """Return its numbers, if it has one side.

        Raises:
            NotOutlinedError: They are not known.
        """
        if self.numbers is None or len(self.shape) != 1:
            raise NotOutlinedError
        return list(self.numbers)

    def __int__(self) -> int:
        """Return its one number as a whole one."""
        return int(self.item())

    def __index__(self) -> int:
        """Return its one number, which is whole."""
        if self.is_floating_point():
            raise NotOutlinedError
        return int(self.item())

    def __float__(self) -> float:
        """Return its one number."""
        return float(self.item())

    def __bool__(self) -> bool:
        """Return whether its one number is not 0."""
        return bool(self.item())

    def __len__(self) -> int:
        """Return its first side."""
        return self.shape[0]

    def __iter__(self) -> Iterator[ShapeTensor]:
        """Yield its parts along its first side."""
        return iter(_unbind(self))

    def __getitem__(self, index: Any) -> ShapeTensor:  # noqa: ANN401 - torch's own
        """Return a part."""
        shape = indexed(self.shape, index)
        if type(index) is not int or self.numbers is None:
            return ShapeTensor(shape, self.dtype)
        count, first = math.prod(shape), index % self.shape[0]
        return ShapeTensor(shape, self.dtype, self.numbers[first * count :][:count])

    def __setitem__(self, index: Any, value: Any) -> None:  # noqa: ANN401 - torch's own
        """Forget the numbers, as some of them change."""
        indexed(self.shape, index)
        self.forget()

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:  # noqa: ANN401 - torch's own
        """Return a tensor whose numbers are not known."""
        return _broadcast(self, other)

    def __ne__(self, other: object) -> Any:  # noqa: ANN401 - torch's own
        """Return a tensor whose numbers are not known."""
        return _broadcast(self, other)


def _operator(self: ShapeTensor, *others: Any) -> ShapeTensor:  # noqa: ANN401
    return _broadcast(self, *others)


def _sum(self: ShapeTensor, other: Any) -> ShapeTensor:  # noqa: ANN401 - a tensor or a number
    if isinstance(other, int) and self.numbers is not None:
        return ShapeTensor(self.shape, self.dtype, [each + other for each in self.numbers])
    return _broadcast(self, other)


def _method(name: str) -> Callable[..., Any] | None:
    if name in _SHAPE_METHODS:
        return _SHAPE_METHODS[name]
    if name in _SAME:
        return _unchanged
    plain = name.removesuffix("_")
    if plain not in _SAME and plain not in _ELEMENTWISE:
        return None
    return _elementwise if plain == name else _in_place


def _unchanged(self: ShapeTensor, *_args: Any, **_options: Any) -> ShapeTensor:  # noqa: ANN401
    return self


def _elementwise(self: ShapeTensor, *args: Any, **_options: Any) -> ShapeTensor:  # noqa: ANN401
    return _broadcast(self, *args)


def _in_place(self: ShapeTensor, *args: Any, **_options: Any) -> ShapeTensor:  # noqa: ANN401
    return _changed(self, *args)


def _stride(self: ShapeTensor) -> tuple[int, ...]:
    return (1,) * len(self.shape)


def _turned(self: ShapeTensor) -> ShapeTensor:
    return ShapeTensor(self.shape[::-1], self.dtype)


def tensor_of(outline: Outline) -> ShapeTensor:
    """Return what a file's outline describes."""
    return ShapeTensor(outline.shape, outline.dtype, outline.numbers, outline.stored)


def _broadcast(*operands: Any) -> ShapeTensor:  # noqa: ANN401 - tensors and numbers
    return ShapeTensor(
        broadcast([each.shape if isinstance(each, ShapeTensor) else () for each in operands])
    )


def _changed(self: ShapeTensor, *others: Any) -> ShapeTensor:  # noqa: ANN401
    """Return the tensor itself after its numbers changed."""
    if _broadcast(self, *others).shape != self.shape:
        raise NotOutlinedError
    self.forget()
    return self


def _view(self: ShapeTensor, *sizes: Any) -> ShapeTensor:  # noqa: ANN401 - torch's own
    if len(sizes) == 1 and isinstance(sizes[0], NumberType):
        raise NotOutlinedError
    return ShapeTensor(viewed(self.shape, sides_of(sizes)), self.dtype, self.numbers)


def _permute(self: ShapeTensor, *dims: Any) -> ShapeTensor:  # noqa: ANN401 - torch's own
    return ShapeTensor([self.shape[dim] for dim in sides_of(dims)], self.dtype)


def _transpose(self: ShapeTensor, one: int, other: int) -> ShapeTensor:
    sides = list(self.shape)
    sides[one], sides[other] = sides[other], sides[one]
    return ShapeTensor(sides, self.dtype)


def _flatten(self: ShapeTensor, start_dim: int = 0, end_dim: int = -1) -> ShapeTensor:
    last = end_dim % max(1, len(self.shape)) + 1
    inner = math.prod(self.shape[start_dim:last])
    return ShapeTensor(
        (*self.shape[:start_dim], inner, *self.shape[last:]), self.dtype, self.numbers
    )


def _unsqueeze(self: ShapeTensor, dim: int) -> ShapeTensor:
    sides = list(self.shape)
    sides.insert(dim if dim >= 0 else dim + len(sides) + 1, 1)
    return ShapeTensor(sides, self.dtype, self.numbers)


def _squeeze(self: ShapeTensor, dim: int | None = None) -> ShapeTensor:
    kept = [
        side
        for i, side in enumerate(self.shape)
        if side != 1 or (dim is not None and i != dim % len(self.shape))
    ]
    return ShapeTensor(kept, self.dtype, self.numbers)


def _expand(self: ShapeTensor, *sizes: Any) -> ShapeTensor:  # noqa: ANN401 - torch's own
    sides = sides_of(sizes)
    for i in range(-1, -1 - len(self.shape), -1):
        if sides[i] == -1:
            sides[i] = self.shape[i]
        elif self.shape[i] not in (1, sides[i]):
            raise NotOutlinedError
    return ShapeTensor(sides, self.dtype)


def _repeat(self: ShapeTensor, *times: Any) -> ShapeTensor:  # noqa: ANN401 - torch's own
    counts = sides_of(times)
    sides = [1] * (len(counts) - len(self.shape)) + list(self.shape)
    return ShapeTensor([a * b for a, b in zip(sides, counts, strict=True)], self.dtype)


def _reduced(
    self: ShapeTensor,
    dim: Any = None,  # noqa: ANN401 - torch's own
    keepdim: bool = False,  # noqa: FBT001, FBT002 - torch's own
) -> ShapeTensor:
    if dim is None:
        return ShapeTensor()
    dims = {each % len(self.shape) for each in sides_of((dim,))}
    sides = [1 if i in dims else side for i, side in enumerate(self.shape)]
    return ShapeTensor(
        sides if keepdim else [side for i, side in enumerate(sides) if i not in dims]
    )


def _unbind(self: ShapeTensor, dim: int = 0) -> tuple[ShapeTensor, ...]:
    if dim == 0:
        return tuple(self[i] for i in range(self.shape[0]))
    rest = [side for i, side in enumerate(self.shape) if i != dim % len(self.shape)]
    return tuple(ShapeTensor(rest, self.dtype) for _ in range(self.shape[dim]))


def _chunk(self: ShapeTensor, chunks: int, dim: int = 0) -> tuple[ShapeTensor, ...]:
    side = self.shape[dim]
    if side % chunks:
        raise NotOutlinedError
    sides = list(self.shape)
    sides[dim] = side // chunks
    return tuple(ShapeTensor(sides, self.dtype) for _ in range(chunks))


def _new(self: ShapeTensor, *sizes: Any, **_options: Any) -> ShapeTensor:  # noqa: ANN401
    return ShapeTensor(sides_of(sizes), self.dtype)


_SHAPE_METHODS: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(("view", "reshape"), _view),
    **dict.fromkeys(("sum", "mean", "any", "all", "amax", "amin"), _reduced),
    **dict.fromkeys(("new_zeros", "new_ones", "new_empty"), _new),
    "permute": _permute,
    "transpose": _transpose,
    "flatten": _flatten,
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    "expand": _expand,
    "repeat": _repeat,
    "unbind": _unbind,
    "chunk": _chunk,
    "stride": _stride,
    "t": _turned,
}
# The same tensor, or one of the same shape whose numbers stay.
_SAME = frozenset(("clone", "contiguous", "detach", "requires_grad_", "cpu", "cuda"))
_ELEMENTWISE = frozenset(
    (
        *("add", "sub", "mul", "div", "pow", "maximum", "minimum", "fmod", "remainder"),
        *("abs", "neg", "exp", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "sign"),
        *("sin", "cos", "tanh", "sigmoid", "clamp", "clip", "floor", "round", "erf", "erfinv"),
        *("fill", "zero", "normal", "uniform", "copy", "masked_fill", "flip", "softmax"),
        *("ne", "eq", "gt", "lt", "ge", "le", "half", "double", "int", "bool", "float", "long"),
    )
)
for _name in (
    *("sub", "rsub", "mul", "rmul", "neg", "abs", "invert", "mod", "pow", "rpow"),
    *("truediv", "rtruediv", "floordiv", "rfloordiv", "lt", "le", "gt", "ge", "and", "or", "xor"),
):
    setattr(ShapeTensor, f"__{_name}__", _operator)
for _name in ("add", "radd"):
    setattr(ShapeTensor, f"__{_name}__", _sum)
for _name in ("iadd", "isub", "imul", "itruediv"):
    setattr(ShapeTensor, f"__{_name}__", _changed)
