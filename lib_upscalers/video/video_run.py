"""Enlarge a video: pieces with a journal, so that a run that ended goes on; then one file."""

from __future__ import annotations

import re
import shutil
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lib_upscalers.errors import BusyFileError, Cancelled, UpscalerError
from lib_upscalers.file_writing import check_target, locking, write_text, writing
from lib_upscalers.jobs.claims import ClaimRules, claim_some, foresee
from lib_upscalers.jobs.journal import ClaimLostError, opened_journal
from lib_upscalers.jobs.journal_view import JOURNAL_NAME
from lib_upscalers.jobs.output_paths import FileJob
from lib_upscalers.jobs.worker_pool import publish_part
from lib_upscalers.video.joining import container_format, join
from lib_upscalers.video.piece_run import PieceRun, VideoTally, pieces_folder
from lib_upscalers.video.pieces import resumed
from lib_upscalers.video.video_worker import PieceRow, PieceTask

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from lib_upscalers.jobs.claims import Claim
    from lib_upscalers.jobs.journal import Journal
    from lib_upscalers.jobs.journal_view import Row
    from lib_upscalers.jobs.worker_pool import WorkerPool
    from lib_upscalers.progress import Progress
    from lib_upscalers.video.piece_run import VideoJob
    from lib_upscalers.video.pieces import Piece

_BUSY_SECONDS = 0.5
_JOINING, _JOINED = "joining", "joined"
_PIECE = re.compile(r"\d{5}(-\d+-\d+)?\.mkv")
# A stop keeps what it has done of a piece if that took longer: a piece in one is a little smaller,
# and the same whatever happens.
_LOST_SECONDS = 5.0


class VideoRun:
    """One run.

    Args:
        job: What to do.
        progress: Updated after every frame, or piece where workers do them; can end the run within
            a tile.
        pool: Workers in other processes that do the pieces; None: this process does.
    """

    def __init__(self, job: VideoJob, progress: Progress, pool: WorkerPool | None = None) -> None:
        self._job = job
        self._progress = progress
        self._pool = pool
        self._pieces = list(job.pieces)
        self.tally = VideoTally(sum(len(piece.stamps) for piece in job.pieces))
        self.kept = 0
        """How many frames lie in pieces, so that the next run does not do them again."""

    def run(self) -> tuple[str, ...]:
        """Do all pieces and join them; return what the result does not hold, a sentence each.

        Raises:
            UpscalerError: It cannot be done; pieces that are done stay.
            Cancelled: `progress` raises it.
            KeyboardInterrupt: The user ended it; the next run goes on.
        """
        job = self._job
        form = container_format(job.output)
        remove_joined(job.output)
        check_target(
            job.output, overwrite=job.overwrite, protected=(job.facts.path,), make_folders=True
        )
        with ExitStack() as stack:
            journal = stack.enter_context(opened_journal(job.folder))
            self._pieces = resumed(job.pieces, job.folder, partial(self._is_done, journal))
            self._do_pieces(journal)
            notes = self._join(form)
        _remove_pieces(job.folder)
        return notes

    def _do_pieces(self, journal: Journal) -> None:
        claims = self._claims(journal)
        if self._pool is None:
            for piece, claim in claims:
                self._make(journal, claim, piece)
                self.tally.report(piece, self._job, self._progress)
            return
        self._pool.run(
            claims,
            lambda claimed: PieceTask(claimed[0]),
            lambda claimed, outcome: self._take(journal, *claimed, outcome),
            threading.Event(),
        )

    def _claims(self, journal: Journal) -> Iterator[tuple[Piece, Claim]]:
        """Yield the pieces that this run is to do, until another run or this one has done all."""
        waiting = list(self._pieces)
        while waiting:
            again: list[Piece] = []
            for piece in waiting:
                claim = self._claim(journal, piece)
                if claim.verdict == "claimed":
                    yield piece, claim
                elif claim.verdict == "busy":
                    again.append(piece)
                else:
                    self.tally.before += len(piece.stamps)
                    self.kept += len(piece.stamps)
                    self.tally.report(piece, self._job, self._progress)
            waiting = again
            if waiting:
                self._progress.check_cancelled()
                time.sleep(_BUSY_SECONDS)

    def _claim(self, journal: Journal, piece: Piece) -> Claim:
        return claim_some(journal, [self._file(piece)], self._rules, 1)[0]

    def _is_done(self, journal: Journal, piece: Piece) -> bool:
        return foresee(journal, [self._file(piece)], self._rules)[0].verdict == "done"

    @property
    def _rules(self) -> ClaimRules:
        job = self._job
        return ClaimRules(job.method.fingerprint, resume=job.resume, overwrite=True)

    def _file(self, piece: Piece) -> FileJob:
        return FileJob(self._job.facts.path, self._job.folder / piece.name)

    def _take(self, journal: Journal, piece: Piece, claim: Claim, outcome: object) -> None:
        """Enter and name a piece that a worker has left under a temporary name."""
        row = claim.row
        if row is None:
            return
        if isinstance(outcome, Exception):
            journal.enter_failed(row, str(outcome))
            raise outcome
        done = cast("PieceRow", outcome)
        seconds, sha256 = done.seconds, done.sha256
        with suppress(ClaimLostError):
            publish_part(
                done.part,
                claim.job.output,
                lambda part: journal.enter_written(row, part, seconds, sha256),
                overwrite=True,
            )
            journal.enter_published(row)
        self.kept += len(piece.stamps)
        self.tally.add(done.tally)
        self.tally.report(piece, self._job, self._progress)
        self._progress.check_cancelled()

    def _make(self, journal: Journal, claim: Claim, piece: Piece) -> None:
        start = time.perf_counter()

        def work(file: BinaryIO) -> None:
            run = PieceRun(self._job, piece, file, self.tally, self._progress)
            try:
                run.run()
            except (Cancelled, KeyboardInterrupt):
                if time.perf_counter() - start > _LOST_SECONDS:
                    self._keep(journal, piece, run.written, file)
                raise

        try:
            _publish(journal, claim, work)
            self.kept += len(piece.stamps)
        except UpscalerError as error:
            if claim.row is not None:
                journal.enter_failed(claim.row, str(error))
            raise

    def _keep(self, journal: Journal, piece: Piece, count: int, file: BinaryIO) -> None:
        """Keep what a stopped run has done of a piece as a part of it."""
        if not 0 < count < len(piece.stamps):
            return
        claim = self._claim(journal, piece.part(0, count))
        file.flush()
        with Path(file.name).open("rb") as written:
            _publish(journal, claim, lambda part: shutil.copyfileobj(written, part))
        self.kept += count

    def _join(self, form: str) -> tuple[str, ...]:
        job = self._job
        try:
            with (
                locking(job.folder / _JOINING),
                writing(
                    job.output,
                    overwrite=job.overwrite,
                    protected=(job.facts.path,),
                    finished=lambda part: _note_joined(job.folder, part),
                ) as file,
            ):
                check = self._progress.check_cancelled
                joined = join(job.facts, self._pieces, job.folder, file, form, job.trim, check)
        except BusyFileError as error:
            raise BusyFileError(
                f"Expected to join the pieces of {job.output}, but another run does so already: "
                "wait for it."
            ) from error
        return (*job.facts.notes, *joined.notes)


def remove_joined(output: Path) -> None:
    """Remove the pieces of a result that has its name already, if a run was killed before that."""
    folder = pieces_folder(output)
    try:
        facts = output.stat()
        joined = (folder / _JOINED).read_text("utf-8") == _stamp(facts)
    except (OSError, UnicodeError):
        return
    if joined:
        _remove_pieces(folder)


def _note_joined(folder: Path, part: Path) -> None:
    """Note which file holds the pieces, before it takes its name."""
    write_text(folder / _JOINED, _stamp(part.stat()), overwrite=True)


def _stamp(facts: os.stat_result) -> str:
    return f"{facts.st_size} {facts.st_mtime_ns}"


def _remove_pieces(folder: Path) -> None:
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _PIECE.fullmatch(file.name) or file.name in (_JOINING, JOURNAL_NAME):
            file.unlink(missing_ok=True)
    (folder / _JOINED).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _publish(journal: Journal, claim: Claim, write: Callable[[BinaryIO], None]) -> None:
    """Write the file of a claim and enter it; nothing, where another run has taken it over.

    Raises:
        OutputError: It cannot be written.
    """
    row, start = claim.row, time.perf_counter()
    if row is None:
        return
    try:
        with writing(
            claim.job.output,
            overwrite=True,
            finished=lambda part: _entered(journal, row, part, start),
        ) as file:
            write(file)
    except ClaimLostError:
        return
    journal.enter_published(row)


def _entered(journal: Journal, row: Row, part: Path, start: float) -> None:
    journal.enter_written(row, part, time.perf_counter() - start)
