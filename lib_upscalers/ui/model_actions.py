"""The actions of the page Models, without gradio: from messages of the page to what it shows."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import Cancelled, InputError, UpscalerError
from lib_upscalers.file_writing import write_text
from lib_upscalers.models.catalogue.extra_hosts import has_extra
from lib_upscalers.models.catalogue.file_hosts import best_way
from lib_upscalers.models.catalogue.installed_models import has_trash, precision_of
from lib_upscalers.models.catalogue.licences import licence_words
from lib_upscalers.models.catalogue.recommended import recommendations
from lib_upscalers.models.catalogue.selection import best_file, speed_class
from lib_upscalers.models.catalogue.support import known_architectures, problem_of
from lib_upscalers.ui.uploads import accepted
from lib_upscalers.upscaling.candidates import candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lib_upscalers.compare.candidate import Candidate
    from lib_upscalers.compare.store import Store
    from lib_upscalers.models.catalogue.install import Installed
    from lib_upscalers.models.catalogue.installed_models import InstalledModel
    from lib_upscalers.models.catalogue.library import ModelLibrary
    from lib_upscalers.models.catalogue.schema import Catalogue, CatalogueModel
    from lib_upscalers.upscaling.upscaler import Upscaler

_log = logging.getLogger("lib_upscalers")
_PAGE = "https://openmodeldb.info/models/"
_LONGEST_TEXT = 2000
_MOST_JOBS = 20
_MOST_MESSAGE = 2000
_CHANGES = ("get", "try", "keep", "discard", "close", "cancel", "mark", "remove", "compare")


@dataclass
class ModelJob:
    """A download that runs or has ended. Implements `progress.Progress`.

    Attributes:
        key: Its name for the page.
        id: The model's.
        trial: Whether it is only tried.
        state: "running", "done", "failed", or "trial" for one to keep or to throw away.
        done: Bytes that came.
        total: Bytes that will have come; 0: unknown.
        text: How it ended.
        path: The file of a trial.
    """

    key: str
    id: str
    trial: bool
    state: str = "running"
    done: int = 0
    total: int = 0
    text: str = ""
    path: Path | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    def update(self, step: int, total: int, text: str = "") -> None:
        """Note how much came."""
        del text
        self.done, self.total = step, total

    def check_cancelled(self) -> None:
        """Return if it should go on.

        Raises:
            Cancelled: The user stopped it.
        """
        if self.stopped.is_set():
            raise Cancelled


class ModelActions:
    """What the buttons of the page do. Several threads may use it.

    Downloads run on where the page is closed; every page shows the same ones.

    Args:
        library: Gets and manages networks.
        upscaler: Runs them.
        store: Takes the list of the catalogue as a file.
        url_of: Returns the address under which the browser gets a file.
        upload_folder: Returns the folder in which the web server puts what browsers send.
        may_change: Returns whether users of the page may get and delete networks.
        after_change: Called after networks were installed or removed, so that lists are renewed.
    """

    def __init__(
        self,
        library: ModelLibrary,
        upscaler: Upscaler,
        store: Store,
        url_of: Callable[[Path], str],
        upload_folder: Callable[[], Path],
        may_change: Callable[[], bool] = lambda: True,
        after_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.library = library
        self.version = 1
        self._upscaler = upscaler
        self._store = store
        self._url_of = url_of
        self._upload_folder = upload_folder
        self._may_change = may_change
        self._after_change = after_change
        self._jobs: dict[str, ModelJob] = {}
        self._lock = threading.Lock()
        self._index: tuple[Catalogue, Path] | None = None

    def open(self) -> str:
        """Return the feed of the page when it is opened; fetches the catalogue once a session."""
        self.library.client.load()
        return self.feed()

    def act(self, action: str, text: str) -> str:
        """Do what a button asks for, and return the feed; an error becomes a line of it.

        Args:
            action: The button's name.
            text: The message, JSON; it comes from a request and may hold anything.
        """
        try:
            message = _message(text)
            if action in _CHANGES:
                self.check_leave()
            said = self._perform(action, message)
        except UpscalerError as error:
            said = str(error)
        return self.feed(said)

    def check_leave(self) -> None:
        """Return if users of the page may change something.

        Raises:
            InputError: They may not.
        """
        if not self._may_change():
            raise InputError("Expected leave to get and delete networks: ask the owner.")

    def _perform(self, action: str, message: Mapping[str, Any]) -> str:
        if action == "refresh":
            self.library.client.load(refresh=True)
        elif action == "hash":
            self.library.hash_in_background()
        elif action in ("get", "try"):
            self._begin(str(message.get("id")), trial=action == "try")
        elif action == "mark":
            self._mark(message)
        elif action == "remove":
            name = str(message.get("name"))
            where = self.library.remove(name, permanently=not has_trash())
            self._changed()
            return f"{name}: {where}."
        elif action in ("cancel", "close", "keep", "discard"):
            return self._settle(action, self._job(message))
        return ""

    def _job(self, message: Mapping[str, Any]) -> ModelJob:
        job = self._jobs.get(str(message.get("key")))
        if job is None:
            raise InputError("Expected a download of this page, but it is gone: reload the page.")
        return job

    def _settle(self, action: str, job: ModelJob) -> str:
        if action == "cancel":
            job.stopped.set()
            return ""
        if job.state == "running":
            raise InputError(f"Expected {job.id} to be fetched completely: wait, or cancel it.")
        said = ""
        if job.state == "trial" and job.path is not None and action in ("keep", "discard"):
            if action == "keep":
                said = _ended(self.library.keep(job.path))
            else:
                self.library.discard(job.path)
            self._changed()
        self._jobs.pop(job.key, None)
        return said

    def _mark(self, message: Mapping[str, Any]) -> None:
        entry = self.library.find_installed(str(message.get("name")))
        label, favourite, hidden = (message.get(key) for key in ("label", "favourite", "hidden"))
        self.library.marks.change(
            entry.path,
            label=label if isinstance(label, str) else None,
            favourite=favourite if isinstance(favourite, bool) else None,
            hidden=hidden if isinstance(hidden, bool) else None,
        )
        self._changed()

    def _begin(self, model_id: str, *, trial: bool) -> None:
        model = self.library.model(model_id)
        job = ModelJob(f"{model.id} {time.monotonic_ns()}", model.id, trial)
        with self._lock:
            running = [each for each in self._jobs.values() if each.state in ("running", "trial")]
            if any(each.id == model.id for each in running):
                raise InputError(f"Expected another model, but {model.id} is fetched already.")
            if len(running) >= _MOST_JOBS:
                raise InputError(f"Expected at most {_MOST_JOBS} downloads: wait for some.")
            self._jobs[job.key] = job
        name = f"download of {model.id}"
        threading.Thread(target=self._run, args=(job,), name=name, daemon=True).start()

    def _run(self, job: ModelJob) -> None:
        try:
            done = self.library.get(job.id, job, as_trial=job.trial)
        except Cancelled:
            job.text, job.state = "Cancelled. What came is used the next time.", "failed"
        except UpscalerError as error:
            job.text, job.state = str(error), "failed"
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            _log.error("A download failed", exc_info=error)
            job.text, job.state = f"{type(error).__name__}: {error}", "failed"
        else:
            job.path = done.path
            job.text = _ended(done)
            job.state = "trial" if job.trial else "done"
            self._changed()

    def _changed(self) -> None:
        self.version += 1
        self._after_change()

    def drop(self, path: str | None, name: str) -> str:
        """Install a file that was dropped on the page; its SHA-256 says which model it is."""
        try:
            self.check_leave()
            found = accepted(path, [self._upload_folder(), *self._store.served])
            done = self.library.install_file(found, name)
            self._changed()
            return self.feed(_ended(done))
        except UpscalerError as error:
            return self.feed(str(error))

    def trial_name(self, text: str) -> str:
        """Return the name in the comparison of the trial that a message names; "" if none."""
        try:
            job = self._jobs.get(str(_message(text).get("key")))
        except InputError:
            return ""
        return _trial_name(job.id) if job is not None and job.state == "trial" else ""

    def trials(self) -> Sequence[Candidate]:
        """Return the networks that are tried, for the comparison."""
        found: list[Candidate] = []
        for job in list(self._jobs.values()):
            if job.state != "trial" or job.path is None:
                continue
            try:
                choice = self._upscaler.find(str(job.path))
            except UpscalerError as error:
                _log.info("%s cannot be tried: %s", job.id, error)
                continue
            made = candidate(self._upscaler, str(job.path), choice)
            found.append(replace(made, name=_trial_name(job.id)))
        return found

    def feed(self, said: str = "") -> str:
        """Return what the page shows, as HTML with JSON in an attribute."""
        state = self.library.client.stored()
        catalogue = state.catalogue
        url = "" if catalogue is None else self._url_of(self._index_of(catalogue).resolve())
        date = ""
        if catalogue is not None and catalogue.fetched:
            date = time.strftime("%Y-%m-%d", time.localtime(catalogue.fetched))
        held = {
            "url": url,
            "date": date,
            "problem": state.problem,
            "may": self._may_change(),
            "trash": has_trash(),
            "extra": has_extra(),
            "said": said,
            "working": self.library.hashes.is_working(),
            "version": self.version,
            "jobs": [_about_job(job) for job in list(self._jobs.values())],
            "mine": [_about_mine(each) for each in self.library.installed()],
            "recommended": _advice(),
        }
        return f'<div data-feed="{escape(json.dumps(held))}"></div>'

    def _index_of(self, catalogue: Catalogue) -> Path:
        """Return the file of all models for the page, written once a catalogue."""
        with self._lock:
            if self._index is None or self._index[0] is not catalogue or not _is_file(self._index):
                known = known_architectures()
                models = [_about(each, known) for each in catalogue.models.values()]
                text = json.dumps(models, separators=(",", ":"))
                path = self._store.new_file("catalogue.json")
                write_text(path, text, overwrite=True)
                self._index = (catalogue, path)
            return self._index[1]


def _is_file(index: tuple[Catalogue, Path]) -> bool:
    return index[1].is_file()


def _trial_name(model_id: str) -> str:
    return f"{model_id} (trial)"


def _ended(done: Installed) -> str:
    checked = "the SHA-256 is right" if done.checked else "there is no SHA-256 to compare with"
    notes = "".join(f" {note}" for note in done.notes)
    return f"{done.path.stem} is in {done.path.parent} now; {checked}.{notes}"


def _message(text: str) -> dict[str, Any]:
    try:
        held: Any = json.loads(text) if len(text) <= _MOST_MESSAGE else None
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, dict):
        raise InputError("Expected what the page sends, but got something else: reload the page.")
    return cast("dict[str, Any]", held)


def _about_job(job: ModelJob) -> dict[str, Any]:
    names = ("key", "id", "state", "done", "total", "text")
    return {name: getattr(job, name) for name in names}


def _about(model: CatalogueModel, known: frozenset[str]) -> dict[str, Any]:
    file, words = best_file(model), licence_words(model.licence)
    return {
        "id": model.id,
        "name": model.name,
        "authors": model.authors,
        "licence": model.licence or "",
        "words": words.text,
        "paid": words.paid_work,
        "tags": model.tags,
        "text": model.description[:_LONGEST_TEXT],
        "date": model.date,
        "architecture": model.architecture_name,
        "scale": model.scale,
        "size": file.size_bytes,
        "way": best_way(model.files),
        "speed": speed_class(model),
        "problem": problem_of(model, known),
        "sha256": file.sha256 or "",
        "page": f"{_PAGE}{model.id}",
        "pictures": [{"before": p.before, "after": p.after} for p in model.previews[:1]],
    }


def _about_mine(model: InstalledModel) -> dict[str, Any]:
    entry, traits = model.entry, model.entry.traits
    return {
        "name": entry.name,
        "path": str(entry.path),
        "scale": traits.scale,
        "architecture": traits.architecture,
        "precision": "" if entry.built_in else precision_of(entry.path),
        "size": entry.size_bytes,
        "licence": model.licence or "",
        "words": licence_words(model.licence).text,
        "id": model.model.id if model.model else "",
        "hashed": model.sha256 is not None,
        "label": model.mark.label,
        "favourite": model.mark.favourite,
        "hidden": model.mark.hidden,
        "used": model.usage.date if model.usage else "",
        "seconds": model.usage.seconds_per_megapixel if model.usage else 0,
        "device": model.usage.device if model.usage else "",
        "mine": not entry.built_in,
    }


def _advice() -> list[dict[str, Any]]:
    return [
        {
            "id": each.id,
            "purposes": each.purposes,
            "words": licence_words(each.licence).text,
            "reason": each.reason,
            "scale": each.scale,
            "architecture": each.architecture,
            "megabytes": each.megabytes,
            "page": f"{_PAGE}{each.id}",
        }
        for each in recommendations()
    ]
