"""Enter our own architectures, which spandrel lacks, into a registry of spandrel's kind."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.architectures.spandrel_support import support_of

if TYPE_CHECKING:
    from types import ModuleType

    from spandrel import ArchSupport

    from lib_upscalers.models.architectures.spandrel_support import Loaded

# Modules of this package, each with ID, `load`, and LAYERS or `detect`; espcn is the example.
OWN = (
    "espcn",
    "spanplus",
    "spanf3",
    "spanf",
    "rtmosr",
    "artcnn",
    "dis",
    "upconv7",
    "cunet",
    "gaterv3",
    "esc",
    "figsr",
)


def supports(spandrel: ModuleType) -> list[ArchSupport]:
    """Return our own architectures.

    Args:
        spandrel: The spandrel that they are made for: there may be two in the process.
    """
    from lib_upscalers.models.architectures.fused_span import fused_span
    from lib_upscalers.models.architectures.to_grey import grey_compact, grey_span

    made = [_support(spandrel, import_module(f"{__package__}.{name}")) for name in OWN]
    # They are built from spandrel's own SPAN and Compact, and have their names.
    return [*made, fused_span(spandrel), grey_compact(spandrel), grey_span(spandrel)]


def _support(spandrel: ModuleType, module: ModuleType) -> ArchSupport:
    def load(state: dict[str, Any]) -> Loaded:
        model, about = module.load(state)
        return model, model.state_dict(), about

    before = getattr(module, "BEFORE", ())
    return support_of(spandrel, module.ID, _detection(spandrel, module), load, before=before)


def _detection(spandrel: ModuleType, module: ModuleType) -> Any:  # noqa: ANN401
    """Return what an architecture is known by: names of layers, where they are enough."""
    if not hasattr(module, "LAYERS"):
        return module.detect
    condition = import_module(f"{spandrel.__name__}.util").KeyCondition
    return condition.has_any(*(condition.has_all(*names) for names in module.LAYERS))
