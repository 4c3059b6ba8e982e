"""The actions of the app's form for folders: start, pause, go on, retry, show before and after."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import InputError, UpscalerError
from lib_upscalers.geometry import Size
from lib_upscalers.jobs.claims import ClaimRules
from lib_upscalers.jobs.folder_run import FolderRun
from lib_upscalers.jobs.journal import opened_journal
from lib_upscalers.jobs.journal_view import JournalView, entry_name
from lib_upscalers.jobs.method import method_of
from lib_upscalers.jobs.output_paths import FileJob, plan
from lib_upscalers.jobs.picture_steps import FileOptions, PictureSteps
from lib_upscalers.jobs.tally import Tally
from lib_upscalers.json_files import write_object
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.progress import NULL
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.targets import SizeRequest, Target, target_for
from lib_upscalers.ui import form_numbers
from lib_upscalers.ui.background_work import BackgroundWork
from lib_upscalers.ui.before_after import show_before_and_after
from lib_upscalers.ui.run_status import fault_list, status_line
from lib_upscalers.ui.stored_form import last_form
from lib_upscalers.ui.video_values import path_of
from lib_upscalers.ui.viewer_feed import alert
from lib_upscalers.upscaling.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.jobs.claims import Claim
    from lib_upscalers.jobs.file_done import FileDone
    from lib_upscalers.jobs.method import Method
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.ui.compare_actions import CompareActions

OWN_FORMAT = "each picture's own"
_LAST_RESULTS, _THUMBNAILS, _THUMBNAIL_SIDE = 50, 4, 160
_MOST_FAULTS = 100
_FILE = "folders.json"
_log = logging.getLogger("lib_upscalers")


@dataclass(frozen=True)
class FolderForm:
    """What the user filled in; the defaults are those of the first start.

    Attributes:
        source: The folder of pictures.
        results: The folder for results.
        upscaler: Its name.
        scale: How many times as large.
        ending: The format of the results, or `OWN_FORMAT`.
        recursive: Whether sub-folders are read.
        width: In pixels, of what each result has to fit into; 0: any.
        height: Likewise; without either the scale counts.
    """

    source: str = ""
    results: str = ""
    upscaler: str = ""
    scale: float = 2.0
    ending: str = OWN_FORMAT
    recursive: bool = False
    width: int = 0
    height: int = 0

    @classmethod
    def of(cls, *values: object) -> FolderForm:
        """Return a form of values that come from a request, in the order of the attributes.

        Raises:
            InputError: One is of another kind.
        """
        kinds = (str, str, str, (int, float), str, bool, object, object)
        if len(values) != len(kinds) or not all(map(isinstance, values, kinds)):
            raise InputError("Expected two folders, an upscaler and a scale: fill them in.")
        *others, width, height = cast("Any", values)
        sides = form_numbers.side(width, "a width"), form_numbers.side(height, "a height")
        form = cls(*cast("Any", (*others, *sides)))
        Target(scale=float(form.scale))
        return form

    def source_folder(self) -> Path:
        """Return the folder of pictures.

        Raises:
            InputError: There is none of that name.
        """
        folder = path_of(self.source, "the name of a folder of pictures")
        if not folder.is_dir():
            place = folder.absolute()
            if folder.exists():
                raise InputError(
                    f"Expected a folder of pictures, but {place} is a file: name its folder."
                )
            raise InputError(
                f"Expected a folder of pictures, but there is no folder {place}: correct its name."
            )
        return folder

    def results_folder(self) -> Path:
        """Return the folder for results, which need not be there.

        Raises:
            InputError: None is named.
        """
        return path_of(self.results, "the name of a folder for results")

    @property
    def size(self) -> SizeRequest | None:
        """What each result has to fit into; None: the scale counts."""
        if not self.width and not self.height:
            return None
        both = bool(self.width and self.height)
        return SizeRequest(self.width or None, self.height or None, fit=both)

    def target(self, picture: Size) -> Target:
        """Return the target for a picture of that size."""
        return target_for(self.size, float(self.scale), picture)


@dataclass
class FolderActions:
    """One run over a folder at a time, in a thread of its own, and what a page shows of it.

    Attributes:
        compare: The comparison's actions, whose upscaler, store and viewer are used.
    """

    compare: CompareActions
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _run: _Run | None = None
    _alert: str = ""

    def last_form(self) -> FolderForm:
        """Return what was filled in last, also before a restart."""
        return last_form(FolderForm, self._file)

    @property
    def _file(self) -> Path:
        return self.compare.host.data_folder() / _FILE

    def start(self, *values: object, failed_only: bool = False) -> str:
        """Begin or go on; return an alert, "" if it runs.

        Args:
            values: Those of `FolderForm`, in order.
            failed_only: Whether only what failed before is done.
        """
        try:
            form = FolderForm.of(*values)
            with self._lock:
                if self.is_running():
                    raise InputError("A folder is being done already: pause it first.")
                folders = form.source_folder(), form.results_folder()
                write_object(self._file, asdict(form))
                self._run = _Run(self.compare, form, folders, failed_only=failed_only)
                self._run.work.start()
        except (UpscalerError, OSError) as error:
            return alert(str(error))
        return ""

    def is_running(self) -> bool:
        """Return whether a folder is being done."""
        return self._run is not None and self._run.work.is_running()

    def pause(self) -> None:
        """End the run within a tile; `start` goes on."""
        if self._run is not None:
            self._run.stopped.set()

    def close(self) -> None:
        """End the run and wait for it."""
        self.pause()
        if self._run is not None:
            self._run.work.join()

    def status(self) -> str:
        """Return how far the run is, its failures and its last results, as HTML."""
        run = self._run
        if run is None:
            return ""
        return f"{run.status()}{run.thumbnails()}{self.faults(run.results)}"

    def faults(self, folder: Path) -> str:
        """Return the list of all failures in a folder of results, as HTML."""
        try:
            with JournalView(folder) as journal:
                rows = journal.select(f"WHERE state = 'failed' LIMIT {_MOST_FAULTS}")
        except UpscalerError as error:
            return alert(str(error))
        return fault_list([f"{row.source}: {row.error}" for row in rows])

    def names(self) -> list[str]:
        """Return the names of the last results, the newest first."""
        return [] if self._run is None else self._run.names()

    def show(self, name: object) -> tuple[str, str]:
        """Return the viewer's feed with a picture before and after, and an alert."""
        try:
            if self._run is None or not isinstance(name, str):
                raise InputError("Expected one of the last results: choose one.")
            return self._run.session(name), ""
        except (UpscalerError, OSError, MemoryError) as error:
            return "", alert(str(error))


class _Run:
    """A run over a folder. Implements `folder_run.FolderListener`."""

    def __init__(
        self,
        compare: CompareActions,
        form: FolderForm,
        folders: tuple[Path, Path],
        *,
        failed_only: bool,
    ) -> None:
        self.form = form
        self.source, self.results = folders
        self.stopped = threading.Event()
        self._compare = compare
        self._failed_only = failed_only
        self._tally = Tally()
        self._refusals: list[str] = []
        self._notes: tuple[str, ...] = ()
        self._last: deque[FileDone] = deque(maxlen=_LAST_RESULTS)
        self.work = BackgroundWork("folder", self._do_and_end)

    def _do_and_end(self) -> None:
        try:
            self._do()
        finally:
            self._tally.end()

    def _do(self) -> None:
        form = self.form
        work = plan(
            [str(self.source)],
            f"{self.results}/",
            extension=None if form.ending == OWN_FORMAT else form.ending,
            recursive=form.recursive,
            overwrite=False,
            deeper="“Sub-folders, too”",
        )
        self._notes = work.notes
        jobs = (*work.jobs, *work.earlier)
        for refusal in work.refusals:
            self._tally.add_failed(refusal.name, str(refusal.error))
            self._refusals.append(f"{refusal.name}: {refusal.error}")
        self._tally.total = len(jobs) + len(work.refusals)
        if not jobs:
            return
        method = self._method()
        with opened_journal(work.folder) as journal:
            if self._failed_only:
                failed = {row.output for row in journal.select("WHERE state = 'failed'")}
                jobs = tuple(job for job in jobs if _below(job, work.folder) in failed)
            self._tally.total = len(jobs) + len(work.refusals)
            steps, rules = PictureSteps(method, FileOptions()), ClaimRules(method.fingerprint)
            FolderRun(jobs, steps, rules, journal, self, self._tally, stopped=self.stopped).run()

    def _method(self) -> Method:
        upscaler, form = self._compare.upscaler, self.form
        size = form.size.described() if form.size else float(form.scale)
        return method_of(
            upscaler,
            upscaler.find(form.upscaler),
            Settings(),
            form.target,
            {"size": size, "quality": None, "frames": "all"},
        )

    def begin(self, job: FileJob) -> Progress:
        _log.debug("Enlarging %s", job.name)
        return NULL

    def done(self, done: FileDone) -> None:
        self._last.appendleft(done)

    def failed(self, job: FileJob, error: BaseException) -> str:
        _log.info("%s failed: %s", job.name, error)
        return str(error) or type(error).__name__

    def skipped(self, claim: Claim) -> None:
        """Do nothing: the counts have it."""

    def status(self) -> str:
        tally = self._tally
        ended = "Stopped" if self.work.problem else "Paused" if tally.left else "Finished"
        state = "Running" if self.work.is_running() else ended
        parts = [tally.in_words(), f"{tally.speed():.2f} MP/s"]
        left = tally.seconds_left() if self.work.is_running() and tally.left else None
        problems = [self.work.problem, *self._refusals[:_MOST_FAULTS]]
        more = "".join(f"<p>{escape(each)}</p>" for each in self._notes)
        more += "".join(alert(each) for each in problems)
        return status_line(state, parts, tally.total - tally.left, tally.total, left) + more

    def names(self) -> list[str]:
        return [str(done.job.output) for done in list(self._last)]

    def thumbnails(self) -> str:
        """Return the last results, each before and after, as HTML."""
        return "".join(self._pair(done) for done in list(self._last)[:_THUMBNAILS])

    def _pair(self, done: FileDone) -> str:
        files = (done.job.source, done.job.output)
        try:
            addresses = [self._thumbnail(file) for file in files]
        except (UpscalerError, OSError, MemoryError) as error:
            _log.debug("No thumbnail: %s", error)
            return ""
        shown = "".join(f'<img src="{escape(each)}" alt="">' for each in addresses)
        return f"<figure>{shown}<figcaption>{escape(done.job.output.name)}</figcaption></figure>"

    def _thumbnail(self, file: Path) -> str:
        store = self._compare.store
        key = store.key("thumbnail", str(file), str(file.stat().st_mtime_ns))
        path = store.path(f"pictures/{key}/thumbnail.png")
        if not path.is_file():
            store.put_picture(key, "thumbnail", _small(read_picture(file)))
        return self._compare.url_of(path.resolve())

    def session(self, name: str) -> str:
        """Return the viewer's feed for one of the last results.

        Raises:
            InputError: It is none.
        """
        done = next((each for each in list(self._last) if str(each.job.output) == name), None)
        if done is None:
            raise InputError("Expected one of the last results: choose one.")
        key = self._compare.store.key("folder", name, str(done.job.output.stat().st_mtime_ns))
        pictures = read_picture(done.job.source), read_picture(done.job.output)
        return show_before_and_after(
            *(self._compare, key, done.job.source.stem, pictures, self.form.upscaler),
            notes=done.notes,
        )


def _below(job: FileJob, folder: Path) -> str:
    return entry_name(job.output.relative_to(folder))


def _small(picture: Picture) -> Picture:
    width, height = picture.size.width, picture.size.height
    share = min(1.0, _THUMBNAIL_SIDE / max(width, height))
    size = Size(max(1, round(width * share)), max(1, round(height * share)))
    return type(picture)(resample_pixels(picture.pixels, size, "Box"))
