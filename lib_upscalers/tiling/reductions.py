"""Compute operators that reduce a picture to a few numbers from pieces of the picture.

A network averages over its whole input by a handful of operators: means and sums, norms, variances,
maxima, products of channels over all positions, normalisation. Each one is described by what it
reduces, by a part that can be averaged over pieces of a picture, and by how its result follows from
that average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    Subject = tuple[Tensor, tuple[int, ...]]


@dataclass(frozen=True)
class Call:
    """One call of an operator.

    Attributes:
        args: Its positional arguments; the first one is what it reduces.
        kwargs: Its keyword arguments.
    """

    args: Sequence[Any]
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def get(self, position: int, name: str, default: Any = None) -> Any:  # noqa: ANN401
        """Return an argument by its position or its name."""
        if len(self.args) > position:
            return self.args[position]
        return self.kwargs.get(name, default)


class Reduction(Protocol):
    """An operator that works over positions."""

    largest: bool
    """Whether parts are combined by their maximum instead of their average."""

    maps: bool
    """Whether the result is as large as the input, made with the numbers for the picture."""

    def subjects(self, call: Call, /) -> list[Subject]:
        """Return the tensors that are reduced, each with the dimensions over which.

        Returns:
            Nothing where this call does something else.
        """
        ...

    def part(self, call: Call, pieces: list[Tensor]) -> Tensor:
        """Return one piece's share of the average.

        Args:
            call: The call.
            pieces: The subjects in float32, cut to one piece of the picture.
        """
        ...

    def result(self, call: Call, average: Tensor) -> Any:  # noqa: ANN401 - as torch's operator
        """Return what the operator returns for a picture whose pieces have that average."""
        ...


class Mean:
    """``mean(x, dim)`` and pools to one position.

    Args:
        over: Reads the call's subjects.
        keep_dims: Whether reduced dimensions stay as 1; None: the call's argument decides.
    """

    largest = False
    maps = False

    def __init__(
        self, over: Callable[[Call], list[Subject]], *, keep_dims: bool | None = None
    ) -> None:
        self.subjects = over
        self._keep_dims = keep_dims

    def part(self, call: Call, pieces: list[Tensor]) -> Tensor:
        """Return the mean of a piece."""
        return pieces[0].mean(self._dims(call), keepdim=True)

    def result(self, call: Call, average: Tensor) -> Any:  # noqa: ANN401
        """Return the mean."""
        return self._shaped(call, average)

    def _dims(self, call: Call) -> tuple[int, ...]:
        return self.subjects(call)[0][1]

    def _count(self, call: Call) -> int:
        x, dims = self.subjects(call)[0]
        return math.prod(x.shape[dim] for dim in dims)

    def _keepdim(self, call: Call) -> bool:
        return bool(call.get(2, "keepdim", False))

    def _shaped(self, call: Call, value: Tensor) -> Tensor:
        keep_dims = self._keepdim(call) if self._keep_dims is None else self._keep_dims
        value = value.to(call.args[0].dtype)
        return value if keep_dims else value.squeeze(self._dims(call))


class Sum(Mean):
    """``sum(x, dim)``."""

    def result(self, call: Call, average: Tensor) -> Any:  # noqa: ANN401
        """Return the sum."""
        return self._shaped(call, average * self._count(call))


class Norm(Mean):
    """``linalg_vector_norm(x, 2, dim)``."""

    def part(self, call: Call, pieces: list[Tensor]) -> Tensor:
        """Return the mean of the squares."""
        return pieces[0].square().mean(self._dims(call), keepdim=True)

    def result(self, call: Call, average: Tensor) -> Any:  # noqa: ANN401
        """Return the norm."""
        return self._shaped(call, (average * self._count(call)).sqrt())

    def _keepdim(self, call: Call) -> bool:
        return bool(call.get(3, "keepdim", False))


class Largest(Mean):
    """``amax(x, dim)`` and ``adaptive_max_pool2d(x, 1)``, whose indices are not used."""

    largest = True

    def part(self, call: Call, pieces: list[Tensor]) -> Tensor:
        """Return the maximum."""
        return pieces[0].amax(self._dims(call), keepdim=True)

    def result(self, call: Call, average: Tensor) -> Any:  # noqa: ANN401
        """Return the maximum."""
        value = self._shaped(call, average)
        return (value, torch.zeros_like(value, dtype=torch.int64)) if self._keep_dims else value


class Variance(Mean):
    """``var(x, dim)``, ``std(x, dim)`` and ``var_mean(x, dim)``."""

    def __init__(self, *, root: bool = False, with_mean: bool = False) -> None:
        super().__init__(_over)
        self._root = root
        self._with_mean = with_mean

    def part(self, call: Call, pieces: list[Tensor]) -> Tensor:
        """Return mean and mean square."""
        return _moments(pieces[0], self._dims(call))

    def result(self, call: Call, average: Tensor) -> Any:  # noqa: ANN401
        """Return the variance, its root, or variance and mean."""
        count = self._count(call)
        variance = _variance(average) * (count / max(count - self._correction(call), 1))
        spread = self._shaped(call, variance.sqrt() if self._root else variance)
        return (spread, self._shaped(call, average[0])) if self._with_mean else spread

    @staticmethod
    def _correction(call: Call) -> float:
        unbiased = call.get(2, "unbiased", True)
        correction = call.kwargs.get("correction")
        return float(unbiased is not False) if correction is None else float(correction)

    def _keepdim(self, call: Call) -> bool:
        return bool(call.get(3, "keepdim", False))


class Product:
    """``a @ b`` summed over positions, as channel attention has it."""

    largest = False
    maps = False

    def subjects(self, call: Call) -> list[Subject]:
        """Return both factors with the dimension that they share."""
        a, b = call.args[:2]
        if a.dim() < 2 or b.dim() < 2:
            return []
        return [(a, (a.dim() - 1,)), (b, (b.dim() - 2,))]

    def part(self, call: Call, pieces: list[Tensor]) -> Tensor:
        """Return the product that the whole subjects would have if all were like the piece."""
        positions = call.args[0].shape[-1]
        return pieces[0] @ pieces[1] * (positions / pieces[0].shape[-1])

    def result(self, call: Call, average: Tensor) -> Any:  # noqa: ANN401
        """Return the product: factors are normalised over positions, so that it has no size."""
        return average.to(call.args[0].dtype)


class Normalise:
    """``group_norm(x, groups, weight, bias, eps)`` and ``instance_norm(x, weight, bias, ...)``.

    Args:
        grouped: Whether channels share their mean in groups.
    """

    largest = False
    maps = True

    def __init__(self, *, grouped: bool) -> None:
        self._grouped = grouped

    def subjects(self, call: Call) -> list[Subject]:
        """Return what is normalised."""
        x = call.args[0]
        learned = not self._grouped and not call.get(5, "use_input_stats", True)
        return [] if learned or x.dim() < 3 else [(x, tuple(range(2, x.dim())))]

    def part(self, call: Call, pieces: list[Tensor]) -> Tensor:
        """Return each group's mean and mean square: shape (2, N, groups, 1)."""
        groups = call.args[1] if self._grouped else pieces[0].shape[1]
        return _moments(pieces[0].flatten(2).unflatten(1, (groups, -1)).flatten(2), (2,))

    def result(self, call: Call, average: Tensor) -> Any:  # noqa: ANN401
        """Return x, normalised."""
        x = call.args[0]
        first = 2 if self._grouped else 1
        weight, bias = call.get(first, "weight"), call.get(first + 1, "bias")
        eps = call.get(4, "eps", 1e-5) if self._grouped else call.get(7, "eps", 1e-5)
        size = x.shape[1] // average.shape[2]
        scale = (_variance(average) + eps).rsqrt().repeat_interleave(size, 1)[..., 0]
        shift = -average[0].repeat_interleave(size, 1)[..., 0] * scale
        if weight is not None:
            scale, shift = scale * weight.float(), shift * weight.float()
        if bias is not None:
            shift = shift + bias.float()
        shape = (*scale.shape, *(1 for _ in x.shape[2:]))
        return (x.float() * scale.view(shape) + shift.view(shape)).to(x.dtype)


def _moments(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return torch.stack([x.mean(dims, keepdim=True), x.square().mean(dims, keepdim=True)])


def _variance(moments: Tensor) -> Tensor:
    return (moments[1] - moments[0].square()).clamp_min(0)


def _over(call: Call) -> list[Subject]:
    """Read the dimensions of ``mean(x, dim)`` and its like."""
    x, dim = call.args[0], call.get(1, "dim")
    if dim is None or dim == []:
        return [(x, tuple(range(x.dim())))]
    dims = dim if isinstance(dim, (list, tuple)) else (dim,)
    return [(x, tuple(int(each) % x.dim() for each in dims))]


def _over_norm(call: Call) -> list[Subject]:
    """Read ``linalg_vector_norm(x, ord, dim)``."""
    if call.get(1, "ord", 2) != 2:
        return []
    return _over(Call((call.args[0], call.get(2, "dim"))))


def _pooled(dims: int) -> Callable[[Call], list[Subject]]:
    """Read ``adaptive_avg_pool2d(x, size)``, which reduces only where the size is 1."""

    def subjects(call: Call) -> list[Subject]:
        x = call.args[0]
        if any(side != 1 for side in call.get(1, "output_size")):
            return []
        return [(x, tuple(range(x.dim() - dims, x.dim())))]

    return subjects


def _window(call: Call) -> list[Subject]:
    """Read ``avg_pool2d(x, size)``, which reduces only where the window is all of x."""
    x, size = call.args[0], list(call.get(1, "kernel_size"))
    whole = list(x.shape[-2:]) == (size if len(size) == 2 else size * 2)
    return [(x, (x.dim() - 2, x.dim() - 1))] if whole else []


# By the name of torch's operator; in inference mode composite ones are seen whole.
REDUCTIONS: Mapping[str, Reduction] = {
    "mean": Mean(_over),
    "sum": Sum(_over),
    "adaptive_avg_pool1d": Mean(_pooled(1), keep_dims=True),
    "adaptive_avg_pool2d": Mean(_pooled(2), keep_dims=True),
    "_adaptive_avg_pool2d": Mean(_pooled(2), keep_dims=True),
    "avg_pool2d": Mean(_window, keep_dims=True),
    "amax": Largest(_over),
    "adaptive_max_pool2d": Largest(_pooled(2), keep_dims=True),
    "linalg_vector_norm": Norm(_over_norm),
    "var": Variance(),
    "std": Variance(root=True),
    "var_mean": Variance(with_mean=True),
    "matmul": Product(),
    "bmm": Product(),
    "mm": Product(),
    "group_norm": Normalise(grouped=True),
    "instance_norm": Normalise(grouped=False),
}
