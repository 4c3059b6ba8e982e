"""Enter our own architectures, which spandrel lacks, into a registry of spandrel's kind."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from spandrel import ArchSupport

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
    def load(self: object, state_dict: Mapping[str, Any]) -> object:
        model, about = module.load(state_dict)
        return spandrel.ImageModelDescriptor(
            model,
            model.state_dict(),
            architecture=self,
            purpose="Restoration" if about.scale == 1 else "SR",
            tags=list(about.tags),
            supports_half=True,
            supports_bfloat16=True,
            scale=about.scale,
            input_channels=about.takes,
            output_channels=about.gives,
            size_requirements=spandrel.SizeRequirements(about.minimum, about.multiple_of),
        )

    kind: Any = type(module.ID, (spandrel.Architecture,), {"load": load})
    architecture = kind(id=module.ID, detect=_detection(spandrel, module))
    made: ArchSupport = spandrel.ArchSupport.from_architecture(
        architecture, before=getattr(module, "BEFORE", ())
    )
    return made


def _detection(spandrel: ModuleType, module: ModuleType) -> Any:  # noqa: ANN401
    """Return what an architecture is known by: names of layers, where they are enough."""
    if not hasattr(module, "LAYERS"):
        return module.detect
    condition = import_module(f"{spandrel.__name__}.util").KeyCondition
    return condition.has_any(*(condition.has_all(*names) for names in module.LAYERS))
