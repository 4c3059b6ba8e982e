"""`upscalers compare`: several upscalers on one picture, or a test on many, with figures."""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.cli.console import Console, table
from lib_upscalers.errors import InputError
from lib_upscalers.file_writing import check_target, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lib_upscalers.compare.request import ComparisonRequest
    from lib_upscalers.compare.session import Session
    from lib_upscalers.compare.store import Store
    from lib_upscalers.upscaling.upscaler import Upscaler

MOST_PICTURES = 50
_EPILOG = """\
examples:
  upscalers compare in.png --with Nearest,Lanczos,"Lab Fast 2x" --report out.html
  upscalers compare in.png --with Lanczos,4x-network.pth --scale 4 --grid out.png
  upscalers compare photo.png --with Lanczos,"Lab Fast 2x" --test 2 --jpeg 80
  upscalers compare photos/ --with Lanczos,"Lab Fast 2x" --test 2 --csv out.csv

exit codes: 0 all done, 1 some failed, 2 wrong usage, 130 interrupted
"""


class _Options(argparse.Namespace):
    """The options of `upscalers compare`, typed."""

    pictures: list[str]
    names: str
    scale: float
    size: str | None
    test: int | None
    kernel: str
    jpeg: int | None
    report: Path | None
    grid: Path | None
    csv: Path | None
    json: Path | None
    models: list[Path]
    device: str
    quiet: bool


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    for name, what in (
        ("report", "one HTML file with the viewer and the picture; of several their figures"),
        ("grid", "all results in one PNG, with their names"),
        ("csv", "the figures as a table"),
        ("json", "the figures with everything that is known of the upscalers"),
    ):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write {what}")


def add_compare(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type to itself
    """Add the command `compare` to the command line."""
    parser = commands.add_parser(
        "compare",
        help="compare upscalers on a picture, with figures and a report",
        description="Compare 2 to 12 upscalers. Figures go to stdout.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="a picture; with --test several, or folders"
    )
    parser.add_argument(
        "--with",
        dest="names",
        required=True,
        metavar="A,B,C",
        help="names from `upscalers list` or paths of network files, separated by commas",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "-s", "--scale", type=float, default=2.0, metavar="FACTOR", help="how many times as large"
    )
    target.add_argument("--size", metavar="WxH", help="the exact size of the results")
    target.add_argument(
        "--test",
        type=int,
        choices=(2, 3, 4),
        help="take the picture as the truth, shrink it, and measure what becomes of it",
    )
    parser.add_argument("--kernel", default="Bicubic", help="what --test shrinks by")
    parser.add_argument("--jpeg", type=int, metavar="1-100", help="--test stores it as JPEG, too")
    _add_outputs(parser)
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        action="append",
        type=Path,
        default=[],
        help="look for networks in this folder first; may be given several times",
    )
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: auto)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show only errors and warnings")


def _request(options: _Options) -> ComparisonRequest:
    from lib_upscalers.compare.align import Trial
    from lib_upscalers.compare.request import ComparisonRequest
    from lib_upscalers.geometry import Size
    from lib_upscalers.targets import Target

    names = tuple(name.strip() for name in options.names.split(",") if name.strip())
    if options.test is not None:
        trial = Trial(options.test, options.kernel, options.jpeg)
        return ComparisonRequest(names, Target(scale=float(options.test)), trial)
    if options.size is None:
        return ComparisonRequest(names, Target(scale=options.scale))
    found = re.fullmatch(r"(\d+)[xX](\d+)", options.size.strip())
    if not found:
        raise InputError(f"Expected a size such as 1920x1080, but got {options.size!r}.")
    return ComparisonRequest(names, Target(size=Size(int(found[1]), int(found[2]))))


def _pictures(options: _Options, request: ComparisonRequest) -> list[Path]:
    from lib_upscalers.cli.paths import expand

    # Nothing is written where pictures are, so no folder of results has to be left out.
    sources, refusals = expand(options.pictures, Path("-"), recursive=False)
    for refusal in refusals:
        raise refusal.error
    if len(sources) > 1 and (request.trial is None or options.grid):
        raise InputError(
            f"Expected one picture, but got {len(sources)}: several are for --test, with --report, "
            "--csv or --json."
        )
    if len(sources) > MOST_PICTURES:
        raise InputError(f"Expected at most {MOST_PICTURES} pictures, but got {len(sources)}.")
    return [source.path for source in sources]


class _Run:
    def __init__(self, options: _Options, console: Console) -> None:
        from lib_upscalers.compare.store import Store
        from lib_upscalers.hosts.standalone import StandaloneHost
        from lib_upscalers.upscaling.upscaler import Upscaler

        self._console = console
        self._host = StandaloneHost(tuple(options.models), options.device)
        self._upscaler: Upscaler = Upscaler(self._host)
        self.store: Store = Store(self._host.data_folder() / "compare")
        self.request = _request(options)

    def compare(self, path: Path) -> Session:
        """Compare on one picture; what goes wrong with an upscaler is told and noted."""
        from lib_upscalers.compare.subject import read_subject
        from lib_upscalers.upscaling.candidates import candidates, comparison

        subject = read_subject(path, self.request)
        chosen = candidates(self._upscaler, self.request.names)
        work = comparison(subject, self.request, chosen, self.store, self._host)
        for note in (*subject.notes, work.warning()):
            if note:
                self._console.say(f"{path.name}: {note}")
        session: Session | None = None
        for session in work.run():
            self._draw(path.name, session)
        self._console.clear()
        if session is None:
            raise InputError(f"Expected a picture to compare on, but got {path}.")
        for entry in session.entries:
            if entry.state != "finished":
                self._console.write(f"{path.name}, {entry.name}: {entry.text or entry.state}")
        return session

    def _draw(self, picture: str, session: Session) -> None:
        for number, entry in enumerate(session.entries, 1):
            if entry.state == "running":
                done = "" if entry.fraction is None else f" {entry.fraction:4.0%}"
                where = f"[{number}/{len(session.entries)}]"
                self._console.draw(f"{picture} {where} {entry.name}{done} {entry.text}")


def _rows(sessions: Sequence[Session]) -> list[tuple[str, ...]]:
    """Return the means over all pictures as rows of a table."""
    from lib_upscalers.compare.metrics import METRICS
    from lib_upscalers.compare.session import means

    collected = means(sessions)
    shown = [name for name in METRICS if any(name in own for own in collected.values())]
    arrows = {"higher": "+", "lower": "-"}
    heads = [f"{METRICS[name].label} {arrows[METRICS[name].better]}" for name in shown]
    rows: list[tuple[str, ...]] = [("UPSCALER", "SECONDS", *heads)]
    for upscaler, figures in collected.items():
        cells = [f"{statistics.fmean(figures['seconds']):.2f}"]
        for name in shown:
            values = figures.get(name)
            digits = METRICS[name].digits
            cells.append(f"{statistics.fmean(values):.{digits}f}" if values else "-")
        rows.append((upscaler, *cells))
    return rows


def _write_all(
    options: _Options, sessions: Sequence[Session], store: Store, pictures: Sequence[Path]
) -> Iterable[Path]:
    from lib_upscalers.compare import report
    from lib_upscalers.pictures.files import write_picture

    def write(path: Path, text: str) -> Path:
        write_text(path, text, overwrite=True, protected=pictures)
        return path

    if options.report:
        yield write(options.report, report.html_report(sessions, store))
    if options.grid:
        write_picture(report.grid(sessions[0], store), options.grid, protected=pictures)
        yield options.grid
    if options.csv:
        yield write(options.csv, report.csv_table(sessions))
    if options.json:
        yield write(options.json, report.json_table(sessions))


def compare_upscalers(given: argparse.Namespace, console: Console) -> int:
    """Run the command; return the exit code.

    Raises:
        UpscalerError: It cannot be done.
    """
    options = cast("_Options", given)
    run = _Run(options, console)
    pictures = _pictures(options, run.request)
    for output in (options.report, options.grid, options.csv, options.json):
        if output:
            check_target(output, overwrite=True, protected=pictures)
    sessions: list[Session] = []
    failed = False
    for path in pictures:
        try:
            sessions.append(run.compare(path))
        except InputError as error:
            if len(pictures) == 1:
                raise
            failed = True
            console.write(f"{path}: {error}")
    output = Console(sys.stdout)
    for line in table(_rows(sessions)):
        output.write(line)
    for written in _write_all(options, sessions, run.store, pictures):
        console.say(f"Written: {written}")
    unfinished = any(e.state != "finished" for each in sessions for e in each.entries)
    return int(failed or unfinished)
