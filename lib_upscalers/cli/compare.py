"""`upscalers compare`: several upscalers on one picture, or a test on many, with figures."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import (
    add_device,
    add_messages,
    add_models,
    add_scale_or_size,
    output_file,
    percent,
)
from lib_upscalers.cli.command import EXIT_CODES, Command, options_of
from lib_upscalers.cli.console import Bars, Console
from lib_upscalers.cli.ending import ALL_DONE, SOME_FAILED
from lib_upscalers.cli.engine_arguments import add_engine_settings, read_engine_settings
from lib_upscalers.cli.problems import describe
from lib_upscalers.errors import AlreadyExistsError, InputError, ModelError, OutputError
from lib_upscalers.upscaling.settings import differences

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from lib_upscalers.compare.request import ComparisonRequest
    from lib_upscalers.compare.session import Session
    from lib_upscalers.compare.store import Store
    from lib_upscalers.targets import SizeRequest
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Upscaler

# `--kernel` is the kernel of --test.
NETWORK_KERNEL = "--network-kernel"
MOST_PICTURES = 50
_EPILOG = f"""\
examples:
  upscalers compare in.png --with Nearest,Lanczos,"Lab Fast 2x" --report out.html
  upscalers compare in.png --with Lanczos,4x-network.pth --scale 4 --grid out.png
  upscalers compare photo.png --with Lanczos,"Lab Fast 2x" --test 2 --jpeg 80
  upscalers compare photos/ --with Lanczos,"Lab Fast 2x" --test 2 --csv out.csv
  upscalers compare --open out.html

{EXIT_CODES}"""
_OUTPUTS = (
    ("report", "one HTML file with the viewer and the picture; of several their figures"),
    ("grid", "all results in one picture, with their names"),
    ("csv", "the figures as a table"),
    ("json", "the figures with everything that is known of the upscalers"),
)


@dataclass(frozen=True)
class CompareOptions:
    """The options of `upscalers compare`."""

    pictures: Sequence[str]
    names: str
    open: Path | None
    scale: float
    size: SizeRequest | None
    test: int | None
    kernel: str
    jpeg: int | None
    report: Path | None
    grid: Path | None
    csv: Path | None
    json: Path | None
    overwrite: bool
    models: Sequence[Path]
    device: str

    @property
    def upscalers(self) -> tuple[str, ...]:
        """The names of the upscalers."""
        return tuple(name.strip() for name in self.names.split(",") if name.strip())

    @property
    def outputs(self) -> list[Path]:
        """The files to write."""
        return [path for path in (self.report, self.grid, self.csv, self.json) if path]


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pictures", nargs="*", metavar="PICTURE", help="a picture; with --test several, or folders"
    )
    parser.add_argument(
        "--open",
        type=Path,
        metavar="FILE",
        help="show a comparison again in the app: its HTML report, or the JSON file of its session",
    )
    parser.add_argument(
        "--with",
        dest="names",
        default="",
        metavar="A,B,C",
        help="names from `upscalers list` or paths of network files, separated by commas",
    )
    add_scale_or_size(parser, 2.0, "2").add_argument(
        "--test",
        type=int,
        choices=(2, 3, 4),
        help="take the picture as the truth, shrink it, and measure what becomes of it",
    )
    parser.add_argument("--kernel", default="Bicubic", help="what --test shrinks by")
    parser.add_argument(
        "--jpeg", type=percent, metavar="1-100", help="--test stores it as JPEG, too"
    )
    for name, what in _OUTPUTS:
        parser.add_argument(f"--{name}", type=output_file, metavar="FILE", help=f"write {what}")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace those files if they exist"
    )
    add_engine_settings(parser, renamed={"kernel": NETWORK_KERNEL})
    add_models(parser)
    add_device(parser)
    add_messages(parser)


def _request(
    options: CompareOptions, pictures: Sequence[Path], settings: Settings
) -> ComparisonRequest:
    from lib_upscalers.compare.align import Trial
    from lib_upscalers.compare.request import ComparisonRequest
    from lib_upscalers.pictures.files import picture_size
    from lib_upscalers.targets import Target, target_for

    engine = differences(settings)
    if options.test is not None:
        trial = Trial(options.test, options.kernel, options.jpeg)
        return ComparisonRequest(
            options.upscalers, Target(scale=float(options.test)), trial, engine
        )
    target = target_for(options.size, options.scale, picture_size(pictures[0]))
    return ComparisonRequest(options.upscalers, target, engine=engine)


def _pictures(options: CompareOptions, console: Console) -> tuple[list[Path], bool]:
    """Return the pictures, and whether some of the names lead to none."""
    from lib_upscalers.jobs.sources import find_sources

    # Nothing is written where pictures are, so no folder of results has to be left out.
    found = find_sources(options.pictures, Path("-"), recursive=False, deeper="")
    pictures = [source.path for source in found.sources]
    if found.refusals and not pictures:
        raise found.refusals[0].error
    for note in found.notes:
        console.say(note)
    for refusal in found.refusals:
        console.write(f"{refusal.name}: {describe(refusal.error)}", "red")
    if len(pictures) > 1 and (options.test is None or options.grid):
        raise InputError(
            f"Expected one picture, but got {len(pictures)}: several are for --test, with "
            "--report, --csv or --json."
        )
    if len(pictures) > MOST_PICTURES:
        raise InputError(f"Expected at most {MOST_PICTURES} pictures, but got {len(pictures)}.")
    return pictures, bool(found.refusals)


def _check_outputs(options: CompareOptions, inputs: Sequence[Path]) -> None:
    """Raise now what writing would raise after all the work."""
    from lib_upscalers.file_writing import check_target
    from lib_upscalers.pictures.files import format_for

    taken: dict[str, Path] = {}
    for path in options.outputs:
        other = taken.setdefault(os.path.realpath(path).casefold(), path)
        if other is not path:
            raise OutputError(
                f"Expected different files to write, but got {other} and {path}, which are the "
                "same: choose another name for one of them."
            )
        check_target(path, overwrite=True, protected=inputs, make_folders=True)
        if os.path.lexists(path) and not options.overwrite:
            raise AlreadyExistsError(f"{path} is there already; --overwrite replaces it.")
    if options.grid:
        format_for(options.grid)


class _Comparing:
    """One `upscalers compare`."""

    def __init__(
        self, options: CompareOptions, request: ComparisonRequest, settings: Settings
    ) -> None:
        from lib_upscalers.compare.store import Store
        from lib_upscalers.hosts.standalone import StandaloneHost
        from lib_upscalers.upscaling.upscaler import Upscaler

        self._request = request
        self._settings = settings
        self._host = StandaloneHost(tuple(options.models), options.device)
        self._upscaler: Upscaler = Upscaler(self._host)
        self.store: Store = Store(self._host.data_folder() / "compare")

    def check(self) -> None:
        """Raise now what every upscaler would raise when it runs; a damaged network is no reason.

        Raises:
            InputError: There is no upscaler of a name, or no such device.
        """
        self._host.device()
        for name in self._request.names:
            with suppress(ModelError):
                self._upscaler.find(name)

    def compare(self, path: Path, bars: Bars) -> Session:
        """Compare on one picture; an upscaler that fails is reported and noted in the session."""
        from lib_upscalers.compare.subject import read_subject
        from lib_upscalers.pictures.files import picture_size
        from lib_upscalers.tiling.exhaustion import naming_memory
        from lib_upscalers.upscaling.candidates import candidates, comparison

        with naming_memory(f"to compare on {path}, {picture_size(path)}"):
            subject = read_subject(path, self._request)
            chosen = candidates(self._upscaler, self._request.names, settings=self._settings)
            work = comparison(subject, self._request, chosen, self.store, self._host)
        for note in (*subject.notes, work.warning()):
            if note:
                bars.console.say(f"{path.name}: {note}")
        session: Session | None = None
        bars.begin(path.name)
        for session in work.run():
            _draw(session, bars)
        if session is None:
            raise InputError(f"Expected a picture to compare on, but got {path}.")
        for entry in session.entries:
            if entry.state != "finished":
                problem = entry.text or entry.state
                bars.console.write(f"{path.name}, {entry.name}: {problem}", "red")
        return session


def _draw(session: Session, bars: Bars) -> None:
    for number, entry in enumerate(session.entries, 1):
        if entry.state == "running":
            where = f"[{number}/{len(session.entries)}] {entry.name}"
            done = (number - 1 + (entry.fraction or 0.0)) / len(session.entries)
            bars.update(round(done * 1000), 1000, f"{where} {entry.text}")


def _table(
    sessions: Sequence[Session], words: Callable[[str], str]
) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the table of means over all pictures."""
    from lib_upscalers.compare.metrics import METRICS
    from lib_upscalers.compare.session import means

    collected = means(sessions)
    used = [name for name in METRICS if any(name in own for own in collected.values())]
    arrows = {"higher": "+", "lower": "-"}
    head = ["UPSCALER", "SECONDS"]
    head += [f"{words(METRICS[name].label)} {arrows[METRICS[name].better]}" for name in used]
    rows: list[list[str]] = []
    for upscaler, figures in collected.items():
        seconds = figures.get("seconds")
        row = [upscaler, f"{statistics.fmean(seconds):.2f}" if seconds else "-"]
        for name in used:
            values = figures.get(name)
            digits = METRICS[name].digits
            row.append(f"{statistics.fmean(values):.{digits}f}" if values else "-")
        rows.append(row)
    return head, rows


def _write_all(
    options: CompareOptions, sessions: Sequence[Session], store: Store, inputs: Sequence[Path]
) -> Iterator[Path]:
    from lib_upscalers.compare import report
    from lib_upscalers.file_writing import write_text
    from lib_upscalers.jobs.output_folders import folders_for
    from lib_upscalers.pictures.files import write_picture
    from lib_upscalers.tiling.exhaustion import naming_memory

    texts = (
        (options.report, lambda: report.html_report(sessions, store)),
        (options.csv, lambda: report.csv_table(sessions)),
        (options.json, lambda: report.json_table(sessions)),
    )
    for path, text in texts:
        if path:
            with naming_memory(f"to write {path} with {len(sessions)} pictures"):
                written, overwrite = text(), options.overwrite
                write_text(path, written, overwrite=overwrite, protected=inputs, make_folders=True)
            yield path
    if options.grid:
        what = f"to write {options.grid} with {len(sessions[0].entries)} results"
        with naming_memory(what), folders_for(options.grid):
            grid = report.grid(sessions[0], store)
            write_picture(grid, options.grid, overwrite=options.overwrite, protected=inputs)
        yield options.grid


def _open(options: CompareOptions, path: Path) -> int:
    """Start the app, a program of its own, which shows a comparison; return its exit code."""
    if options.pictures or options.names or options.outputs:
        raise InputError("Expected --open alone: it compares nothing and writes no file.")
    command = [sys.executable, "-m", "lib_upscalers.app", "--open", str(path)]
    for folder in options.models:
        command += ["--models", str(folder)]
    with subprocess.Popen([*command, "--device", options.device]) as app:  # noqa: S603 - ours
        while True:
            try:
                return app.wait()
            except KeyboardInterrupt:
                # A terminal sends Ctrl-C to the app, too, which then ends by itself.
                continue


def _run(namespace: argparse.Namespace, console: Console) -> int:
    options = options_of(CompareOptions, namespace)
    if options.open is not None:
        return _open(options, options.open)
    if not options.pictures or not options.names:
        raise InputError(
            "Expected a picture and --with A,B, or --open FILE: name what to compare, or a report."
        )
    pictures, failed = _pictures(options, console)
    settings = read_engine_settings(namespace)
    request = _request(options, pictures, settings)
    inputs = [*pictures, *(Path(name) for name in options.upscalers)]
    _check_outputs(options, inputs)
    work = _Comparing(options, request, settings)
    work.check()
    sessions: list[Session] = []
    with Bars(console, len(pictures)) as bars:
        for path in pictures:
            try:
                sessions.append(work.compare(path, bars))
            except InputError as error:
                failed = True
                console.write(f"{path}: {describe(error)}", "red")
            bars.finish()
    if not sessions:
        return SOME_FAILED
    Console.results(console.words).table(*_table(sessions, console.words))
    console.say("+: higher is better, -: lower is better. --report explains each figure.")
    if any(entry.state == "finished" for each in sessions for entry in each.entries):
        for written in _write_all(options, sessions, work.store, inputs):
            console.say(f"Written: {written}")
    unfinished = any(entry.state != "finished" for each in sessions for entry in each.entries)
    return SOME_FAILED if failed or unfinished else ALL_DONE


COMMAND = Command(
    name="compare",
    summary="compare 1 to 12 upscalers on a picture, with figures and a report",
    add=_add,
    run=_run,
    epilog=_EPILOG,
    names="pictures",
)
