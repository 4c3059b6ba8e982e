"""The list of upscalers: built-in networks, the user's networks, kernels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lib_upscalers.errors import UnknownNameError
from lib_upscalers.models.reading import NETWORK_SUFFIXES
from lib_upscalers.registry import unknown_name
from lib_upscalers.resampling.kernels import KERNELS

if TYPE_CHECKING:
    from lib_upscalers.host import Host
    from lib_upscalers.models.entry import ModelEntry
    from lib_upscalers.models.file_cache import Facts


@dataclass(frozen=True)
class Choice:
    """One upscaler.

    Attributes:
        name: Its name in every menu.
        kind: A kernel that interpolates pixels, or a neural network.
        scale: By how much it enlarges at once; None for a kernel, which does any scale.
        architecture: The network's architecture, or "interpolation".
        size_bytes: The size of the network's file.
        licence: The network's licence, where it is known.
        entry: The network's entry; None for a kernel.
    """

    name: str
    kind: Literal["pixel", "network"]
    scale: int | None = None
    architecture: str = "interpolation"
    size_bytes: int | None = None
    licence: str | None = None
    entry: ModelEntry | None = None

    @property
    def path(self) -> Path | None:
        """The network's file; None for a kernel."""
        return None if self.entry is None else self.entry.path


def list_choices(host: Host, facts: Facts, *, hidden: bool = True) -> list[Choice]:
    """Return all upscalers: the built-in networks, those in the host's folders, the kernels.

    Args:
        host: Whose folders.
        facts: The cache of facts about files, which makes searching a folder cheap.
        hidden: Whether networks that the user has hidden are listed, too.
    """
    from lib_upscalers.models.catalogue.model_marks import Mark, ModelMarks
    from lib_upscalers.models.folders import built_in_entries, scan

    built_in = built_in_entries(facts)
    taken = {*KERNELS, *(entry.name for entry in built_in)}
    scanned = scan(
        host.model_folders(),
        facts,
        taken=taken,
        known=host.known_files(),
        known_names=host.known_names(),
    )
    marks = ModelMarks(host.data_folder()).all()
    networks = [*built_in, *scanned]
    if marks:
        marked = {entry.path: marks.get(str(entry.path.resolve()), Mark()) for entry in networks}
        networks = [each for each in networks if hidden or not marked[each.path].hidden]
        networks.sort(key=lambda each: not marked[each.path].favourite)
    kernels = [Choice(name, "pixel") for name in KERNELS]
    return [*(network_choice(entry) for entry in networks), *kernels]


def find_choice(name_or_path: str, host: Host, facts: Facts) -> Choice:
    """Return the upscaler of that name, or the network in that file.

    Args:
        name_or_path: The name of an upscaler, or the path of a network file.
        host: Whose folders.
        facts: The cache of facts about files.

    Raises:
        UnknownNameError: There is none; the text suggests the nearest names.
        ModelError: The file is there but is no network that can be used.
    """
    if name_or_path in KERNELS:
        return Choice(name_or_path, "pixel")
    choices = list_choices(host, facts)
    for choice in choices:
        if choice.name == name_or_path:
            return choice
    if _exists(name_or_path):
        from lib_upscalers.models.folders import resolve_path

        return network_choice(resolve_path(Path(name_or_path), facts))
    if name_or_path.lower().endswith(NETWORK_SUFFIXES):
        raise UnknownNameError(
            f"Expected a network file, but there is no file {name_or_path}: check its path."
        )
    folded = name_or_path.casefold()
    alike = [choice for choice in choices if choice.name.casefold() == folded]
    if len(alike) == 1:
        return alike[0]
    raise unknown_name("an upscaler", name_or_path, [choice.name for choice in choices])


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # The name is too long for a path, or cannot be one.
        return False


def network_choice(entry: ModelEntry) -> Choice:
    """Return the choice for a network."""
    traits = entry.traits
    return Choice(
        name=entry.name,
        kind="network",
        scale=traits.scale,
        architecture=traits.architecture,
        size_bytes=entry.size_bytes,
        licence=entry.licence,
        entry=entry,
    )
