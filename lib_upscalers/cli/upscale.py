"""`upscalers upscale`: enlarge pictures."""

from __future__ import annotations

import argparse
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import (
    add_device,
    add_messages,
    add_models,
    add_scale_or_size,
    count,
    percent,
    resolution,
)
from lib_upscalers.cli.batch import Batch
from lib_upscalers.cli.cluster import add_cluster
from lib_upscalers.cli.command import EXIT_CODES, Command, options_of
from lib_upscalers.cli.engine_arguments import add_engine_settings, read_engine_settings
from lib_upscalers.cli.listing import show_list
from lib_upscalers.cli.method_options import UpscaleOptions
from lib_upscalers.errors import InputError
from lib_upscalers.jobs.folder_watch import settled
from lib_upscalers.jobs.output_paths import plan, writable
from lib_upscalers.jobs.sources import find_sources, to_path

if TYPE_CHECKING:
    from collections.abc import Generator

    from lib_upscalers.cli.console import Console
    from lib_upscalers.jobs.output_paths import FilePlan

EXAMPLES = f"""\
examples:
  upscalers upscale in.png out.png --scale 2
  upscalers upscale in.png out.png --upscaler Lanczos --size 1920x1080
  upscalers upscale in.png a4.png --fit 2480x3508 --dpi 300
  upscalers upscale photos/ more/*.jpg large/ --upscaler 4x-network.pth --format webp
  upscalers list

{EXIT_CODES}"""


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files")
    group.add_argument(
        "-f",
        "--format",
        choices=writable(),
        help="format of the results (default: by the ending of OUT, or each picture's own)",
    )
    group.add_argument(
        "--quality", type=percent, metavar="1-100", help="of lossy formats such as jpg"
    )
    group.add_argument(
        "--dpi",
        type=resolution,
        metavar="N",
        help="pixels an inch that PNG, JPEG and TIFF results state, for print (default: what the "
        "picture states)",
    )
    group.add_argument(
        "-r", "--recursive", action="store_true", help="read sub-folders too, and mirror them"
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files that are there and that no earlier run into this folder has made",
    )
    group.add_argument(
        "--frames",
        choices=("all", "first", "files"),
        default="all",
        help="of animations and of files with several pages: all in one file where the format of "
        "the result can hold them, the first alone, or one file a frame (default: all)",
    )
    group.add_argument(
        "--partial",
        action="store_true",
        help="read pictures that are damaged or cut short as far as they go",
    )
    group.add_argument(
        "--max-pixels",
        type=count,
        metavar="N",
        help="refuse pictures with more pixels than this, which may be made to fill the memory",
    )


def _add_folders(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "folders",
        "a folder of results keeps a journal, the file upscalers-journal:\n"
        "  the same command goes on where an earlier one has ended, and does again what has\n"
        "  changed: a picture, or an option that changes pixels; several commands may work into\n"
        "  one folder at once",
    )
    group.add_argument(
        "--no-resume",
        dest="resume",
        action="store_false",
        help="do everything again, also what is done",
    )
    group.add_argument(
        "--retry-failed",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="try again what failed before (default: yes)",
    )
    group.add_argument(
        "--skip-existing",
        action="store_true",
        help="keep no journal: whatever has a file of its result's name counts as done",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="show what would be done, and write nothing"
    )
    group.add_argument(
        "--watch",
        action="store_true",
        help="wait for further pictures when all are done, until Ctrl-C",
    )
    group.add_argument(
        "--json", action="store_true", help="write a summary as JSON to the standard output"
    )


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="pictures, folders or patterns such as '*.png', and last where the result goes: a "
        "file for one picture, a folder for several",
    )
    parser.add_argument(
        "-u",
        "--upscaler",
        metavar="NAME",
        help="a name from `upscalers list`, or the path of a network file (default: the first "
        "network of that list)",
    )
    parser.add_argument("--list", action="store_true", help="the same as `upscalers list`")
    add_scale_or_size(parser, None, "what the network was made for, otherwise 2")
    add_engine_settings(parser)
    add_device(parser)
    _add_files(parser)
    _add_folders(parser)
    add_cluster(parser)
    add_models(parser)
    add_messages(parser)


def _run(namespace: argparse.Namespace, console: Console) -> int:
    from lib_upscalers.targets import Target

    options = options_of(UpscaleOptions, namespace)
    if options.list:
        return show_list(options.models, console, verbose=options.verbose)
    settings = read_engine_settings(namespace)
    if options.scale is not None:
        Target(scale=options.scale)  # refused before a picture is read
    batch = Batch(options, settings, console)
    if options.watch and not options.dry_run:
        return batch.watch(_plans(options))
    return batch.run(_plan(options))


def _plan(options: UpscaleOptions) -> FilePlan:
    *names, output = options.paths
    return plan(
        names,
        output,
        extension=options.format,
        recursive=options.recursive,
        overwrite=options.overwrite,
        by_frame=options.frames == "files",
    )


def _plans(options: UpscaleOptions) -> Generator[FilePlan]:
    """Yield what is there, and then, without an end, what has come or changed since.

    Raises:
        InputError: The results do not go into a folder.
    """
    *names, output = options.paths
    target = to_path(output)

    def files() -> list[Path]:
        found = find_sources(names, target, recursive=options.recursive)
        return [source.path for source in found.sources]

    known: dict[Path, tuple[int, int]] = {}
    for now in settled(files, {}, threading.Event()):
        work = _plan(options)
        if not work.into_folder:
            raise InputError(f"Expected a folder for the results of --watch, but got {output}.")
        new = {path for path, stamp in now.items() if known.get(path) != stamp}
        known = dict(now)
        jobs = tuple(job for job in work.jobs if job.source in new)
        earlier = tuple(job for job in work.earlier if job.source in new)
        refusals = tuple(each for each in work.refusals if Path(each.name) in new)
        yield replace(work, jobs=jobs, earlier=earlier, refusals=refusals, notes=())


COMMAND = Command(
    name="upscale",
    summary="enlarge pictures",
    add=_add,
    run=_run,
    usage="upscalers upscale IN [IN ...] OUT [options]",
    epilog=EXAMPLES,
    names="paths",
    least=(2, "at least one picture and a place for the result: IN [IN ...] OUT"),
)
