"""Skip the initialisation of new layers, which loading overwrites."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch.nn.modules import module as torch_module

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch.nn import Module, Parameter

_RESET = "reset_parameters"
# Torch loops over this table for every parameter. While another thread loops, a hook may be added
# and removed if it is the only one, because Python switches no thread before the first of them.
_TABLE = "_global_parameter_registration_hooks"
_ONE_HOOK = threading.Lock()


@contextmanager
def skip_init() -> Generator[None, None, None]:
    """Create layers without random numbers, in this thread and inside the block.

    Drawing random numbers is most of the time of building a network. A hook of torch gets every
    parameter of a layer before the layer resets it; the hook gives this layer, and no other, a
    reset that does nothing. Layers of other threads are not affected, and afterwards torch and the
    layers are as before. If another program has such a hook, layers are initialised.
    """
    here = threading.get_ident()
    layers: list[Module] = []

    def hook(layer: Module, _name: str, _parameter: Parameter) -> None:
        # Only of torch's own layers it is certain that a reset does nothing but fill parameters.
        if threading.get_ident() != here or not type(layer).__module__.startswith("torch.nn."):
            return
        if hasattr(layer, _RESET) and _RESET not in vars(layer):
            vars(layer)[_RESET] = _do_nothing
            layers.append(layer)

    with _ONE_HOOK:
        if getattr(torch_module, _TABLE, True):
            yield
            return
        handle = torch_module.register_module_parameter_registration_hook(hook)
        try:
            yield
        finally:
            handle.remove()
            for layer in layers:
                vars(layer).pop(_RESET, None)


def _do_nothing() -> None:
    pass
