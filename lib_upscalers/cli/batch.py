"""Enlarge one picture or many, and show what happens; one that fails does not stop the others."""

from __future__ import annotations

import json
import logging
import traceback
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lib_upscalers.cli.cluster import absolute_models, opened_workers
from lib_upscalers.cli.console import Bars, Console
from lib_upscalers.cli.ending import ALL_DONE, SOME_FAILED
from lib_upscalers.cli.method_options import UpscaleOptions, make_steps
from lib_upscalers.cli.problems import describe
from lib_upscalers.errors import DamagedImageError, InputError, UpscalerError
from lib_upscalers.jobs.tally import Tally
from lib_upscalers.targets import stretching

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from lib_upscalers.jobs.claims import Claim, ClaimRules
    from lib_upscalers.jobs.file_done import FileDone
    from lib_upscalers.jobs.output_paths import FileJob, FilePlan
    from lib_upscalers.jobs.picture_steps import PictureSteps
    from lib_upscalers.jobs.worker_pool import Worker, WorkerPool
    from lib_upscalers.progress import Progress
    from lib_upscalers.upscaling.settings import Settings

_GOES_ON = "the same command goes on with them."
# Without its full stop, which belongs to the error as a whole where that is translated.
_PARTIAL = "--partial reads what can be decoded of it"
_log = logging.getLogger("lib_upscalers")


class Batch:
    """One `upscalers upscale`.

    Args:
        options: What the user asked for.
        settings: How networks run.
        console: Takes the messages.
    """

    def __init__(self, options: UpscaleOptions, settings: Settings, console: Console) -> None:
        self._options = options
        self._settings = settings
        self._console = console
        self._tally = Tally()
        self._steps: PictureSteps | None = None

    def run(self, work: FilePlan) -> int:
        """Do all jobs; return the exit code.

        Raises:
            UpscalerError: The upscaler, the device or the journal cannot be used.
            KeyboardInterrupt: The user ended it; what is done stays.
        """
        if work.jobs or work.earlier:
            self._prepared()  # what was typed is looked at before the files
        for note in work.notes:
            self._console.say(note)
        self._tally.total += len(work.jobs) + len(work.earlier) + len(work.refusals)
        for refusal in work.refusals:
            self._fail(refusal.name, refusal.error)
        if self._options.dry_run:
            self._foresee(work)
            return SOME_FAILED if self._tally.failed else ALL_DONE
        _remove_stale_parts(work)
        try:
            if work.jobs or work.earlier:
                self._do(work)
        finally:
            self._summarise(several=self._tally.total > 1 or bool(work.earlier))
        return ALL_DONE if self._tally.complete else SOME_FAILED

    def watch(self, plans: Generator[FilePlan]) -> int:
        """Do the jobs of one plan after the other; return the exit code.

        Raises:
            KeyboardInterrupt: The user ended it, as nothing else does.
        """
        try:
            for work in plans:
                for note in work.notes:
                    self._console.say(note)
                self._tally.total += len(work.jobs) + len(work.earlier) + len(work.refusals)
                for refusal in work.refusals:
                    self._fail(refusal.name, refusal.error)
                _remove_stale_parts(work)
                self._do(work)
                self._console.say(f"{self._tally.in_words()}. Waiting for further pictures ...")
        finally:
            plans.close()
            self._summarise(several=True)
        return ALL_DONE if self._tally.complete else SOME_FAILED

    def _do(self, work: FilePlan) -> None:
        from lib_upscalers.jobs.folder_run import FolderRun
        from lib_upscalers.jobs.journal import opened_journal

        steps, rules = self._prepared()
        with ExitStack() as stack:
            journal, jobs = None, work.jobs
            _require_folder(work, self._options)
            if self._uses_journal(work):
                journal = stack.enter_context(opened_journal(work.folder))
                jobs = (*work.jobs, *work.earlier)
            else:
                self._skip_earlier(work, steps)
            pool = self._workers(work, rules, stack)
            bars = stack.enter_context(Bars(self._console, self._tally.total))
            watcher = _Watcher(
                *(self._console, bars, self._tally, steps),
                named=self._options.upscaler is not None,
                verbose=self._fail_line,
            )
            for _ in range(self._tally.total - self._tally.left):
                bars.skip()
            FolderRun(jobs, steps, rules, journal, watcher, self._tally, pool).run()
        if pool is not None:
            _remove_stale_parts(work)
        watcher.name_differences()

    def _workers(self, work: FilePlan, rules: ClaimRules, stack: ExitStack) -> WorkerPool | None:
        """Start the workers of a cluster, if the user asked for some."""
        options = self._options
        if options.ray is None:
            return None
        pool = stack.enter_context(
            opened_workers(
                options,
                partial(_make_worker, _portable(options), self._settings),
                folder=work.folder,
                fingerprint=rules.fingerprint,
                at_once=3,  # one reads, one enlarges, one writes
            )
        )
        self._console.say(f"{pool.size} workers.")
        return pool

    def _uses_journal(self, work: FilePlan) -> bool:
        return work.into_folder and work.several and not self._options.skip_existing

    def _prepared(self) -> tuple[PictureSteps, ClaimRules]:
        from lib_upscalers.jobs.claims import ClaimRules

        options = self._options
        if self._steps is None:
            self._steps = make_steps(options, self._settings)
        rules = ClaimRules(
            self._steps.method.fingerprint,
            resume=options.resume,
            retry_failed=options.retry_failed,
            overwrite=options.overwrite,
        )
        return self._steps, rules

    def _foresee(self, work: FilePlan) -> None:
        """Show what would be done."""
        from lib_upscalers.jobs.claims import foresee
        from lib_upscalers.jobs.journal_view import JournalView

        steps, rules = self._prepared()
        claimed, skipped = list(work.jobs), len(work.earlier)
        if (claimed and self._uses_journal(work)) or skipped:
            with JournalView(work.folder) as journal:
                claims = foresee(journal, (*work.jobs, *work.earlier), rules)
            claimed = [claim.job for claim in claims if claim.verdict == "claimed"]
            skipped = len(claims) - len(claimed)
        for job in claimed:
            self._foresee_one(job, steps)
        failed = self._tally.failed
        self._console.say(
            f"{len(claimed) + len(work.refusals) - failed} to do, {skipped} to skip, {failed} "
            "cannot be done. Nothing was written (--dry-run)."
        )

    def _foresee_one(self, job: FileJob, steps: PictureSteps) -> None:
        line = f"{job.name} -> {job.output}"
        if job.frame is not None:  # pages of one file may have several sizes
            self._console.say(line)
            return
        try:
            before, after = steps.sizes(job.source)
        except UpscalerError as error:
            self._fail(job.name, error)
            return
        line, notes = f"{line}: {before} -> {after}", stretching(before, after)
        self._console.say(" ".join((f"{line}." if notes else line, *notes)))

    def _skip_earlier(self, work: FilePlan, steps: PictureSteps) -> None:
        asked_for = self._options.skip_existing
        differences = _Differences()
        for job in work.earlier:
            self._tally.add_skipped("before" if asked_for else "there")
            differences.add(job, steps)
        if not differences.show(self._console) and work.earlier and not asked_for:
            self._console.write(
                f"Left as it is, though it may be of other options: {work.earlier[0].output}; "
                "--overwrite replaces it.",
                "yellow",
            )

    def _fail(self, name: str, error: Exception) -> None:
        self._tally.add_failed(name, self._fail_line(name, error))

    def _fail_line(self, name: str, error: BaseException) -> str:
        """Show why a picture failed; return the reason."""
        if self._options.verbose:
            for line in "".join(traceback.format_exception(error)).splitlines():
                self._console.write_as_it_is(line)
        reason = describe(error)
        if isinstance(error, DamagedImageError) and not self._options.partial:
            reason = f"{reason} {_PARTIAL}."
        self._console.write(f"{name}: {reason}", "red")
        return reason

    def _summarise(self, *, several: bool) -> None:
        if self._options.json:
            Console.results().write(json.dumps(self._tally.as_json()))
        if not several:
            return
        words = self._tally.in_words()
        if self._tally.left:
            self._console.write(f"{words}: {_GOES_ON}", "yellow")
        else:
            self._console.say(f"{words}.")


class _Differences:
    """Files that were there and are not what the run would make."""

    def __init__(self) -> None:
        self._first = ""
        self._count = 0

    def add(self, job: FileJob, steps: PictureSteps) -> None:
        difference = steps.difference(job)
        if difference:
            self._first = self._first or f"{job.output} {difference}"
            self._count += 1

    def show(self, console: Console) -> bool:
        """Show them, if there are any; return whether there are."""
        if self._count:
            more = f" and {self._count - 1} more are not as expected" * (self._count > 1)
            console.write(
                f"Done before, but differently: {self._first}{more}; --overwrite replaces "
                f"{'them' if more else 'it'}.",
                "yellow",
            )
        return self._count > 0


class _Watcher:
    """Shows what happens to the pictures. Implements `folder_run.FolderListener`."""

    def __init__(
        self,
        console: Console,
        bars: Bars,
        tally: Tally,
        steps: PictureSteps,
        *,
        named: bool,
        verbose: Callable[[str, BaseException], str],
    ) -> None:
        self._console = console
        self._bars = bars
        self._tally = tally
        self._steps = steps
        self._show = verbose
        # Whoever named no upscaler learns which it was.
        self._named = () if named else (steps.method.name,)
        self._differences = _Differences()
        self._unknown = 0

    def begin(self, job: FileJob) -> Progress:
        self._bars.begin(job.source.name)
        return self._bars

    def done(self, done: FileDone) -> None:
        _log.info("%s", done.details)
        total = self._tally.total
        where = f"[{total - self._tally.left}/{total}] " if total > 1 else ""
        line = f"{where}{done.job.name} -> {done.job.output}: {done.before} -> {done.after}, "
        facts = (*self._named, f"{done.seconds:.1f} s", done.precision)
        line += ", ".join(fact for fact in facts if fact)
        self._console.say(" ".join((f"{line}." if done.notes else line, *done.notes)))
        self._bars.finish(f"{self._tally.speed():.2f} MP/s")

    def failed(self, job: FileJob, error: BaseException) -> str:
        reason = self._show(job.name, error)
        self._bars.finish()
        return reason

    def skipped(self, claim: Claim) -> None:
        self._bars.skip()
        if claim.verdict == "there":
            self._unknown += 1
            self._differences.add(claim.job, self._steps)

    def name_differences(self) -> None:
        """Show which files were there that no run of the journal has made."""
        self._differences.show(self._console)


def _remove_stale_parts(work: FilePlan) -> None:
    """Remove what killed runs have left, in folders that get no new result, too."""
    from lib_upscalers.file_writing import remove_stale_parts

    for folder in {job.output.parent for job in (*work.jobs, *work.earlier)}:
        remove_stale_parts(folder)


def _make_worker(options: UpscaleOptions, settings: Settings) -> Worker:
    """Return the worker of another process; called there, so that the network is loaded there."""
    from lib_upscalers.jobs.picture_worker import PictureWorker

    return PictureWorker(make_steps(options, settings))


def _portable(options: UpscaleOptions) -> UpscaleOptions:
    """Return options that mean the same in another current folder."""
    models, upscaler = absolute_models(options.models, options.upscaler)
    return replace(options, models=models, upscaler=upscaler)


def _require_folder(work: FilePlan, options: UpscaleOptions) -> None:
    if options.ray is not None and not work.into_folder:
        raise InputError(
            "Expected a folder for the results of --ray, but got one file: name a folder, or leave "
            "--ray out."
        )
