"""What the command line understands; parsing imports nothing heavy."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli.compare import add_compare
from lib_upscalers.cli.engine_arguments import add_engine_settings
from lib_upscalers.cli.latent import add_latent
from lib_upscalers.cli.paths import writable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.geometry import Size

_EXAMPLES = """\
examples:
  upscalers upscale in.png out.png --scale 2
  upscalers upscale in.png out.png --upscaler Lanczos --size 1920x1080
  upscalers upscale photos/ more/*.jpg large/ --upscaler 4x-network.pth --format webp
  upscalers list

exit codes: 0 all done, 1 some pictures failed, 2 wrong usage, 130 interrupted
"""


@dataclass(frozen=True)
class SizeRequest:
    """A size as the user gives it: one side may be left out to keep the picture's shape."""

    width: int | None
    height: int | None

    @classmethod
    def parse(cls, text: str) -> SizeRequest:
        """Read ``1920x1080``, ``1920x`` or ``x1080``.

        Raises:
            argparse.ArgumentTypeError: It is neither.
        """
        found = re.fullmatch(r"(\d*)\s*[xX]\s*(\d*)", text.strip())
        if not found or not any(found.groups()):
            raise argparse.ArgumentTypeError(
                f"expected a size such as 1920x1080, 1920x or x1080, but got {text!r}"
            )
        width, height = (int(side) if side else None for side in found.groups())
        return cls(width, height)

    def resolve(self, picture: Size) -> Size:
        """Return the size for a picture; a side that was left out follows its shape."""
        from lib_upscalers.geometry import Size

        if self.width is not None and self.height is not None:
            return Size(self.width, self.height)
        if self.width is not None:
            return Size(self.width, max(1, round(picture.height * self.width / picture.width)))
        height = self.height or 0
        return Size(max(1, round(picture.width * height / picture.height)), height)


class Options(argparse.Namespace):
    """The command line, typed; the fields are the options' names."""

    command: str | None = None
    list: bool = False
    paths: Sequence[str] = ()
    models: Sequence[Path] = ()
    quiet: bool = False
    verbose: bool = False
    upscaler: str | None
    scale: float | None
    size: SizeRequest | None
    device: str = "auto"
    format: str | None
    quality: int | None
    max_pixels: int | None
    recursive: bool
    overwrite: bool


def _count(text: str) -> int:
    """Read a whole number that may have underscores and must be above 0."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, but got {text!r}")
    return number


def _percent(text: str) -> int:
    number = _count(text)
    if number > 100:
        raise argparse.ArgumentTypeError(f"expected a quality from 1 to 100, but got {text!r}")
    return number


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        action="append",
        type=Path,
        default=[],
        help="look for networks in this folder first; may be given several times. Others: those in "
        "$UPSCALER_LAB_MODELS, ./models, and the user's data folder",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show only errors and warnings")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show what goes on, and tracebacks of errors"
    )


def _add_target(parser: argparse.ArgumentParser) -> None:
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "-s",
        "--scale",
        type=float,
        metavar="FACTOR",
        help="how many times as large; may be a fraction, and below 1 (default: what the network "
        "was made for, otherwise 2)",
    )
    target.add_argument(
        "--size",
        type=SizeRequest.parse,
        metavar="WxH",
        help="the exact size in pixels: 1920x1080; 1920x or x1080 keep the picture's shape",
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files")
    group.add_argument(
        "-f",
        "--format",
        choices=writable(),
        help="format of the results (default: by the ending of OUT, or each picture's own)",
    )
    group.add_argument(
        "--quality", type=_percent, metavar="1-100", help="of lossy formats such as jpg"
    )
    group.add_argument(
        "-r", "--recursive", action="store_true", help="look into sub-folders, and mirror them"
    )
    group.add_argument("--overwrite", action="store_true", help="replace results that exist")
    group.add_argument(
        "--max-pixels",
        type=_count,
        metavar="N",
        help="refuse pictures with more pixels than this, which may be made to fill the memory",
    )


def _add_upscale(parser: argparse.ArgumentParser) -> None:
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
    _add_target(parser)
    add_engine_settings(parser)
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: auto)"
    )
    _add_files(parser)
    _add_shared(parser)


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="upscalers",
        description="Enlarge pictures, with networks or with classic kernels.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="the same as `upscalers list`")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    upscale = commands.add_parser(
        "upscale",
        usage="upscalers upscale IN [IN ...] OUT [options]",
        help="enlarge pictures",
        description="Enlarge pictures.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_upscale(upscale)
    listing = commands.add_parser(
        "list", help="list all upscalers with scale, architecture and size"
    )
    _add_shared(listing)
    add_compare(commands)
    add_latent(commands.add_parser("latent", help="make networks that enlarge latents"))
    return parser


def parse(arguments: Sequence[str] | None) -> Options:
    """Read the command line; on wrong usage, say so on stderr and exit with code 2."""
    parser = make_parser()
    options = parser.parse_args(arguments, namespace=Options())
    if options.list:
        options.command = "list"
    if options.command is None:
        parser.error("expected a command: upscale, list, compare or latent (--help explains them)")
    if options.command == "upscale" and len(options.paths) < 2:
        parser.error("expected at least one picture and a place for the result: IN [IN ...] OUT")
    return options
