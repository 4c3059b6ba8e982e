"""Recognise architectures by spandrel; all other modules reach spandrel through this one.

A network architecture that spandrel lacks is one file in this package, named in `own.OWN`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.models.architectures import own, private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any

    from spandrel import ArchRegistry, ArchSupport


def spandrel_module() -> ModuleType:
    """Return the spandrel that this library uses."""
    return private.load()[0]


def spandrel_version() -> str:
    """Return its version, such as ``"0.4.2"``."""
    return str(spandrel_module().__version__)


def registry() -> ArchRegistry:
    """Return a new registry: spandrel's architectures, ours, and the extra ones if installed.

    The host may use spandrel too, so its registry is copied and never changed.
    """
    copied: ArchRegistry = spandrel_module().MAIN_REGISTRY.copy()
    ours = own.supports(spandrel_module())
    copied.add(*(each for each in ours if each.architecture.id not in copied))
    extra = private.load()[1]
    if extra is None:
        return copied
    missing = [each for each in extra.EXTRA_REGISTRY if each.architecture.id not in copied]
    copied.add(*missing)
    return copied


def detect(state: Mapping[str, Any], known: ArchRegistry) -> ArchSupport | None:
    """Return the architecture that a state dict belongs to; None if it is unknown.

    Args:
        state: Names to tensors, without a prefix that all have in common.
        known: The architectures to choose from.
    """
    # spandrel's hint is dict, but it only reads.
    names: Any = state
    return next((each for each in known.architectures("detection") if each.detect(names)), None)
