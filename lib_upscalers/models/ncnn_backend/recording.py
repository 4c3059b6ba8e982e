"""Record the operators of a network's forward as a list, in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What gives the same numbers in the same shape.
_SILENT = ("alias", "clone", "contiguous", "detach", "lift_fresh", "to", "_to_copy")
# Operators that change their first argument, by the name of those that do not.
_IN_PLACE = "_"


class NotRecordableError(Exception):
    """A network does what cannot be stated; the text is the operator's name."""


@dataclass(frozen=True)
class Flowing:
    """A tensor that depends on the picture, by the number of what made it.

    Attributes:
        number: 0 is the picture.
        shape: (N, C, H, W) in the forward that was recorded.
    """

    number: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """One operator.

    Attributes:
        name: Its name in torch, without "_" at the end where it works in place.
        args: Its arguments; `Flowing` in place of tensors that depend on the picture.
        kwargs: Its named arguments, likewise.
        result: What it makes.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Flowing


@dataclass(frozen=True)
class Recording:
    """What a network does to a picture.

    Attributes:
        picture: What it takes.
        operations: In order.
        result: What it gives.
    """

    picture: Flowing
    operations: tuple[Operation, ...]
    result: Flowing


def record(network: Callable[[torch.Tensor], torch.Tensor], picture: torch.Tensor) -> Recording:
    """Run a network once and record it.

    Args:
        network: From a tensor (1, C, H, W) to a tensor (1, D, H', W').
        picture: What it runs on.

    Raises:
        NotRecordableError: It has several results, works on views, or reduces the picture.
    """
    with torch.inference_mode(mode=False), torch.no_grad():
        own = picture.clone()
        recorder = _Recorder(own)
        with recorder:
            result = network(own)
    return Recording(recorder.picture, tuple(recorder.operations), recorder.known(result))


class _Recorder(TorchDispatchMode):
    """Records while it is entered."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Without it newer torches load their compiler (140 MB, seconds) only to skip it.
        return False

    def __init__(self, picture: torch.Tensor) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self._flowing: dict[int, Flowing] = {}
        # So that no tensor gets the identity of one that is gone.
        self._alive: list[torch.Tensor] = []
        self.picture = self._add(picture)

    def known(self, tensor: object) -> Flowing:
        """Return what a tensor is.

        Raises:
            NotRecordableError: It does not depend on the picture, or not in a known way.
        """
        found = self._flowing.get(id(tensor))
        if found is None:
            raise NotRecordableError("result")
        return found

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - torch's protocol
        """Run an operator and record it."""
        result = func(*args, **(kwargs or {}))
        name: str = getattr(func, "overloadpacket", func).__name__
        noted = [self._noted(each) for each in args]
        named = {key: self._noted(value) for key, value in (kwargs or {}).items()}
        if any(_flows(each) for each in (*noted, *named.values())):
            self._note(name, tuple(noted), named, args, result)
        return result

    def _note(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: Sequence[object],
        result: object,
    ) -> None:
        if not isinstance(result, torch.Tensor):
            raise NotRecordableError(name)
        if name in _SILENT and result.shape == args[0].shape:
            self._flowing[id(result)] = args[0]
            self._alive.append(result)
            return
        in_place = name.endswith(_IN_PLACE) and result is tensors[0]
        if not in_place and _is_view(result, tensors):
            raise NotRecordableError(name)
        plain = name.removesuffix(_IN_PLACE) if in_place else name
        self.operations.append(Operation(plain, args, kwargs, self._add(result)))

    def _add(self, tensor: torch.Tensor) -> Flowing:
        added = Flowing(len(self.operations) + bool(self._alive), tuple(tensor.shape))
        self._flowing[id(tensor)] = added
        self._alive.append(tensor)
        return added

    def _noted(self, value: Any) -> Any:  # noqa: ANN401 - arguments of operators
        if isinstance(value, torch.Tensor):
            return self._flowing.get(id(value), value)
        if isinstance(value, (list, tuple)):
            return [self._noted(each) for each in value]
        return value


def _is_view(result: torch.Tensor, tensors: Sequence[object]) -> bool:
    place = result.untyped_storage().data_ptr()
    held = (each for each in tensors if isinstance(each, torch.Tensor))
    return any(each.untyped_storage().data_ptr() == place for each in held)


def _flows(value: object) -> bool:
    return isinstance(value, Flowing) or (
        isinstance(value, list) and any(isinstance(each, Flowing) for each in value)
    )
