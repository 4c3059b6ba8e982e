"""Building a network from its weights without the work that loading them undoes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Any

    from spandrel import Architecture, ModelDescriptor
    from torch.nn import Module, Parameter

_RESET = "reset_parameters"


def build(architecture: Architecture[Module], state: Mapping[str, Any]) -> ModelDescriptor:
    """Return what ``architecture.load(state)`` returns, to the last bit, in less time.

    Args:
        architecture: The one that `state` belongs to.
        state: Names to tensors; they are copied.

    Raises:
        Exception: Whatever the architecture raises if `state` does not fit it.
    """
    import torch

    # A network that is made in inference mode could never be used outside of it.
    with torch.inference_mode(mode=False), torch.no_grad(), _unfilled().entered():
        # The architecture may take entries out.
        return architecture.load(dict(state))


class _Unfilled:
    """Layers that a thread makes while it is entered are not filled with random numbers.

    Loading is strict, it sets every parameter, so the numbers would be thrown away; to draw
    them is most of the time that building a network takes. Torch tells its hooks of every
    parameter that a layer gets, before the layer resets it: then the layer, and no other, is
    given a way to reset that does nothing. Other threads' layers are left alone.

    The hook stays, for torch's table of hooks must not change while another thread is in it.
    """

    def __init__(self) -> None:
        from torch.nn.modules.module import register_module_parameter_registration_hook

        self._here = threading.local()
        register_module_parameter_registration_hook(self._hook)

    @contextmanager
    def entered(self) -> Generator[None, None, None]:
        """Let this thread make its layers so, and give them back what they lack in the end."""
        before = getattr(self._here, "layers", None)
        layers: list[Module] = []
        self._here.layers = layers
        try:
            yield
        finally:
            self._here.layers = before
            for layer in layers:
                vars(layer).pop(_RESET, None)

    def _hook(self, layer: Module, _name: str, _parameter: Parameter) -> None:
        layers: list[Module] | None = getattr(self._here, "layers", None)
        # Torch's own layers fill their parameters and do nothing else; of others nobody knows.
        if layers is None or not type(layer).__module__.startswith("torch.nn.modules."):
            return
        if hasattr(layer, _RESET) and _RESET not in vars(layer):
            vars(layer)[_RESET] = _nothing
            layers.append(layer)


def _nothing() -> None:
    pass


@cache
def _unfilled() -> _Unfilled:
    return _Unfilled()
