"""`upscalers upscale`: enlarge pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import (
    add_device,
    add_messages,
    add_models,
    add_scale_or_size,
    count,
    percent,
)
from lib_upscalers.cli.batch import Batch, UpscaleOptions
from lib_upscalers.cli.command import EXIT_CODES, Command, options_of
from lib_upscalers.cli.engine_arguments import add_engine_settings, read_engine_settings
from lib_upscalers.cli.listing import show_list
from lib_upscalers.cli.paths import plan, writable

if TYPE_CHECKING:
    import argparse

    from lib_upscalers.cli.console import Console

EXAMPLES = f"""\
examples:
  upscalers upscale in.png out.png --scale 2
  upscalers upscale in.png out.png --upscaler Lanczos --size 1920x1080
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
        "-r", "--recursive", action="store_true", help="read sub-folders too, and mirror them"
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="replace results that exist (default: in a folder they count as done before)",
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
        help="a name from `upscalers list`, or the path of a network file (default: the built-in "
        "network)",
    )
    parser.add_argument("--list", action="store_true", help="the same as `upscalers list`")
    add_scale_or_size(parser, None, "what the network was made for, otherwise 2")
    add_engine_settings(parser)
    add_device(parser)
    _add_files(parser)
    add_models(parser)
    add_messages(parser)


def _run(namespace: argparse.Namespace, console: Console) -> int:
    from lib_upscalers.targets import Target

    options = options_of(UpscaleOptions, namespace)
    if options.list:
        return show_list(options.models)
    settings = read_engine_settings(namespace)
    if options.scale is not None:
        Target(scale=options.scale)  # refused before a picture is read
    *names, output = options.paths
    work = plan(
        names,
        output,
        extension=options.format,
        recursive=options.recursive,
        overwrite=options.overwrite,
    )
    return Batch(options, settings, console).run(work)


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
