"""The command line: `upscalers upscale IN ... OUT`, `list`, `compare` and others."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import parse
from lib_upscalers.cli.compare import compare_upscalers
from lib_upscalers.cli.console import (
    BarProgress,
    Console,
    ConsoleHandler,
    readable_bytes,
    table,
)
from lib_upscalers.cli.engine_arguments import read_engine_settings
from lib_upscalers.cli.latent import fit_latent
from lib_upscalers.cli.paths import plan
from lib_upscalers.errors import Cancelled, InputError, OutputError, UpscalerError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from lib_upscalers.cli.arguments import Options
    from lib_upscalers.cli.paths import Job
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.targets import Target
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.upscaler import Result, Upscaler

ALL_DONE, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
_log = logging.getLogger("lib_upscalers")


@contextlib.contextmanager
def _logging_to(console: Console, *, verbose: bool) -> Generator[None]:
    """Show the library's log for as long as the command runs."""
    handler = ConsoleHandler(console)
    level, propagate = _log.level, _log.propagate
    _log.addHandler(handler)
    _log.setLevel(logging.DEBUG if verbose else logging.WARNING)
    _log.propagate = False
    try:
        yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)
        _log.propagate = propagate


def _make_upscaler(options: Options) -> Upscaler:
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.upscaling.upscaler import Upscaler

    return Upscaler(StandaloneHost(tuple(options.models), options.device))


def _choose(upscaler: Upscaler, name: str | None) -> Choice:
    """Return the upscaler of that name; without a name, the first network there is."""
    if name is not None:
        return upscaler.find(name)
    networks = (choice for choice in upscaler.choices() if choice.kind == "network")
    return next(networks, None) or upscaler.find("Lanczos")


def _target(options: Options, choice: Choice, picture: Picture) -> Target:
    from lib_upscalers.targets import Target

    if options.size is not None:
        return Target(size=options.size.resolve(picture.size))
    return Target(scale=options.scale if options.scale is not None else float(choice.scale or 2))


def _report(console: Console, subject: object, error: BaseException, *, verbose: bool) -> None:
    """Tell of a failure in one line."""
    if verbose:
        console.write("".join(traceback.format_exception(error)).rstrip())
    text = " ".join(str(error).split())
    if not isinstance(error, UpscalerError):
        text = f"{type(error).__name__}: {text} (a fault of this program; --verbose shows where)"
    console.write(f"{subject}: {text}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Expected to make the folder {folder}, but that failed ({error.strerror}): choose "
            "another one."
        ) from error


class _Run:
    """One `upscalers upscale`: what stays the same for all of its pictures."""

    def __init__(self, options: Options, console: Console) -> None:
        from lib_upscalers.targets import Target

        self._options = options
        self._console = console
        self._upscaler = _make_upscaler(options)
        self._choice = _choose(self._upscaler, options.upscaler)
        # What is wrong with any of them is shown before a picture is read.
        self._settings = read_engine_settings(options)
        if options.scale is not None:
            Target(scale=options.scale)

    def upscale(self, job: Job, label: str) -> None:
        """Read, enlarge and write one picture.

        Raises:
            UpscalerError: It cannot be done; nothing is written.
        """
        from lib_upscalers.pictures.files import DEFAULT_MAX_PIXELS, read_picture, write_picture

        options, start = self._options, time.perf_counter()
        limit = options.max_pixels or DEFAULT_MAX_PIXELS
        picture = read_picture(job.source, max_pixels=limit)
        target = _target(options, self._choice, picture)
        progress = BarProgress(self._console, label)
        result = self._upscaler.run(picture, self._choice, target, self._settings, progress)
        self._console.draw(f"{label} writing ...")
        _make_folder(job.output.parent)
        write_picture(result.picture, job.output, quality=options.quality)
        seconds = time.perf_counter() - start
        change = f"{picture.size} -> {result.picture.size}"
        self._console.say(f"{job.source} -> {job.output}: {change}, {seconds:.1f} s")
        _log.info("%s", _details(self._choice, result))

    def attempt(self, job: Job, label: str) -> bool:
        """Do one picture; report and return False if it fails."""
        try:
            self.upscale(job, label)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - the others are done whatever one picture does
            _report(self._console, job.source, error, verbose=self._options.verbose)
            return False
        return True


def _details(choice: Choice, result: Result) -> str:
    parts = [
        choice.name,
        f"passes {result.passes}",
        f"tiles {result.tiles}",
        f"loading {result.load_seconds:.2f} s",
        f"running {result.run_seconds:.2f} s",
        result.precision,
    ]
    return ", ".join(part for part in parts if part)


def _upscale(options: Options, console: Console) -> int:
    *names, output = options.paths
    work = plan(
        names,
        output,
        extension=options.format,
        recursive=options.recursive,
        overwrite=options.overwrite,
    )
    for refusal in work.refusals:
        _report(console, refusal.source, refusal.error, verbose=options.verbose)
    total = len(work.jobs) + len(work.refusals)
    done = 0
    if work.jobs:
        run = _Run(options, console)
        for number, job in enumerate(work.jobs, 1):
            label = f"[{number}/{len(work.jobs)}] {job.source.name}"
            done += run.attempt(job, label)
    if total > 1:
        console.say(
            f"{done} of {total} done" + (f", {total - done} failed." if done < total else ".")
        )
    return ALL_DONE if done == total else SOME_FAILED


def _row(choice: Choice) -> tuple[str, ...]:
    scale = f"{choice.scale}x" if choice.scale else "any"
    size = readable_bytes(choice.size_bytes) if choice.size_bytes else "-"
    return choice.name, scale, choice.architecture, size, choice.licence or "-"


def _list(options: Options, console: Console) -> int:
    choices = _make_upscaler(options).choices()
    console.clear()
    rows = [("NAME", "SCALE", "ARCHITECTURE", "SIZE", "LICENCE"), *map(_row, choices)]
    output = Console(sys.stdout)
    for line in table(rows):
        output.write(line)
    return ALL_DONE


def _command(options: Options, console: Console) -> int:
    if options.command == "compare":
        return compare_upscalers(options, console)
    if options.command == "latent":
        return fit_latent(options, console)
    return _list(options, console) if options.command == "list" else _upscale(options, console)


def _perform(options: Options, console: Console) -> int:
    try:
        return _command(options, console)
    except (KeyboardInterrupt, Cancelled):
        console.write("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the list has seen enough; Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ALL_DONE
    except UpscalerError as error:
        _report(console, "upscalers", error, verbose=options.verbose)
        return WRONG_USAGE if isinstance(error, InputError) else SOME_FAILED
    except Exception as error:  # noqa: BLE001 - whatever it is, a person reads one line
        _report(console, "upscalers", error, verbose=options.verbose)
        return SOME_FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; None takes those of the process.

    Returns:
        The exit code: 0 all done, 1 some failed, 2 wrong usage, 130 interrupted.

    Raises:
        SystemExit: With code 2, if the arguments cannot be understood; 0 after ``--help``.
    """
    options = parse(arguments)
    console = Console.standard(quiet=options.quiet)
    with _logging_to(console, verbose=options.verbose):
        return _perform(options, console)
