"""Install a network file: check it, load it safely, try it, convert it, and only then name it."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError, UnsafeModelError, UpscalerError
from lib_upscalers.file_writing import write_text, writing
from lib_upscalers.models.catalogue.conversion import (
    check_same_network,
    convert,
    is_pickle,
    probe_batch,
)
from lib_upscalers.models.catalogue.safe_names import safe_stem
from lib_upscalers.models.catalogue.support import is_same_architecture
from lib_upscalers.models.catalogue.transfer import check_file
from lib_upscalers.models.checksum import sha256_of
from lib_upscalers.models.loader import load_network
from lib_upscalers.models.reading import NETWORK_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lib_upscalers.models.catalogue.schema import CatalogueFile, CatalogueModel
    from lib_upscalers.network import NetworkTraits

_log = logging.getLogger("lib_upscalers")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class CatalogueOrigin:
    """What the catalogue says of a file.

    Attributes:
        model: The network.
        file: Which of its files.
    """

    model: CatalogueModel
    file: CatalogueFile


@dataclass(frozen=True)
class Installed:
    """A network that was installed.

    Attributes:
        path: Its file.
        sha256: Of that file.
        source_sha256: Of the file that it was made from; the same where it was not converted.
        checked: Whether the source's hash is the one that the catalogue has. False: the catalogue
            has none, or does not know the file; then its SHA-256 is *missing*, not passed.
        converted: Whether it was converted to .safetensors.
        notes: What differs from the catalogue, in sentences.
        traits: What the network is.
    """

    path: Path
    sha256: str
    source_sha256: str
    checked: bool
    converted: bool
    notes: tuple[str, ...]
    traits: NetworkTraits


@dataclass(frozen=True)
class Installer:
    """Installs files.

    Attributes:
        quarantine: The folder for files that are refused as dangerous. Nothing there has the ending
            of a network.
        convert: Whether pickles are stored as .safetensors.
    """

    quarantine: Path
    convert: bool = True

    def install(
        self, source: Path, folder: Path, name: str, origin: CatalogueOrigin | None
    ) -> Installed:
        """Install a file; it stays where it is, but for a dangerous one.

        Args:
            source: The file; its ending is that of a network.
            folder: Where it belongs.
            name: What to call it, such as the catalogue's id; made safe here.
            origin: What it should be; None: it is in no catalogue.

        Raises:
            WrongHashError: It is not the catalogue's file; nothing is stored.
            UnsafeModelError: It is a pickle that asks for more than tensors. It was not run, and is
                in quarantine.
            ModelError: It is no network that runs here.
            AlreadyExistsError: There is another file of that name.
            OutputError: It cannot be written.
        """
        digest = _digest(source)
        if origin is not None:
            problem = check_file(origin.file, source.stat().st_size, digest, str(source))
            if problem is not None:
                raise problem
        checked = origin is not None and origin.file.sha256 is not None
        traits = self._try(source, digest)
        notes = () if origin is None else tuple(differences(origin.model, traits))
        # A pickle that nobody vouches for is stored as weights only.
        converted = is_pickle(source) and (self.convert or not checked)
        suffix = ".safetensors" if converted else source.suffix.lower()
        target = folder / f"{safe_stem(name)}{suffix}"
        if converted:
            stored = self._convert(source, target)
        else:
            stored = digest
            if not _is_there(target, digest):
                _copy(source, target, digest)
        return Installed(target, stored, digest, checked, converted, notes, traits)

    def _convert(self, source: Path, target: Path) -> str:
        if target.is_file():
            with suppress(UpscalerError):
                check_same_network(source, target)
                return sha256_of(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        return convert(source, target)

    def _try(self, source: Path, digest: str) -> NetworkTraits:
        """Load a file by the restricted loader, and run it on a few pixels."""
        try:
            return try_network(source)
        except UnsafeModelError as error:
            place = self._set_aside(source, digest, str(error))
            raise UnsafeModelError(
                f"{error} It was not run. It is in quarantine now: {place}."
            ) from error

    def _set_aside(self, source: Path, digest: str, reason: str) -> Path:
        place = self.quarantine / f"{digest}.quarantined"
        if not _is_there(place, digest):
            _copy(source, place, digest)
        note = json.dumps({"was": source.name, "reason": reason}, indent=1)
        write_text(place.with_suffix(".json"), note, overwrite=True)
        with suppress(OSError):
            source.unlink()
        _log.warning("%s was put into quarantine: %s", source.name, reason)
        return place


def try_network(path: Path) -> NetworkTraits:
    """Return what a network is, after it was loaded and has enlarged a few pixels on the CPU.

    Raises:
        ModelError: It is no network that runs here; the text says why.
    """
    import torch

    if path.suffix.lower() not in NETWORK_SUFFIXES:
        raise ModelFileError(
            f"Expected a network file, one of {', '.join(NETWORK_SUFFIXES)}, but got "
            f"{path.name[:100]!r}: choose another file."
        )
    network = load_network(path)
    traits = network.traits
    batch = probe_batch(traits.channels, traits.minimum, traits.multiple_of)
    try:
        with torch.no_grad():
            result = network(batch)
    except (RuntimeError, ValueError, TypeError, LookupError, AssertionError) as error:
        raise ModelFileError(
            f"Expected {path.name[:100]!r} to enlarge a few pixels, but it fails "
            f"({str(error)[:100]}): choose another file."
        ) from error
    height, width = (side * traits.scale for side in batch.shape[-2:])
    if result.shape[-2:] != (height, width) or not torch.isfinite(result).all():
        raise ModelFileError(
            f"Expected {path.name[:100]!r} to enlarge a few pixels {traits.scale} times, but the "
            "result has another size or is no picture: choose another file."
        )
    return traits


def differences(model: CatalogueModel, traits: NetworkTraits) -> list[str]:
    """Return what the catalogue says otherwise than the file, in sentences."""
    found: list[str] = []
    names = (model.architecture, model.architecture_name)
    if not any(is_same_architecture(name, traits.architecture) for name in names):
        found.append(
            f"The catalogue calls the architecture {model.architecture_name}; the file is "
            f"{traits.architecture}."
        )
    if model.scale != traits.scale:
        found.append(f"The catalogue says {model.scale}x; the file enlarges {traits.scale}x.")
    channels = traits.channels, traits.result_channels
    if (model.input_channels, model.output_channels) != channels:
        found.append(
            f"The catalogue says {model.input_channels} to {model.output_channels} channels; the "
            f"file has {channels[0]} to {channels[1]}."
        )
    return found


def target_folder(folders: Sequence[Path], architecture: str) -> Path:
    """Return the folder in which a network belongs: that of its architecture, where there is one.

    Args:
        folders: The host's, of which the last is our own outside any WebUI.
        architecture: As its file says.
    """
    there = {folder.name.casefold(): folder for folder in reversed(folders) if folder.is_dir()}
    for name in (architecture, "ESRGAN"):
        found = there.get(name.casefold())
        if found is not None:
            return found
    return folders[-1]


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise ModelFileError(
            f"Expected a network file that can be read, but {str(path)!r} cannot "
            f"({error.strerror or error}): choose another."
        ) from error


def _is_there(path: Path, digest: str) -> bool:
    try:
        return path.is_file() and sha256_of(path) == digest
    except OSError:
        return False


def _copy(source: Path, target: Path, digest: str) -> None:
    """Copy a file; it gets its name only if what was written is what was checked."""
    import hashlib

    copied = hashlib.sha256()
    size = source.stat().st_size
    with (
        source.open("rb") as read,
        writing(target, overwrite=False, size=size, make_folders=True) as stream,
    ):
        while chunk := read.read(_CHUNK):
            copied.update(chunk)
            stream.write(chunk)
        if copied.hexdigest() != digest:
            raise ModelFileError(
                f"Expected {source.name[:100]!r} to stay as it was while it was copied, but it was "
                "changed: try again."
            )
