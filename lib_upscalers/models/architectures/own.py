"""Enter our own architectures, which spandrel lacks, into a registry of spandrel's kind."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from spandrel import ArchSupport

# Modules of this package, each with ID, detect and load; espcn is the example.
OWN = ("espcn",)


def supports(spandrel: ModuleType) -> list[ArchSupport]:
    """Return our own architectures.

    Args:
        spandrel: The spandrel that they are made for: there may be two in the process.
    """
    from lib_upscalers.models.architectures.fused_span import fused_span

    made = [_support(spandrel, import_module(f"{__package__}.{name}")) for name in OWN]
    # It is built from spandrel's own SPAN, and has its name.
    return [*made, fused_span(spandrel)]


def _support(spandrel: ModuleType, module: ModuleType) -> ArchSupport:
    def load(self: object, state_dict: Mapping[str, Any]) -> object:
        model, about = module.load(state_dict)
        return spandrel.ImageModelDescriptor(model, dict(state_dict), architecture=self, **about)

    kind: Any = type(module.ID, (spandrel.Architecture,), {"load": load})
    made: ArchSupport = spandrel.ArchSupport.from_architecture(
        kind(id=module.ID, detect=module.detect)
    )
    return made
