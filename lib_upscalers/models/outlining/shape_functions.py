"""Functions of torch that make tensors, for tensors that have a shape and no numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.outlining.shape_tensors import FLOAT, WHOLE, ShapeTensor
from lib_upscalers.models.reading.outline import NotOutlinedError, NumberType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from typing_extensions import Self


class TorchFunctionMode:
    """Watches the functions that make tensors, as torch's class of this name."""

    active: list[TorchFunctionMode] = []  # noqa: RUF012 - those of this process

    def __enter__(self) -> Self:
        """Begin."""
        self.active.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.active.remove(self)


def _watched(make: Callable[..., ShapeTensor]) -> Callable[..., ShapeTensor]:
    """Let the modes see a function that makes a tensor."""

    def watched(*args: Any, **options: Any) -> ShapeTensor:  # noqa: ANN401
        modes = TorchFunctionMode.active
        if not modes:
            return make(*args, **options)
        mode: Any = modes.pop()
        try:
            return mode.__torch_function__(watched, (), args, options)
        finally:
            modes.append(mode)

    return watched


def _shape(args: Sequence[Any], options: Mapping[str, Any]) -> Iterable[int]:
    given = args or (options.get("size", ()),)
    listed = len(given) == 1 and isinstance(given[0], (tuple, list))
    return [int(side) for side in (given[0] if listed else given)]


def _filled(*args: Any, **options: Any) -> ShapeTensor:  # noqa: ANN401
    return ShapeTensor(list(_shape(args, options)), options.get("dtype") or FLOAT)


empty = _watched(_filled)


def _full(size: Sequence[int], *_value: Any, **options: Any) -> ShapeTensor:  # noqa: ANN401
    return ShapeTensor(list(size), options.get("dtype") or FLOAT)


def _eye(side: int, other: int | None = None, **_options: Any) -> ShapeTensor:  # noqa: ANN401
    return ShapeTensor((side, side if other is None else other))


def _arange(*args: Any, **options: Any) -> ShapeTensor:  # noqa: ANN401
    start, end, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
    count = math.ceil((end - start) / step)
    whole = all(isinstance(each, int) for each in args)
    numbers = range(start, end, step) if whole and not options.get("dtype") else None
    return ShapeTensor((count,), WHOLE if whole else FLOAT, numbers)


def _linspace(start: float, end: float, steps: int, **_options: Any) -> ShapeTensor:  # noqa: ANN401
    numbers = [start + (end - start) * i / max(1, steps - 1) for i in range(steps)]
    return ShapeTensor((steps,), FLOAT, numbers)


def _tensor(values: Any, dtype: NumberType | None = None, **_options: Any) -> ShapeTensor:  # noqa: ANN401
    shape: list[int] = []
    level: list[Any] = [values]
    while level and isinstance(level[0], (list, tuple)):
        if len({len(each) for each in level}) != 1:
            raise NotOutlinedError
        shape.append(len(level[0]))
        level = [inner for each in level for inner in each]
    plain = all(isinstance(each, (bool, int, float)) for each in level)
    whole = plain and all(isinstance(each, (bool, int)) for each in level)
    return ShapeTensor(shape, dtype or (WHOLE if whole else FLOAT), level if plain else None)


def _stack(tensors: Sequence[ShapeTensor], dim: int = 0) -> ShapeTensor:
    sides = list(tensors[0].shape)
    if any(each.shape != tensors[0].shape for each in tensors):
        raise NotOutlinedError
    sides.insert(dim if dim >= 0 else dim + len(sides) + 1, len(tensors))
    return ShapeTensor(sides, tensors[0].dtype)


def _cat(tensors: Sequence[ShapeTensor], dim: int = 0) -> ShapeTensor:
    sides = list(tensors[0].shape)
    for each in tensors[1:]:
        if len(each.shape) != len(sides):
            raise NotOutlinedError
        sides[dim] += each.shape[dim]
    return ShapeTensor(sides, tensors[0].dtype)


def _meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[ShapeTensor, ...]:  # noqa: ANN401
    given = tensors[0] if isinstance(tensors[0], (list, tuple)) else tensors
    sides = [each.numel() for each in given]
    if indexing == "xy":
        sides[:2] = sides[1::-1]
    return tuple(ShapeTensor(sides, each.dtype) for each in given)


def _like(tensor: ShapeTensor, **options: Any) -> ShapeTensor:  # noqa: ANN401
    return ShapeTensor(tensor.shape, options.get("dtype") or tensor.dtype)


def method(name: str) -> Callable[..., Any]:
    """Return the function that calls a tensor's method of that name."""

    def call(tensor: ShapeTensor, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        return getattr(tensor, name)(*args, **options)

    return call


def _is_tensor(value: object) -> bool:
    return isinstance(value, ShapeTensor)


_FILLED = ("empty", "zeros", "ones", "rand", "randn")
_METHODS = (
    *("flatten", "log", "exp", "sqrt", "abs", "sum", "mean", "reshape", "transpose", "permute"),
    *("unsqueeze", "squeeze", "chunk", "unbind", "flip", "clamp", "sign", "log2", "mul", "add"),
)


def functions() -> dict[str, Any]:
    """Return the functions by their names in torch."""
    made: dict[str, Any] = dict.fromkeys(_FILLED, empty)
    made |= {name: method(name) for name in _METHODS}
    made |= {f"{name}_like": _like for name in (*_FILLED, "full")}
    return made | {
        "arange": _watched(_arange),
        "cat": _cat,
        "concat": _cat,
        "eye": _watched(_eye),
        "full": _watched(_full),
        "is_tensor": _is_tensor,
        "linspace": _watched(_linspace),
        "meshgrid": _meshgrid,
        "stack": _stack,
        "tensor": _tensor,
    }
