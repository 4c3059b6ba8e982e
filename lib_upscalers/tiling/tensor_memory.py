"""Count the memory of live tensors, on any device."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import TYPE_CHECKING

import torch
from torch.utils._pytree import tree_flatten

from lib_upscalers.tiling.watch import OperatorWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lib_upscalers.tiling.reductions import Call


class LiveMemory(OperatorWatch):
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

    def visit(self, name: str, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Run the operator and count what it made."""
        del name
        result = run(*call.args, **call.kwargs)
        inputs = {
            leaf.untyped_storage().data_ptr()
            for leaf in tree_flatten((call.args, call.kwargs))[0]
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
