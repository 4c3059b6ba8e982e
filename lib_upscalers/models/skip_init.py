"""Watch the layers that are made: skip their initialisation, which loading overwrites."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch.nn.modules import module as torch_module

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch.nn import Module, Parameter

_RESET = "reset_parameters"
# Torch goes through this table for every parameter. While another thread is in it, a hook may come
# and go if it is the only one, for Python lets no other thread in before the first of them.
_TABLE = "_global_parameter_registration_hooks"
_ALONE = threading.Lock()


@contextmanager
def skip_init() -> Generator[None, None, None]:
    """Make the layers of this thread without random numbers inside the block.

    To draw them is most of the time that building a network takes. A hook of torch gets every
    parameter of a layer before the layer resets it; the hook gives this layer, and no other, a
    reset that does nothing. Layers of other threads are left alone, and afterwards torch and the
    layers are as before. If another program has such a hook, layers are initialised.
    """
    here = threading.get_ident()
    layers: list[Module] = []

    def hook(layer: Module, _name: str, _parameter: Parameter) -> None:
        # Only torch's own layers are known to do nothing in a reset but fill their parameters.
        if threading.get_ident() != here or not type(layer).__module__.startswith("torch.nn."):
            return
        if hasattr(layer, _RESET) and _RESET not in vars(layer):
            vars(layer)[_RESET] = _nothing
            layers.append(layer)

    with _ALONE:
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


def _nothing() -> None:
    pass
