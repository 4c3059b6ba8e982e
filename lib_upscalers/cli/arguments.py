"""Define arguments that several commands share; parsing imports nothing heavy."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

from lib_upscalers.targets import SizeRequest

_MOST_DPI = 65_535
_MOST_PORT = 65_535


def size_request(text: str) -> SizeRequest:
    """Read ``1920x1080``, ``1920x`` or ``x1080``.

    Raises:
        argparse.ArgumentTypeError: It is none of these.
    """
    found = re.fullmatch(r"([0-9]*)\s*[xX]\s*([0-9]*)", text.strip())
    if not found or not any(found.groups()) or max(map(len, found.groups())) > 9:
        raise argparse.ArgumentTypeError(
            f"expected a size such as 1920x1080, 1920x or x1080, but got {text!r}"
        )
    width, height = (int(side) if side else None for side in found.groups())
    if 0 in (width, height):
        raise argparse.ArgumentTypeError(f"expected sides of at least one pixel, but got {text!r}")
    return SizeRequest(width, height)


def fit_request(text: str) -> SizeRequest:
    """Read the sides of what a result has to fit into, such as ``1920x1080``.

    Raises:
        argparse.ArgumentTypeError: It is no such size, or has one side only.
    """
    read = size_request(text)
    if read.width is None or read.height is None:
        raise argparse.ArgumentTypeError(
            f"expected a width and a height such as 1920x1080, but got {text!r}: for one side "
            "alone use --size"
        )
    return replace(read, fit=True)


def factor(text: str) -> float:
    """Read how many times as wide and high: ``2``, ``1.5``, ``4x``.

    Raises:
        argparse.ArgumentTypeError: It is no number.
    """
    try:
        return float(text.strip().lower().removesuffix("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a number such as 2 or 1.5, but got {text!r}"
        ) from None


def count(text: str) -> int:
    """Read a whole number above 0; it may have underscores.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, but got {text!r}")
    return number


def natural(text: str) -> int:
    """Read a whole number from 0 up.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    return 0 if text == "0" else count(text)


def percent(text: str) -> int:
    """Read a quality from 1 to 100.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    number = count(text)
    if number > 100:
        raise argparse.ArgumentTypeError(f"expected a quality from 1 to 100, but got {text!r}")
    return number


def resolution(text: str) -> int:
    """Read pixels an inch, from 1 to 65535, as JPEG holds them.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    number = count(text)
    if number > _MOST_DPI:
        raise argparse.ArgumentTypeError(
            f"expected 1 to {_MOST_DPI} pixels an inch, but got {text!r}"
        )
    return number


def port(text: str) -> int:
    """Read a port of this computer; 0 stands for any free one.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or int(text) > _MOST_PORT:
        raise argparse.ArgumentTypeError(f"expected a port up to {_MOST_PORT}, but got {text!r}")
    return int(text)


def models_folder(text: str) -> Path:
    """Read the name of a folder with networks.

    Raises:
        argparse.ArgumentTypeError: There is no such folder.
    """
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"expected a folder with networks, but {text!r} is none")
    return folder


def output_file(text: str) -> Path:
    """Read the name of a file to write.

    Raises:
        argparse.ArgumentTypeError: It stands for the standard output.
    """
    if text == "-":
        raise argparse.ArgumentTypeError("expected the name of a file to write, but got '-'")
    return Path(text)


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add ``--models``."""
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        action="append",
        type=models_folder,
        default=[],
        help="look for networks in this folder first; may be given several times. Others: those in "
        "$UPSCALER_LAB_MODELS, ./models, and the user's data folder",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="cpu, cuda, cuda:1, mps, vulkan:0 (default: auto)",
    )


def add_messages(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet`` and ``--verbose``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="show only errors and warnings")
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show what the library logs, and tracebacks of errors",
    )


def add_scale_or_size(
    parser: argparse.ArgumentParser, scale: float | None, default: str
) -> argparse._MutuallyExclusiveGroup:  # pyright: ignore[reportPrivateUsage] - it has no other name
    """Add ``--scale``, ``--size`` and ``--fit``, of which one can be given; return their group.

    Args:
        parser: The command's.
        scale: The scale if neither is given.
        default: The same in words, for the help.
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-s",
        "--scale",
        type=factor,
        default=scale,
        metavar="FACTOR",
        help="how many times as wide and high; may be a fraction, and below 1 "
        f"(default: {default})",
    )
    group.add_argument(
        "--size",
        type=size_request,
        metavar="WxH",
        help="the exact size in pixels: 1920x1080; 1920x or x1080 keep the picture's shape "
        "(A4 at 300 dpi is 2480x3508)",
    )
    group.add_argument(
        "--fit",
        type=fit_request,
        dest="size",
        metavar="WxH",
        help="the largest size of the picture's own shape within so many pixels, such as 1920x1080",
    )
    return group
