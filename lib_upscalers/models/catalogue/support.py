"""Networks of the catalogue that run here, and the reasons why others do not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lib_upscalers.models.architectures import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lib_upscalers.models.catalogue.schema import CatalogueModel

# What the catalogue calls an architecture -> what spandrel calls it.
_SAME: Mapping[str, str] = {
    "cugan": "realcugan",
    "realesrgan": "esrgan",
    "realesrgancompact": "compact",
    "srvggnet": "compact",
    "esrganplus": "esrgan",
    "realplksr": "plksr",
    "realplksrdysample": "plksr",
    "dat2": "dat",
    "hatl": "hat",
    "swinirl": "swinir",
    "swinirm": "swinir",
}
_CHANNELS = ((1, 1), (3, 3), (4, 4), (1, 3), (3, 1))
_OTHER_TASKS = ("gfpgan", "restoreformer", "lama", "codeformer", "mat")


def known_architectures() -> frozenset[str]:
    """Return the architectures that are loaded here, as `folded` names. Imports torch."""
    names = (
        folded(name)
        for each in registry()
        for name in (each.architecture.id, each.architecture.name)
    )
    return frozenset(name for name in names if name not in _OTHER_TASKS)


def folded(name: str) -> str:
    """Return a name without what people write differently, under spandrel's name for it."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return _SAME.get(plain, plain)


def is_same_architecture(stated: str, found: str) -> bool:
    """Return whether two names mean one architecture."""
    return folded(stated) == folded(found) or folded(found).endswith(folded(stated))


def problem_of(model: CatalogueModel, known: frozenset[str]) -> str:
    """Return why a network does not run here, in a few words; "" if it does."""
    names = {folded(model.architecture), folded(model.architecture_name)}
    if not names & known:
        return f"the architecture {model.architecture_name} is not known here"
    channels = (model.input_channels, model.output_channels)
    if channels not in _CHANNELS:
        return f"it takes {channels[0]} channels and gives {channels[1]}"
    return ""
