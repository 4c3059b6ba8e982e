"""Enlarge one picture after the other; one that fails does not stop the others."""

from __future__ import annotations

import logging
import shutil
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.cli.console import Bars
from lib_upscalers.cli.paths import existing
from lib_upscalers.cli.problems import describe
from lib_upscalers.errors import (
    AlreadyExistsError,
    Cancelled,
    DiskFullError,
    OutputError,
    UpscalerError,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from lib_upscalers.cli.arguments import SizeRequest
    from lib_upscalers.cli.console import Console
    from lib_upscalers.cli.paths import FileJob, FilePlan
    from lib_upscalers.geometry import Size
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.targets import Target
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Result, Upscaler

ALL_DONE, SOME_FAILED = 0, 1
# A photograph compresses to no less; a drawing that does is small in any case.
_MOST_COMPRESSION = 100
# A disk with less is full for every picture; with more, only for one that is large.
_FULL_BYTES = 1 << 20
_log = logging.getLogger("lib_upscalers")


@dataclass(frozen=True)
class UpscaleOptions:
    """The options of `upscalers upscale`, but for the engine's settings."""

    paths: Sequence[str]
    list: bool
    upscaler: str | None
    scale: float | None
    size: SizeRequest | None
    models: Sequence[Path]
    device: str
    format: str | None
    quality: int | None
    max_pixels: int | None
    recursive: bool
    overwrite: bool
    partial: bool
    verbose: bool


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
        self._done = 0
        self._failed = 0

    def run(self, work: FilePlan) -> int:
        """Do all jobs; return the exit code.

        Raises:
            UpscalerError: The upscaler or the device cannot be used.
            KeyboardInterrupt: The user ended it; what is done stays.
        """
        for note in work.notes:
            self._console.say(note)
        for refusal in work.refusals:
            self._fail(refusal.name, refusal.error)
        _remove_stale_parts(work)
        if work.jobs or work.earlier:
            tool = _Tool(self._options, self._settings)
            self._note_differences(work, tool)
            try:
                self._do(work, tool)
            finally:
                self._summarise(work)
        elif self._failed > 1:
            self._summarise(work)
        return SOME_FAILED if self._failed or self._done < len(work.jobs) else ALL_DONE

    def _do(self, work: FilePlan, tool: _Tool) -> None:
        with Bars(self._console, len(work.jobs)) as bars:
            for number, job in enumerate(work.jobs, 1):
                where = f"[{number}/{len(work.jobs)}] " if len(work.jobs) > 1 else ""
                bars.begin(job.source.name)
                if not self._attempt(job, where, tool, bars):
                    return
                bars.finish()

    def _attempt(self, job: FileJob, where: str, tool: _Tool, bars: Bars) -> bool:
        """Do one picture; return False if no further one can be done."""
        try:
            self._console.say(where + tool.upscale(job, bars))
            self._done += 1
        except Cancelled:
            raise
        except DiskFullError as error:
            self._fail(str(job.source), error)
            return False
        except Exception as error:  # noqa: BLE001 - the others are done whatever one picture does
            self._fail(str(job.source), error)
        return True

    def _fail(self, name: str, error: Exception) -> None:
        self._failed += 1
        if self._options.verbose:
            for line in "".join(traceback.format_exception(error)).splitlines():
                self._console.write(line)
        self._console.write(f"{name}: {describe(error)}", "red")

    def _note_differences(self, work: FilePlan, tool: _Tool) -> None:
        """Say how many earlier results are not what this run would make."""
        found = [(job, tool.difference(job)) for job in work.earlier]
        different = [f"{job.output} {difference}" for job, difference in found if difference]
        if different:
            more = f" and {len(different) - 1} more are not as expected" * (len(different) > 1)
            self._console.write(
                f"Done before, but differently: {different[0]}{more}; --overwrite replaces "
                f"{'them' if more else 'it'}.",
                "yellow",
            )

    def _summarise(self, work: FilePlan) -> None:
        total = len(work.jobs) + len(work.earlier) + len(work.refusals)
        if total == 1 and not work.earlier:
            return
        left = len(work.jobs) + len(work.refusals) - self._done - self._failed
        parts = [f"{self._failed} failed"]
        if work.earlier:
            parts = [f"{len(work.earlier)} done before", f"{self._done} done now", *parts]
        else:
            parts = [f"{self._done} of {total} done"] + (parts if self._failed else [])
        if left:
            parts.append(f"{left} left: the same command goes on with them")
            self._console.write(", ".join(parts) + ".", "yellow")
        else:
            self._console.say(", ".join(parts) + ".")


def _has_space(output: Path) -> bool:
    """Return whether other pictures may still fit on the disk."""
    try:
        return shutil.disk_usage(existing(output.parent)).free > _FULL_BYTES
    except OSError:
        return False


def _remove_stale_parts(work: FilePlan) -> None:
    """Remove what killed runs have left, in folders that get no new result, too."""
    from lib_upscalers.file_writing import remove_stale_parts

    for folder in {job.output.parent for job in (*work.jobs, *work.earlier)}:
        remove_stale_parts(folder)


class _Tool:
    """The upscaler, and how it is used: the same for all pictures."""

    def __init__(self, options: UpscaleOptions, settings: Settings) -> None:
        from lib_upscalers.hosts.standalone import StandaloneHost
        from lib_upscalers.upscaling.upscaler import Upscaler

        self._options = options
        self._settings = settings
        self._upscaler = Upscaler(StandaloneHost(tuple(options.models), options.device))
        self._choice = _choose(self._upscaler, options.upscaler)

    def upscale(self, job: FileJob, bars: Bars) -> str:
        """Read, enlarge and write one picture; return in a line what was done.

        Raises:
            UpscalerError: It cannot be done; nothing is written.
        """
        from lib_upscalers.pictures.files import DEFAULT_MAX_PIXELS, read_picture
        from lib_upscalers.tiling.exhaustion import naming_memory

        options, start = self._options, time.perf_counter()
        limit = options.max_pixels or DEFAULT_MAX_PIXELS
        with naming_memory(f"to read {job.source}, {_pixels(job.source)}"):
            picture = read_picture(job.source, max_pixels=limit, partial=options.partial)
        target = self._target(picture.size)
        size = target.resolve(picture.size)
        with _folders_for(job.output), _overwrite_named():
            self._check(picture, size, job)
            result = self._upscaler.run(picture, self._choice, target, self._settings, bars)
            bars.update(1, 1, "writing ...")
            with naming_memory(f"to write {job.output}, {size}"):
                lost = self._write(result.picture, job)
        _log.info("%s", _details(self._choice, result))
        seconds = time.perf_counter() - start
        line = f"{job.source} -> {job.output}: {picture.size} -> {size}, {seconds:.1f} s"
        notes = dict.fromkeys((*picture.notes, *result.picture.notes, *lost))
        return " ".join((f"{line}." if notes else line, *notes))

    def _check(self, picture: Picture, size: Size, job: FileJob) -> None:
        """Raise before the work what writing the result would raise, as far as it is known."""
        from lib_upscalers.file_writing import check_target
        from lib_upscalers.pictures.files import check_output, format_for

        bands = picture.pixels.shape[2] + (picture.alpha is not None)
        check_output(
            job.output,
            size,
            channels=picture.pixels.shape[2],
            deep=picture.pixels.dtype.itemsize > 1,
            alpha=picture.alpha is not None,
        )
        uncompressed = format_for(job.output).most_bytes is not None
        needed = size.area * bands // (1 if uncompressed else _MOST_COMPRESSION)
        try:
            check_target(
                job.output, overwrite=self._options.overwrite, protected=(job.source,), size=needed
            )
        except DiskFullError as error:
            if not _has_space(job.output):
                raise
            raise OutputError(str(error)) from error  # others may still fit

    def _write(self, picture: Picture, job: FileJob) -> tuple[str, ...]:
        from lib_upscalers.pictures.files import write_picture

        return write_picture(
            picture,
            job.output,
            quality=self._options.quality,
            overwrite=self._options.overwrite,
            protected=(job.source,),
        )

    def difference(self, job: FileJob) -> str:
        """Return by what an earlier result differs from what this run would make, "" if by nothing.

        Only headers are read.
        """
        from lib_upscalers.pictures.files import picture_size

        try:
            size = picture_size(job.source)
            expected = self._target(size).resolve(size)
        except UpscalerError:
            return ""  # the picture could not be done anyway
        try:
            there = picture_size(job.output)
        except UpscalerError:
            return "is no picture that can be read"
        return "" if there == expected else f"is {there} and not {expected}"

    def _target(self, picture: Size) -> Target:
        from lib_upscalers.targets import Target

        options = self._options
        if options.size is not None:
            return Target(size=options.size.resolve(picture))
        scale = options.scale if options.scale is not None else float(self._choice.scale or 2)
        return Target(scale=scale)


@contextmanager
def _folders_for(output: Path) -> Generator[None]:
    """Make the folders of a file; remove those that are new if the block fails."""
    new = [each for each in (output.parent, *output.parent.parents) if not each.exists()]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        for folder in new:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise OutputError(
                f"Expected to make the folder {output.parent}, but that failed ({error.strerror}): "
                "choose another one."
            ) from error
        raise


@contextmanager
def _overwrite_named() -> Generator[None]:
    """Name the option that replaces a file where one is there or has appeared meanwhile."""
    try:
        yield
    except AlreadyExistsError as error:
        raise AlreadyExistsError(f"{error} The option for that is --overwrite.") from error


def _choose(upscaler: Upscaler, name: str | None) -> Choice:
    """Return the upscaler of that name; without a name, the first network there is."""
    if name is not None:
        return upscaler.find(name)
    networks = (choice for choice in upscaler.choices() if choice.kind == "network")
    return next(networks, None) or upscaler.find("Lanczos")


def _pixels(source: Path) -> str:
    from lib_upscalers.pictures.files import picture_size

    try:
        return str(picture_size(source))
    except (UpscalerError, MemoryError):
        return "whose size is not known"


def _details(choice: Choice, result: Result) -> str:
    parts = [
        choice.name,
        f"passes {result.passes}",
        f"tiles {result.tiles}",
        f"loading {result.load_seconds:.2f} s",
        f"running {result.run_seconds:.2f} s",
        result.precision,
        result.tiling,
    ]
    return ", ".join(part for part in parts if part)
