"""Making layers without the random numbers that loading them overwrites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import Parameter, init
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class Unfilled(TorchFunctionMode):
    """Within this context, parameters that this thread makes are not filled with random numbers.

    To draw them is most of the time that building a network takes. Torch asks the innermost mode
    of a thread before it fills a parameter; nothing of torch is changed, and other threads and
    tensors that are no parameters never notice.
    """

    def __init__(self) -> None:
        super().__init__()
        # Looked up now, for whoever has put something else in their place wants that called.
        self._filling = {
            *(init.uniform_, init.normal_, init.kaiming_uniform_),
            *(torch.Tensor.uniform_, torch.Tensor.normal_),
        }

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Do what `func` does, but for filling a parameter."""
        del types
        given = kwargs or {}
        if func in self._filling:
            filled = args[0] if args else given.get("tensor")
            if isinstance(filled, Parameter):
                return filled
        return func(*args, **given)
