"""Model management in one place: look up, get, try, install, identify, mark and remove networks."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lib_upscalers.errors import CatalogueError, InputError, ModelFileError
from lib_upscalers.file_writing import locking
from lib_upscalers.models.catalogue.catalogue_settings import read_settings
from lib_upscalers.models.catalogue.client import CatalogueClient, fetcher_of
from lib_upscalers.models.catalogue.download import Downloader
from lib_upscalers.models.catalogue.extra_hosts import fetch_by_extra
from lib_upscalers.models.catalogue.file_hosts import best_way, way_to
from lib_upscalers.models.catalogue.install import (
    CatalogueOrigin,
    Installed,
    Installer,
    target_folder,
)
from lib_upscalers.models.catalogue.installed_models import (
    InstalledModel,
    installed_models,
    remove_model,
)
from lib_upscalers.models.catalogue.model_marks import ModelMarks
from lib_upscalers.models.catalogue.selection import best_file
from lib_upscalers.models.file_hashes import FileHashes
from lib_upscalers.models.usage import UsageLog
from lib_upscalers.progress import NULL
from lib_upscalers.registry import unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from lib_upscalers.models.catalogue.catalogue_settings import CatalogueSettings
    from lib_upscalers.models.catalogue.fetching import Fetcher
    from lib_upscalers.models.catalogue.schema import CatalogueFile, CatalogueModel
    from lib_upscalers.models.entry import ModelEntry
    from lib_upscalers.progress import Progress

Verdict = Literal["passed", "missing", "wrong"]
_MOST_DOWNLOADS = 2


@dataclass(frozen=True)
class Verification:
    """What a file's SHA-256 says of it.

    Attributes:
        path: The file.
        sha256: Its hash.
        verdict: "passed": the catalogue has this hash. "missing": it has none to compare with.
            "wrong": it has another for the model that was named.
        origin: The model and file that the hash belongs to.
        expected: The catalogue's hashes of the model that was named.
    """

    path: Path
    sha256: str
    verdict: Verdict
    origin: CatalogueOrigin | None = None
    expected: tuple[str, ...] = ()


class ModelLibrary:
    """Installs and manages the networks of a host. Several threads may use it.

    Args:
        data_folder: Where the catalogue, downloads, marks and hashes are stored.
        folders: Returns the host's folders with networks.
        entries: Returns the networks that lie in them.
        settings: How the catalogue is reached; None: as stored in `data_folder`.
        fetcher: Makes what opens addresses.
        hashes: Those of local files; None: as stored in `data_folder`.
    """

    def __init__(
        self,
        data_folder: Path,
        folders: Callable[[], Sequence[Path]],
        entries: Callable[[], Sequence[ModelEntry]],
        settings: Callable[[], CatalogueSettings] | None = None,
        fetcher: Callable[[CatalogueSettings], Fetcher] = fetcher_of,
        hashes: FileHashes | None = None,
    ) -> None:
        self._data = data_folder
        self.folder = data_folder / "catalogue"
        self.folders = folders
        self.entries = entries
        self.settings = settings or self._stored_settings
        self._fetcher = fetcher
        self.client = CatalogueClient(self.folder, self.settings, fetcher)
        self.hashes = hashes or FileHashes(data_folder)
        self.marks = ModelMarks(data_folder)
        self.usage = UsageLog(data_folder)
        self._free = threading.BoundedSemaphore(_MOST_DOWNLOADS)

    def _stored_settings(self) -> CatalogueSettings:
        return read_settings(self._data)

    @property
    def trials(self) -> Path:
        """The folder of networks that are tried before they are kept."""
        return self.folder / "trials"

    def model(self, model_id: str) -> CatalogueModel:
        """Return a model of the catalogue, which is fetched if that did not happen yet.

        Raises:
            CatalogueError: There is no catalogue.
            UnknownNameError: It has no such model.
        """
        state = self.client.load()
        if state.catalogue is None:
            raise CatalogueError(f"Expected a catalogue, but there is none. {state.problem}")
        models = state.catalogue.models
        if model_id in models:
            return models[model_id]
        folded = model_id.casefold()
        alike = [m for m in models.values() if folded in (m.id.casefold(), m.name.casefold())]
        if len(alike) == 1:
            return alike[0]
        raise unknown_name("a model of the catalogue", model_id, models)

    def get(
        self,
        model_id: str,
        progress: Progress = NULL,
        *,
        into: Path | None = None,
        file: CatalogueFile | None = None,
        as_trial: bool = False,
    ) -> Installed:
        """Fetch a model, check it, and install it; uses the network. Two at a time, others wait.

        Args:
            model_id: Its key in the catalogue, or its name where only one has it.
            progress: Gets the bytes; may cancel.
            into: The folder; None: that of its architecture.
            file: Which of its files; None: the best one.
            as_trial: Whether it is put into `trials`, from where `keep` moves it.

        Raises:
            UpscalerError: As `Downloader.get` and `Installer.install`; nothing is left under a
                final name then.
            Cancelled: The user stopped it; what came stays for the next time.
        """
        model = self.model(model_id)
        chosen = file or best_file(model)
        origin = CatalogueOrigin(model, chosen)
        with self._turn(progress):
            path = self._fetch(chosen, progress)
            folder = self.trials if as_trial else into
            done = self._install(path, folder, model.id, origin)
        with suppress(OSError):
            path.unlink()
        return done

    @contextmanager
    def _turn(self, progress: Progress) -> Generator[None, None, None]:
        while not self._free.acquire(timeout=0.2):
            progress.check_cancelled()
        try:
            yield
        finally:
            self._free.release()

    def _fetch(self, file: CatalogueFile, progress: Progress) -> Path:
        settings = self.settings()
        fetcher = self._fetcher(settings)
        downloads = self.folder / "downloads"
        if best_way((file,)) != "extra":
            return Downloader(downloads, fetcher).get(file, progress).path
        address = next(each for each in file.addresses if way_to(each) == "extra")
        fetcher.check_enabled()
        fetcher.rule.check(address)
        key = file.sha256 or "without-hash"
        with locking(downloads / f"{key}.lock"):
            # The installer compares size and hash before it does anything else.
            path = downloads / f"{key}.fetched.{file.kind}"
            fetch_by_extra(address, path, file.size_bytes, progress, settings.proxy)
            return path

    def _install(
        self, path: Path, folder: Path | None, name: str, origin: CatalogueOrigin | None
    ) -> Installed:
        installer = Installer(self.folder / "quarantine", convert=self.settings().convert)
        if folder is None:
            folder = target_folder(self.folders(), _architecture(path, origin))
        done = installer.install(path, folder, name, origin)
        self.hashes.note(done.path, done.sha256)
        if done.converted:
            self.marks.change(done.path, source_sha256=done.source_sha256)
        return done

    def install_file(self, path: Path, name: str, *, into: Path | None = None) -> Installed:
        """Install a file that the user has; what it is, its SHA-256 says.

        Args:
            path: The file; it stays, unless it is dangerous.
            name: Its name, with the ending.
            into: The folder; None: that of its architecture.

        Raises:
            UpscalerError: As `Installer.install`.
        """
        origin = self.verify(path).origin
        stem = origin.model.id if origin is not None else name.rpartition(".")[0] or name
        return self._install(path, into, stem, origin)

    def keep(self, path: Path) -> Installed:
        """Move a network from the trials into the folder of its architecture.

        Raises:
            UpscalerError: As `Installer.install`.
        """
        mark = self.marks.get(path)
        done = self._install(path, None, path.stem, None)
        checked = done
        if mark.source_sha256:
            self.marks.change(done.path, source_sha256=mark.source_sha256)
            checked = replace(done, checked=True, source_sha256=mark.source_sha256)
        self.discard(path)
        return checked

    def discard(self, path: Path) -> None:
        """Delete a network from the trials; nothing elsewhere.

        Raises:
            InputError: It is not there.
        """
        if path.resolve().parent != self.trials.resolve():
            raise InputError(f"Expected a network that is being tried, but got {path.name!r}.")
        with suppress(OSError):
            path.unlink()
        self.marks.forget(path)

    def digest(self, path: Path) -> str:
        """Return a file's SHA-256.

        Raises:
            ModelFileError: The file cannot be read.
        """
        try:
            return self.hashes.get(path)
        except OSError as error:
            raise ModelFileError(
                f"Expected a file at {str(path)!r}, but it cannot be read "
                f"({error.strerror or error}): correct its name."
            ) from error

    def verify(self, path: Path, model_id: str = "") -> Verification:
        """Find out by a file's SHA-256 which model it is; uses the stored catalogue.

        Args:
            path: The file.
            model_id: What it should be; "": whatever it is.

        Raises:
            ModelFileError: The file cannot be read.
            UnknownNameError: The catalogue has no such model.
        """
        digest = self.digest(path)
        catalogue = self.client.stored().catalogue
        known = (digest, self.marks.get(path).source_sha256)
        hit = None
        if catalogue is not None:
            hit = next((h for each in known if each and (h := catalogue.find_hash(each))), None)
        origin = CatalogueOrigin(*hit) if hit is not None else None
        if not model_id:
            return Verification(path, digest, "passed" if origin else "missing", origin)
        model = self.model(model_id)
        expected = tuple(file.sha256 for file in model.files if file.sha256 is not None)
        if origin is not None and origin.model.id == model.id:
            return Verification(path, digest, "passed", origin, expected)
        return Verification(path, digest, "wrong" if expected else "missing", origin, expected)

    def installed(self) -> list[InstalledModel]:
        """Return all networks in the folders; those that are not hashed yet have no hash."""
        catalogue = self.client.stored().catalogue
        return installed_models(self.entries(), self.hashes, self.marks, self.usage, catalogue)

    def hash_in_background(self) -> bool:
        """Begin to hash the files that are not hashed yet; return whether there are any."""
        return self.hashes.start([each.path for each in self.entries() if not each.built_in])

    def find_installed(self, name: str) -> ModelEntry:
        """Return an installed network by its name.

        Raises:
            UnknownNameError: There is none.
        """
        entries = {entry.name: entry for entry in self.entries()}
        if name not in entries:
            raise unknown_name("an installed network", name, entries)
        return entries[name]

    def remove(self, name: str, *, permanently: bool = False) -> str:
        """Delete an installed network; return where it is now, in a few words.

        Raises:
            UpscalerError: As `find_installed` and `remove_model`.
        """
        entry = self.find_installed(name)
        where = remove_model(entry, self.folders(), permanently=permanently)
        self.marks.forget(entry.path)
        return where


def _architecture(path: Path, origin: CatalogueOrigin | None) -> str:
    """Return the architecture that decides the folder; the file's own where it can be read."""
    from lib_upscalers.errors import ModelError
    from lib_upscalers.models.loader import read_traits

    try:
        return read_traits(path).architecture
    except ModelError:
        # Installing it says why.
        return "" if origin is None else origin.model.architecture_name
