"""Build a network from its weights: fast, and not larger than they are."""

from __future__ import annotations

import math
import time
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.overrides import TorchFunctionMode

from lib_upscalers.errors import ModelError
from lib_upscalers.models.reading.source import is_blank
from lib_upscalers.models.skip_init import skip_init

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from spandrel import Architecture, ModelDescriptor
    from torch.nn import Module

# DAT-2, HAT-L and the like have some 3,000.
_MOST_NAMES = 10_000
_ATTEMPTS = 600
_PAUSE_SECONDS = 0.2
_FACTOR = 8
_SPARE_TENSORS = 1_000
_SPARE_ELEMENTS = 16 << 20
_CREATORS = frozenset(
    (
        torch.empty,
        torch.zeros,
        torch.ones,
        torch.rand,
        torch.randn,
        torch.full,
        torch.eye,
        torch.arange,
        torch.linspace,
    )
)


class OversizedError(Exception):
    """A network would be far larger than the weights that ask for it; the text says how far."""


def build(architecture: Architecture[Module], state: Mapping[str, Any]) -> ModelDescriptor:
    """Return what ``architecture.load(state)`` returns, to the last bit, in less time.

    Weights that are blank, as they are read without values, are not copied into the network.

    Args:
        architecture: The one that `state` belongs to.
        state: Names to tensors; they are copied.

    Raises:
        OversizedError: The network would take far more memory or layers than `state` has, as
            with a state dict that was made up to that end.
        ModelError: Layers stay without memory, see `_lacks_memory`.
        Exception: Whatever the architecture raises if `state` does not fit it.
    """
    if len(state) > _MOST_NAMES:
        raise OversizedError(f"it names {len(state):,} weights, more than {_MOST_NAMES:,}")
    for _ in range(_ATTEMPTS):
        # A network that is made in inference mode could never be used outside of it.
        with torch.inference_mode(mode=False), torch.no_grad(), skip_init(), _Limits(state):
            # The architecture may remove entries.
            descriptor = architecture.load(dict(state))
        if not _lacks_memory(descriptor.model):
            return descriptor
        time.sleep(_PAUSE_SECONDS)
    raise ModelError(
        "Expected layers with memory, but torch makes them without, as a WebUI has it do while it "
        "loads a checkpoint: wait until that is loaded, and try again."
    )


def _lacks_memory(model: Module) -> bool:
    """Return whether layers are on the meta device, which holds no numbers.

    While AUTOMATIC1111 builds a checkpoint's model, the layers of every thread are made there
    (modules/sd_disable_initialization.py, 133): that takes some seconds.
    """
    return any(each.is_meta for each in model.parameters())


class _Limits(TorchFunctionMode):
    """Refuses tensors and layers that the weights cannot be the cause of, before they are made.

    Args:
        state: The weights.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        super().__init__()
        elements = sum(value.numel() for value in state.values() if torch.is_tensor(value))
        self._elements = _SPARE_ELEMENTS + _FACTOR * elements
        self._tensors = _SPARE_TENSORS + _FACTOR * len(state)
        self._used = 0.0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - torch's own signature
        """Run one of torch's functions, unless its result would be too large."""
        options = kwargs or {}
        if func in _CREATORS:
            self._count(_created(args, options))
        elif func is torch.Tensor.copy_ and torch.is_tensor(args[1]) and is_blank(args[1]):
            return args[0]
        elif len(args) > 1:
            self._check(_broadcast(args))
        return func(*args, **options)

    def _count(self, elements: float) -> None:
        """Count a tensor that is about to be made; most are the parameters of layers."""
        self._tensors -= 1
        self._used += elements
        if self._tensors < 0:
            raise OversizedError("it asks for far more layers than it has weights for")
        self._check(self._used)

    def _check(self, elements: float) -> None:
        if elements > self._elements:
            raise OversizedError(
                f"it asks for a network of {elements:,.0f} numbers or more, far more than it holds"
            )


def _created(args: tuple[Any, ...], options: Mapping[str, Any]) -> float:
    """Return the most elements that a creating function may return for these arguments."""
    numbers = [*_sides(args), *_sides(tuple(options.get(name, ()) for name in ("size", "end")))]
    return math.prod(max(1.0, abs(each)) for each in numbers[:16])


def _sides(values: tuple[Any, ...]) -> Generator[float, None, None]:
    for value in values:
        if isinstance(value, (int, float)):
            yield float(value)
        elif isinstance(value, (tuple, list)):
            yield from _sides(tuple(cast("Sequence[Any]", value)))


def _broadcast(args: tuple[Any, ...]) -> int:
    """Return how many elements two tensors have together, as arithmetic makes them; 0: unknown."""
    left, right = args[0], args[1]
    if not torch.is_tensor(left) or not torch.is_tensor(right):
        return 0
    if left.numel() * right.numel() < _SPARE_ELEMENTS:
        return 0
    # torch.broadcast_shapes imports sympy, which takes a second.
    pairs = zip_longest(reversed(left.shape), reversed(right.shape), fillvalue=1)
    sides = [(max(pair), min(pair)) for pair in pairs]
    fits = all(large == small or small == 1 for large, small in sides)
    return math.prod(small and large for large, small in sides) if fits else 0
