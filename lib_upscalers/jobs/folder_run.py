"""Enlarge many pictures into a folder: resumable, shared with other runs, in three stages."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Protocol, cast

from lib_upscalers.errors import Cancelled, DiskFullError, OutputError
from lib_upscalers.jobs.claims import Claim, claim_some
from lib_upscalers.jobs.file_done import FileDone
from lib_upscalers.jobs.journal import ClaimLostError
from lib_upscalers.jobs.method import import_heavy
from lib_upscalers.jobs.picture_steps import LoadedFrames, LoadedPicture, bytes_of, naming_overwrite
from lib_upscalers.jobs.picture_worker import PictureRow, PictureTask
from lib_upscalers.jobs.pipeline import Pipeline
from lib_upscalers.jobs.worker_pool import publish_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lib_upscalers.jobs.claims import ClaimRules
    from lib_upscalers.jobs.journal import Journal
    from lib_upscalers.jobs.output_paths import FileJob
    from lib_upscalers.jobs.picture_steps import EnlargedPicture, PictureSteps
    from lib_upscalers.jobs.tally import Tally
    from lib_upscalers.jobs.worker_pool import WorkerPool
    from lib_upscalers.progress import Progress

# So many pictures are looked up at once; of those so many are claimed at once where they are quick.
_LOOK_UP, _CLAIM_QUICK = 64, 8
_QUICK_SECONDS = 0.05
_BUSY_SECONDS = 0.3


class FolderListener(Protocol):
    """What is called while a folder is done; threads call it, one at a time."""

    def begin(self, job: FileJob) -> Progress:
        """Return the progress of a picture that is about to be enlarged."""
        ...

    def done(self, done: FileDone) -> None:
        """Take note of a result that was written."""
        ...

    def failed(self, job: FileJob, error: BaseException) -> str:
        """Take note of a picture that failed; return the reason in a line."""
        ...

    def skipped(self, claim: Claim) -> None:
        """Take note of a picture that needs no work."""
        ...


@dataclass(frozen=True)
class _Work:
    """A claimed picture on its way: `loaded`, later `enlarged`."""

    claim: Claim
    loaded: LoadedPicture | LoadedFrames | None = None
    enlarged: EnlargedPicture | None = None


@dataclass
class FolderRun:
    """One run over many pictures.

    Attributes:
        jobs: What is to be done.
        steps: How.
        rules: What counts as done; `overwrite` holds without a journal, too.
        journal: What remembers it; None: nothing does.
        listener: Takes what happens.
        tally: Counts it.
        pool: Workers in other processes that do the pictures; None: this process does.
        stopped: Set it to end the run: within a tile, when what is enlarged is written.
    """

    jobs: Sequence[FileJob]
    steps: PictureSteps
    rules: ClaimRules
    journal: Journal | None
    listener: FolderListener
    tally: Tally
    pool: WorkerPool | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def run(self) -> None:
        """Do all pictures; what fails is in the tally.

        Raises:
            Cancelled: A progress raised it.
            KeyboardInterrupt: The user ended the run; what was enlarged is written.
            OutputError: The journal cannot be written.
        """
        stages = Pipeline(
            read=self._read,
            make=self._make,
            write=self._write,
            bytes_read=_bytes_read,
            bytes_made=_bytes_made,
        )
        claims = self._claims()
        first = next(claims, None)
        if first is None:
            return
        try:
            if self.pool is not None:
                self.pool.run(chain((first,), claims), _task_of, self._take, self.stopped)
                return
            import_heavy()
            stages.run(chain((first,), claims), self.stopped)
        except DiskFullError:
            return  # counted where it happened
        except Cancelled:
            if not self.stopped.is_set():
                raise

    def _claims(self) -> Iterator[Claim]:
        if self.journal is None:
            for job in self.jobs:
                yield Claim(job, "claimed", replace=self.rules.overwrite)
            return
        waiting: list[FileJob] = []
        yield from self._claims_among(self.journal, self.jobs, waiting)
        while waiting and not self.stopped.wait(_BUSY_SECONDS):
            again, waiting = waiting, []
            yield from self._claims_among(self.journal, again, waiting, again=True)

    def _claims_among(
        self,
        journal: Journal,
        jobs: Sequence[FileJob],
        waiting: list[FileJob],
        *,
        again: bool = False,
    ) -> Iterator[Claim]:
        place = 0
        while place < len(jobs) and not self.stopped.is_set():
            some = jobs[place : place + _LOOK_UP]
            claims = claim_some(journal, some, self.rules, self._claims_at_once())
            place += len(claims)
            for claim in claims:
                if claim.verdict == "claimed":
                    yield claim
                elif claim.verdict == "busy":
                    waiting.append(claim.job)
                else:
                    self._skip(claim, again=again)

    def _claims_at_once(self) -> int:
        done = self.tally.now + self.tally.failed
        return _CLAIM_QUICK if done and self.tally.seconds / done < _QUICK_SECONDS else 1

    def _skip(self, claim: Claim, *, again: bool) -> None:
        if claim.verdict == "refused":
            self._fail(claim, OutputError(claim.reason))
            return
        if claim.verdict == "done":
            self.tally.add_skipped("elsewhere" if again else "before")
        elif claim.verdict == "there":
            self.tally.add_skipped("there")
        else:
            self.tally.add_skipped("failed_before")
        with self._lock:
            self.listener.skipped(claim)

    def _read(self, claim: Claim) -> _Work | None:
        try:
            return _Work(claim, loaded=self.steps.read(claim.job))
        except Exception as error:  # noqa: BLE001 - the others are done whatever one picture does
            self._fail(claim, error)
            return None

    def _make(self, work: _Work) -> _Work | None:
        claim = work.claim
        if work.loaded is None:
            return None
        with self._lock:
            progress = _Stoppable(self.listener.begin(claim.job), self.stopped)
        if isinstance(work.loaded, LoadedFrames):
            self._do_frames(claim, work.loaded, progress)
            return None
        try:
            enlarged = self.steps.enlarge(claim.job, work.loaded, progress, overwrite=claim.replace)
        except Exception as error:  # noqa: BLE001 - as in _read
            self._fail(claim, error)
            return None
        return _Work(claim, enlarged=enlarged)

    def _write(self, work: _Work) -> None:
        if work.enlarged is None:
            return
        job, enlarged = work.claim.job, work.enlarged
        publication = _Publication(self.journal, work.claim, enlarged.seconds)

        def write() -> tuple[str, ...]:
            return self.steps.write(
                job, enlarged, overwrite=work.claim.replace, finished=publication.enter
            )

        done = FileDone.of_picture(job, enlarged, self.steps.method.name)
        self._publish(publication, write, done)

    def _do_frames(self, claim: Claim, loaded: LoadedFrames, progress: Progress) -> None:
        publication = _Publication(self.journal, claim, loaded.seconds)

        def write() -> tuple[str, ...]:
            return self.steps.do_frames(
                claim.job,
                loaded,
                progress,
                overwrite=claim.replace,
                finished=publication.enter,
            )

        done = FileDone.of_frames(claim.job, loaded, self.steps.method.name)
        self._publish(publication, write, done)

    def _take(self, claim: Claim, outcome: object) -> None:
        """Enter and name a result that a worker has left under a temporary name, or count it."""
        if isinstance(outcome, Exception):
            self._fail(claim, outcome)
            return
        row = cast("PictureRow", outcome)
        publication = _Publication(self.journal, claim, row.done.seconds, row.sha256)

        def write() -> tuple[str, ...]:
            with naming_overwrite():
                publish_part(row.part, claim.job.output, publication.enter, overwrite=claim.replace)
            return row.done.notes

        self._publish(publication, write, replace(row.done, job=claim.job))

    def _publish(
        self, publication: _Publication, write: Callable[[], tuple[str, ...]], done: FileDone
    ) -> None:
        """Write a result and enter it; a failure is counted."""
        try:
            notes = write()
        except ClaimLostError:
            self.tally.add_skipped("elsewhere")
        except Exception as error:  # noqa: BLE001 - as in _read
            self._fail(publication.claim, error)
        else:
            publication.confirm()
            self.tally.add_done(done.after.area * done.count / 1e6)
            with self._lock:
                self.listener.done(replace(done, notes=notes, seconds=publication.seconds()))

    def _fail(self, claim: Claim, error: Exception) -> None:
        """Count a failure; raise it again if no further picture can be done."""
        if isinstance(error, Cancelled):
            raise error
        with self._lock:
            reason = self.listener.failed(claim.job, error)
        self.tally.add_failed(claim.job.name, reason)
        if isinstance(error, DiskFullError):
            raise error
        if self.journal is not None and claim.row is not None and claim.verdict == "claimed":
            self.journal.enter_failed(claim.row, reason)


@dataclass
class _Publication:
    """Enters a result into the journal before and after it takes its name."""

    journal: Journal | None
    claim: Claim
    _seconds_before: float
    _sha256: str = ""
    _start: float = field(default_factory=time.perf_counter)

    def enter(self, part: Path) -> None:
        row = self.claim.row
        if self.journal is not None and row is not None:
            row = self.journal.enter_written(row, part, self.seconds(), self._sha256)
            self.claim = replace(self.claim, row=row)

    def confirm(self) -> None:
        if self.journal is not None and self.claim.row is not None:
            self.journal.enter_published(self.claim.row)

    def seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._start


@dataclass(frozen=True)
class _Stoppable:
    """A listener's progress that also ends when the run is to end."""

    progress: Progress
    stopped: threading.Event

    def update(self, step: int, total: int, text: str = "") -> None:
        self.progress.update(step, total, text)

    def check_cancelled(self) -> None:
        if self.stopped.is_set():
            raise Cancelled
        self.progress.check_cancelled()


def _task_of(claim: Claim) -> PictureTask:
    """Return what a worker gets of a picture: paths that hold whatever its folder is."""
    job = claim.job
    absolute = replace(job, source=job.source.absolute(), output=job.output.absolute())
    return PictureTask(absolute, overwrite=claim.replace)


def _bytes_read(work: _Work) -> int:
    loaded = work.loaded
    if not isinstance(loaded, LoadedPicture):
        return 0
    return bytes_of(loaded.picture, loaded.picture.size)


def _bytes_made(work: _Work) -> int:
    loaded = work.loaded
    return bytes_of(loaded.picture, loaded.size) if isinstance(loaded, LoadedPicture) else 0
