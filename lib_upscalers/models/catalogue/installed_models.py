"""The networks that are installed: what the catalogue knows of them, and their removal."""

from __future__ import annotations

import importlib
import logging
import os
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import InputError, OutputError, UpscalerError
from lib_upscalers.models.catalogue.model_marks import Mark
from lib_upscalers.models.entry import files_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lib_upscalers.models.catalogue.model_marks import ModelMarks
    from lib_upscalers.models.catalogue.schema import Catalogue, CatalogueFile, CatalogueModel
    from lib_upscalers.models.entry import ModelEntry
    from lib_upscalers.models.file_hashes import FileHashes
    from lib_upscalers.models.usage import Usage, UsageLog

_log = logging.getLogger("lib_upscalers")


@dataclass(frozen=True)
class InstalledModel:
    """A network in one of the folders.

    Attributes:
        entry: Its file and traits.
        sha256: The hash of its file; None: not computed yet.
        model: Its entry in the catalogue, found by the hash; None: it has none, or that is not
            known yet.
        file: Which of the entry's files it is, or was made from.
        mark: What the user says of it.
        usage: Its last use; None: none is known.
    """

    entry: ModelEntry
    sha256: str | None
    model: CatalogueModel | None
    file: CatalogueFile | None
    mark: Mark
    usage: Usage | None = None

    @property
    def licence(self) -> str | None:
        """The licence, of the file or of the catalogue."""
        return self.entry.licence or (self.model.licence if self.model else None)


def installed_models(
    entries: Iterable[ModelEntry],
    hashes: FileHashes,
    marks: ModelMarks,
    usage: UsageLog,
    catalogue: Catalogue | None,
) -> list[InstalledModel]:
    """Return what is known of networks, favourites first; nothing is read but what is stored."""
    marked, used = marks.all(), usage.all()
    found: list[InstalledModel] = []
    for entry in entries:
        key = str(entry.path.resolve())
        mark = marked.get(key, Mark())
        found.append(_installed(entry, hashes, mark, used.get(key), catalogue))
    return sorted(found, key=lambda each: not each.mark.favourite)


def _installed(
    entry: ModelEntry,
    hashes: FileHashes,
    mark: Mark,
    usage: Usage | None,
    catalogue: Catalogue | None,
) -> InstalledModel:
    digest = hashes.known(entry.path)
    match = None
    if catalogue is not None:
        known = (each for each in (digest, mark.source_sha256) if each)
        match = next((hit for each in known if (hit := catalogue.find_hash(each))), None)
    model, file = match or (None, None)
    return InstalledModel(entry, digest, model, file, mark, usage)


def precision_of(path: Path) -> str:
    """Return the type that most weights of a network have, such as "fp16"; "" if unknown."""
    from lib_upscalers.models.reading import SUFFIXES, read_state
    from lib_upscalers.models.wrapping import unwrap

    if path.suffix.lower() not in SUFFIXES:
        return ""
    try:
        held: dict[Any, Any] = unwrap(read_state(path, values=False))
    except UpscalerError:
        return ""
    counts: Counter[str] = Counter()
    for value in held.values():
        if hasattr(value, "numel"):
            counts[str(value.dtype).removeprefix("torch.")] += int(value.numel())
    names = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
    most = counts.most_common(1)
    return names.get(most[0][0], most[0][0]) if most else ""


def has_trash() -> bool:
    """Return whether files can be moved to the system's trash: the package send2trash does it."""
    return find_spec("send2trash") is not None


def remove_model(entry: ModelEntry, folders: Sequence[Path], *, permanently: bool = False) -> str:
    """Delete a network's files; return where they are now, in a few words.

    Args:
        entry: The network.
        folders: The user's; nothing outside of them is deleted.
        permanently: Whether they may be deleted for good.

    Raises:
        InputError: It is built in, lies elsewhere, or there is no trash and `permanently` is False.
        OutputError: The system refuses it.
    """
    path = entry.path
    inside = any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)
    if entry.built_in or not inside:
        raise InputError(
            f"Expected a network in one of your folders, but {entry.name} is "
            f"{'built in' if entry.built_in else 'elsewhere'}: it is not deleted."
        )
    if not permanently and not has_trash():
        raise InputError(
            "Expected the package send2trash, which moves files to the trash, but it is not "
            "installed: run pip install send2trash, or ask for the file to be deleted for good."
        )
    try:
        for file in files_of(path):
            if permanently:
                file.unlink()
            else:
                _to_trash(file)
    except Exception as error:
        raise OutputError(
            f"Expected to delete {path.name}, but the system refuses it ({error}): close programs "
            "that use it, or delete it yourself."
        ) from error
    _log.info("%s was deleted", path)
    return "deleted for good" if permanently else "in the trash"


def _to_trash(path: Path) -> None:
    importlib.import_module("send2trash").send2trash(os.fspath(path))
