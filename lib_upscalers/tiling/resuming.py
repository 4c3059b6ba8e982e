"""Stop a forward where it needs a number of the whole picture, and go on from there later.

Python's frames cannot be stored, so the forward is begun anew: its operators up to that place are
not run, but give tensors that take no memory, and those that were alive there give what they held.
Which these are needs no knowledge of the network: at the place where it stops, all others are gone.
Whatever does not go as it went before raises `CannotResumeError`; then the whole forward is run.
"""

from __future__ import annotations

import itertools
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from lib_upscalers.tiling.reductions import Call

# Larger numbers are none in 16 bits.
_LARGEST_HALF = 60_000.0


class CannotResumeError(Exception):
    """A forward does not go as it went before."""


@dataclass(frozen=True)
class _Stored:
    """The numbers of a storage, on the CPU."""

    numbers: Tensor
    dtype: torch.dtype


@dataclass(frozen=True)
class _View:
    """A tensor that was alive: where it lies in a storage."""

    storage: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@dataclass
class Trace:
    """What a tile's forward has done so far.

    Attributes:
        halves: Whether numbers of 32 bits are stored in 16.
        size_bytes: How much memory it takes.
    """

    halves: bool
    size_bytes: int = 0
    _steps: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    _views: dict[tuple[int, int], _View] = field(default_factory=dict[tuple[int, int], _View])
    _stored: dict[int, _Stored] = field(default_factory=dict[int, _Stored])

    @property
    def done(self) -> int:
        """How many operators need not be run again."""
        return len(self._steps)

    def clear(self) -> None:
        """Forget it, so that a forward runs from its start."""
        self._steps, self._views, self._stored, self.size_bytes = [], {}, {}, 0

    def step(self, number: int) -> tuple[str, Any]:
        """Return the name of an operator, and the form of what it gave."""
        return self._steps[number]

    def view(self, number: int, position: int) -> _View | None:
        """Return where a result lies that was alive; None if it was not."""
        return self._views.get((number, position))

    def restored(self, storage: int, device: torch.device) -> Tensor:
        """Return the numbers of a storage, on a device."""
        held = self._stored[storage]
        return held.numbers.to(device, held.dtype, copy=True)

    def keep(
        self, steps: list[tuple[str, Any]], alive: list[tuple[tuple[int, int], Tensor]]
    ) -> None:
        """Store what is alive instead of what was stored before."""
        self._steps, self._views, self._stored = steps, {}, {}
        for place, tensor in alive:
            storage = tensor.untyped_storage()
            key = storage.data_ptr()
            if key not in self._stored:
                flat = torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(storage)  # pyright: ignore[reportArgumentType]
                self._stored[key] = _Stored(self._packed(flat), tensor.dtype)
            self._views[place] = _View(
                key, tuple(tensor.shape), tuple(tensor.stride()), int(tensor.storage_offset())
            )
        held = (each.numbers for each in self._stored.values())
        self.size_bytes = sum(each.numel() * each.element_size() for each in held)

    def _packed(self, flat: Tensor) -> Tensor:
        wide = self.halves and flat.dtype == torch.float32 and flat.numel() > 0
        if wide and float(flat.abs().max()) < _LARGEST_HALF:
            return flat.to("cpu", torch.float16)
        return flat.to("cpu", copy=True)


class Resumption:
    """One forward that goes on where a trace ends.

    Args:
        trace: Where the last one stopped.
        device: Where the network runs.
    """

    def __init__(self, trace: Trace, device: torch.device) -> None:
        self._trace = trace
        self._device = device
        self._skipped = trace.done
        self._steps: list[tuple[str, Any]] = []
        self._alive: dict[tuple[int, int], weakref.ref[Tensor]] = {}
        self._blank: dict[int, Tensor] = {}
        self._bases: dict[int, Tensor] = {}

    def visit(self, name: str, call: Call, run: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return what an operator gives: it is run, unless that was done before.

        Raises:
            CannotResumeError: The forward does not go as it went before.
        """
        number = len(self._steps)
        if number < self._skipped:
            return self._skip(number, name, call)
        # What comes later has what was alive.
        self._bases.clear()
        if any(id(each) in self._blank for each in _arguments(call)):
            raise CannotResumeError
        result = run()
        self._steps.append((name, self._form(number, result, call)))
        return result

    def stop(self) -> None:
        """Store in the trace what is alive now, just before the next operator."""
        alive = [
            (place, tensor) for place, ref in self._alive.items() if (tensor := ref()) is not None
        ]
        real = [(place, each) for place, each in alive if id(each) not in self._blank]
        self._trace.keep(self._steps, real)

    def _skip(self, number: int, name: str, call: Call) -> Any:  # noqa: ANN401
        recorded, form = self._trace.step(number)
        if recorded != name:
            raise CannotResumeError
        self._steps.append((recorded, form))
        return self._remade(number, form, call)

    def _remade(self, number: int, form: Any, call: Call) -> Any:  # noqa: ANN401
        if isinstance(form, _Given):
            return _arguments(call)[form.position]
        if isinstance(form, _Made):
            return self._tensor(number, form)
        if isinstance(form, (tuple, list)):
            parts: list[Any] = [self._remade(number, each, call) for each in form]
            return type(form)(parts)
        return form

    def _tensor(self, number: int, form: _Made) -> Tensor:
        view = self._trace.view(number, form.position)
        if view is None:
            blank = torch.empty(1, dtype=form.dtype, device=self._device)
            made = blank.as_strided(form.shape, (0,) * len(form.shape))
            self._blank[id(made)] = made
        else:
            if view.storage not in self._bases:
                self._bases[view.storage] = self._trace.restored(view.storage, self._device)
            made = self._bases[view.storage].as_strided(view.size, view.stride, view.offset)
        self._alive[number, form.position] = weakref.ref(made)
        return made

    def _form(self, number: int, result: Any, call: Call) -> Any:  # noqa: ANN401
        """Return the form of a result, from which it is made again, and note its tensors."""
        # A function within, which would name itself, would keep what it holds alive.
        return self._form_of(result, _arguments(call), number, itertools.count())

    def _form_of(
        self,
        value: Any,  # noqa: ANN401
        given: list[Tensor],
        number: int,
        positions: Iterator[int],
    ) -> Any:  # noqa: ANN401
        if isinstance(value, (tuple, list)):
            held: list[Any] = [self._form_of(each, given, number, positions) for each in value]
            return type(value)(held)
        if not isinstance(value, torch.Tensor):
            return value
        same = next((i for i, each in enumerate(given) if each is value), None)
        if same is not None:
            return _Given(same)
        position = next(positions)
        self._alive[number, position] = weakref.ref(value)
        return _Made(position, tuple(value.shape), value.dtype)


@dataclass(frozen=True)
class _Given:
    """A result that is one of the operator's own inputs, as in place."""

    position: int


@dataclass(frozen=True)
class _Made:
    """A result that is a new tensor."""

    position: int
    shape: tuple[int, ...]
    dtype: torch.dtype


def _arguments(call: Call) -> list[Tensor]:
    return list(_tensors((*call.args, *call.kwargs.values())))


def _tensors(values: Any) -> Iterator[Tensor]:  # noqa: ANN401 - arguments
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)
