"""Count the memory of live tensors, on any device."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import TYPE_CHECKING

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class LiveMemory(TorchDispatchMode):
    """While it is entered, counts every tensor that an operator makes until its memory is freed.

    Attributes:
        peak: Bytes alive at once at the worst moment.
        largest: Bytes of the largest single tensor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self.largest = 0
        self._sizes: dict[int, int] = {}
        self._holders: Counter[int] = Counter()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Without it newer torches load their compiler (140 MB, seconds) only to skip it.
        return False

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
            for leaf in tree_flatten((args, kwargs))[0]
            if isinstance(leaf, torch.Tensor)
        }
        for leaf in tree_flatten(result)[0]:
            if isinstance(leaf, torch.Tensor):
                self._count(leaf, inputs)
        return result

    def _count(self, tensor: torch.Tensor, inputs: set[int]) -> None:
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        if address in inputs and address not in self._sizes:
            return
        # Torch 2.1 does not finalize storages, but every torch finalizes tensors.
        self._holders[address] += 1
        weakref.finalize(tensor, self._forget, address)
        self._sizes[address] = storage.nbytes()
        self.peak = max(self.peak, sum(self._sizes.values()))
        self.largest = max(self.largest, storage.nbytes())

    def _forget(self, address: int) -> None:
        self._holders[address] -= 1
        if not self._holders[address]:
            self._sizes.pop(address, None)
