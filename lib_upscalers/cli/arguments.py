"""Define arguments that several commands share; parsing imports nothing heavy."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lib_upscalers.geometry import Size


@dataclass(frozen=True)
class SizeRequest:
    """A size as the user writes it: if one side is missing, it follows the picture's shape."""

    width: int | None
    height: int | None

    @classmethod
    def parse(cls, text: str) -> SizeRequest:
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
            raise argparse.ArgumentTypeError(
                f"expected sides of at least one pixel, but got {text!r}"
            )
        return cls(width, height)

    def resolve(self, picture: Size) -> Size:
        """Return the size for a picture; a missing side follows the picture's shape."""
        return picture.with_sides(self.width or 0, self.height or 0)


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


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add ``--models``."""
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        action="append",
        type=Path,
        default=[],
        help="look for networks in this folder first; may be given several times. Others: those in "
        "$UPSCALER_LAB_MODELS, ./models, and the user's data folder",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: auto)"
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
    """Add ``--scale`` and ``--size``, of which one can be given; return their group.

    Args:
        parser: The command's.
        scale: The scale if neither is given.
        default: The same in words, for the help.
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-s",
        "--scale",
        type=float,
        default=scale,
        metavar="FACTOR",
        help="how many times as wide and high; may be a fraction, and below 1 "
        f"(default: {default})",
    )
    group.add_argument(
        "--size",
        type=SizeRequest.parse,
        metavar="WxH",
        help="the exact size in pixels: 1920x1080; 1920x or x1080 keep the picture's shape "
        "(A4 at 300 dpi is 2480x3508)",
    )
    return group
