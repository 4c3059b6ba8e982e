"""Make the entry of an architecture for spandrel, and the descriptors of its networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import ModuleType

    from spandrel import ArchSupport
    from torch.nn import Module

    from lib_upscalers.models.architectures.description import Description

    Loaded = tuple[Module, Mapping[str, Any], Description]


def support_of(
    spandrel: ModuleType,
    identity: str,
    detect: Any,  # noqa: ANN401 - a function or spandrel's KeyCondition
    load: Callable[[dict[str, Any]], Loaded],
    *,
    name: str | None = None,
    before: Collection[str] = (),
) -> ArchSupport:
    """Return the support for an architecture.

    Args:
        spandrel: The spandrel that it is made for: there may be two in the process.
        identity: The architecture's ID.
        detect: Whether a state dict is of it.
        load: Returns the network for a state dict, the state dict to load into it, and its facts.
        name: What it is called; None: its ID.
        before: IDs of architectures that it is looked for before.
    """

    def describe(self: object, state_dict: dict[str, Any]) -> object:
        model, state, about = load(state_dict)
        return spandrel.ImageModelDescriptor(
            model,
            state,
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

    kind: Any = type(identity, (spandrel.Architecture,), {"load": describe})
    architecture = kind(id=identity, name=name or identity, detect=detect)
    made: ArchSupport = spandrel.ArchSupport.from_architecture(architecture, before=before)
    return made
