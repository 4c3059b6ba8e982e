"""Counting the tensors that are alive, on any device."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class LiveMemory(TorchDispatchMode):
    """While it is entered, every tensor that an operator makes counts until its memory is freed.

    Attributes:
        peak: Bytes alive at once at the worst moment.
        largest: Bytes of the largest single tensor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self.largest = 0
        self._alive = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - torch's protocol
        """Run the operator and count what it made."""
        result = func(*args, **(kwargs or {}))
        inputs = {
            leaf.untyped_storage().data_ptr()
            for leaf in tree_leaves((args, kwargs))
            if isinstance(leaf, torch.Tensor)
        }
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage(), inputs)
        return result

    def _count(self, storage: torch.UntypedStorage, inputs: set[int]) -> None:
        name = storage.data_ptr()
        if name in self._known or name in inputs:
            return
        size = storage.nbytes()
        self._known.add(name)
        self._alive += size
        self.peak = max(self.peak, self._alive)
        self.largest = max(self.largest, size)
        weakref.finalize(storage, self._forget, name, size)

    def _forget(self, name: int, size: int) -> None:
        self._known.discard(name)
        self._alive -= size
