"""Extras' "Batch from Directory" with a journal: a folder that can be stopped and goes on."""

from __future__ import annotations

import inspect
import logging
from dataclasses import replace
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import Cancelled, UpscalerError
from lib_upscalers.hosts.webui.extras import NAME, infotext_of, job_of, plan
from lib_upscalers.hosts.webui.host_modules import host_module, optional_module
from lib_upscalers.jobs.claims import ClaimRules
from lib_upscalers.jobs.folder_run import FolderRun
from lib_upscalers.jobs.journal import opened_journal
from lib_upscalers.jobs.method import Method, fingerprint_of
from lib_upscalers.jobs.output_paths import plan as plan_files
from lib_upscalers.jobs.output_paths import writable
from lib_upscalers.jobs.picture_steps import FileOptions, PictureSteps
from lib_upscalers.jobs.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.hosts.webui.extras import ExtrasJob, ExtrasPlan
    from lib_upscalers.hosts.webui.patching import Patches
    from lib_upscalers.jobs.claims import Claim
    from lib_upscalers.jobs.file_done import FileDone
    from lib_upscalers.jobs.output_paths import FileJob
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.targets import Target
    from lib_upscalers.upscaling.upscaler import Result

    Answer = tuple[list[Any], str, str]

_FROM_DIRECTORY = 2
_MOST_FAULTS = 20
_log = logging.getLogger("lib_upscalers")


class ExtrasFolders:
    """Our own run of "Batch from Directory", where our script asks for the journal.

    The WebUI's loop writes every picture again and knows nothing of the last time.

    Args:
        engine: Enlarges the pictures.
        patches: The WebUI's replaced functions.
        naming: Returns the WebUI's own run, extended so that it names the files it leaves out.
    """

    def __init__(
        self,
        engine: Engine,
        patches: Patches,
        naming: Callable[[Any, Callable[[], bool]], Any],
    ) -> None:
        self._naming = naming
        self._engine = engine
        self._patches = patches

    def attach(self) -> None:
        """Wrap the WebUI's function, where it has one that we know."""
        module = optional_module("modules.postprocessing")
        if module is not None and hasattr(module, "run_postprocessing"):
            self._patches.wrap(module, "run_postprocessing", self._make)

    def _make(self, original: Any, is_live: Callable[[], bool]) -> Any:
        theirs = self._naming(original, is_live)

        def run_postprocessing(*args: Any, save_output: bool = True) -> Any:
            asked = _asked(original, args) if is_live() and save_output else None
            if asked is not None:
                return self._run(*asked)
            try:
                return theirs(*args, save_output=save_output)
            finally:
                self._forget_stopped()

        run_postprocessing.__wrapped__ = original  # pyright: ignore[reportFunctionMemberAccess]
        return run_postprocessing

    def _forget_stopped(self) -> None:
        """Empty the cache of the WebUI's script, which holds what a stopped picture became.

        Else the next run with the same settings returns that (postprocessing_upscale.py of
        AUTOMATIC1111, upscale_cache).
        """
        if not self._engine.stopped.is_set():
            return
        self._engine.stopped.clear()
        runner = getattr(host_module("scripts"), "scripts_postproc", None)
        if runner is not None and hasattr(runner, "image_changed"):
            runner.image_changed()

    def _run(self, source: str, results: str, values: Mapping[str, Any]) -> Answer:
        """Do the folder within a job of the WebUI's; return what the page shows."""
        state = host_module("shared").state
        state.begin(job="extras")
        listener = _Faults()
        tally = Tally()
        try:
            self._do(source, results, job_of(values), listener, tally)
        except Cancelled:
            pass
        except UpscalerError as error:
            return [], "", _html([str(error)])
        finally:
            state.end()
        return [], _html([f"{tally.in_words()}."]), _html(listener.faults)

    def _do(
        self, source: str, results: str, job: ExtrasJob, listener: _Faults, tally: Tally
    ) -> None:
        ending = str(host_module("shared").opts.samples_format).lower()
        work = plan_files(
            [source],
            str(Path(results)) + "/",
            extension=ending if ending in writable() else "png",
            recursive=False,
            overwrite=False,
        )
        jobs = (*work.jobs, *work.earlier)
        tally.total = len(jobs) + len(work.refusals)
        for refusal in work.refusals:
            listener.add(f"{refusal.name}: {refusal.error}")
            tally.add_failed(refusal.name, str(refusal.error))
        if not jobs:
            return
        found = plan(self._engine, job)
        method = _method(self._engine, found)
        steps = PictureSteps(method, FileOptions())
        with (
            self._engine.job(found.title) as progress,
            opened_journal(work.folder) as journal,
        ):
            listener.progress = progress
            rules = ClaimRules(method.fingerprint)
            FolderRun(jobs, steps, rules, journal, listener, tally).run()


def _method(engine: Engine, found: ExtrasPlan) -> Method:
    infotext = ", ".join(f"{key}: {value}" for key, value in infotext_of(found).items())

    def run(picture: Picture, target: Target, progress: Progress) -> Result:
        result = found.run(engine.upscaler, picture, target, progress)
        metadata = result.picture.metadata
        text = MappingProxyType({**metadata.text, "postprocessing": infotext})
        return replace(
            result, picture=replace(result.picture, metadata=replace(metadata, text=text))
        )

    job = found.job
    return Method(
        found.title or NAME,
        run,
        job.target,
        fingerprint_of(
            *(found.choices, found.settings, {"job": repr(replace(job, engine={}))}),
            engine.upscaler.digest,
        ),
    )


def _asked(original: Any, args: Sequence[Any]) -> tuple[str, str, Mapping[str, Any]] | None:
    """Return folder, folder of results and our script's values; None if we are not asked."""
    try:
        given = inspect.signature(original).bind(*args).arguments
    except TypeError:
        return None
    source, results = given.get("input_dir"), given.get("output_dir")
    shared = host_module("shared")
    if given.get("extras_mode") != _FROM_DIRECTORY or not isinstance(source, str) or not source:
        return None
    if shared.cmd_opts.hide_ui_dir_config:
        return None
    values = _values(given.get("args", ()))
    if not values.pop("enable", None) or not values.get("journal") or not job_of(values).upscalers:
        return None
    results = results or shared.opts.outdir_samples or shared.opts.outdir_extras_samples
    return source, str(results), values


def _values(args: Sequence[Any]) -> dict[str, Any]:
    """Return the values of our script's controls, by name."""
    for script in host_module("scripts").scripts_postproc.scripts:
        if script.name == NAME:
            ours = args[script.args_from : script.args_to]
            return dict(zip(script.controls, ours, strict=False))
    return {}


class _Faults:
    """Collects what failed. Implements `folder_run.FolderListener`."""

    def __init__(self) -> None:
        self.progress: Any = None
        self.faults: list[str] = []

    def add(self, text: str) -> None:
        """Add a line; the log has all."""
        _log.warning("%s", text)
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(text)

    def begin(self, job: FileJob) -> Progress:
        """Return the WebUI's progress."""
        _log.info("Enlarging %s", job.name)
        return self.progress

    def done(self, done: FileDone) -> None:
        """Log the result."""
        _log.info("%s -> %s: %s", done.job.name, done.job.output, done.details)

    def failed(self, job: FileJob, error: BaseException) -> str:
        """Collect the reason."""
        reason = str(error) or type(error).__name__
        self.add(f"{job.name}: {reason}")
        return reason

    def skipped(self, claim: Claim) -> None:
        """Do nothing: the counts have it."""


def _html(lines: Sequence[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)
