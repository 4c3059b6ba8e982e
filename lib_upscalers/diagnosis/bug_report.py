"""Compose one text for a bug report; nothing in it names its user."""

from __future__ import annotations

import getpass
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.diagnosis.privacy import short_path, without_private
from lib_upscalers.diagnosis.recent_problems import describe_error
from lib_upscalers.diagnosis.self_test import self_test
from lib_upscalers.diagnosis.system_facts import device_lines, machine_lines, package_lines
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lib_upscalers.host import Host
    from lib_upscalers.upscaling.upscaler import Upscaler

_MOST_PROBLEMS = 5


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: Its heading.
        lines: Returns its lines; whatever it raises becomes a line.
    """

    title: str
    lines: Callable[[], Sequence[str]]


def bug_report(
    host: Host,
    upscaler: Upscaler,
    first: Sequence[Section],
    last: Sequence[Section] = (),
    *,
    test: bool = True,
) -> str:
    """Return the report.

    It is in English for every user, because those who read it may not know the user's language.

    Args:
        host: The program that the library runs in.
        upscaler: Lists the networks, and enlarges a small drawing.
        first: What the program adds before all else, such as its name.
        last: What it adds at the end.
        test: Whether the small drawing is enlarged.
    """
    sections = [
        *first,
        Section("Machine", machine_lines),
        Section("Packages", package_lines),
        Section("Device", lambda: device_lines(host)),
        Section("Networks", lambda: _networks(host, upscaler)),
        *([Section("Test", lambda: [self_test(upscaler)])] if test else []),
        *last,
    ]
    head = f"Upscaler Lab {VERSION}, doctor, {time.strftime('%Y-%m-%d')}"
    text = "\n".join([head, *(line for each in sections for line in _lines(each))])
    return without_private(text, _home(), _user())


def _lines(section: Section) -> list[str]:
    try:
        lines = list(section.lines())
    except Exception as error:  # noqa: BLE001 - a report of what works is needed the more
        lines = ["cannot be found out", *describe_error(error)]
    return ["", f"[{section.title}]", *(lines or ["none"])]


def _networks(host: Host, upscaler: Upscaler) -> list[str]:
    choices = [each for each in upscaler.choices() if each.entry is not None]
    counts = Counter(each.architecture for each in choices)
    kinds = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    folders = [short_path(folder, _home()) for folder in host.model_folders() if folder.is_dir()]
    lines = [f"{len(choices)}: {kinds}", f"in the folders {', '.join(folders) or 'of ours alone'}"]
    left_out = upscaler.problems()
    if left_out:
        lines.append(f"{len(left_out)} files are left out:")
        lines += [f"  {path.name}: {reason}" for path, reason in left_out[:_MOST_PROBLEMS]]
    return lines


def _home() -> Path:
    with suppress(RuntimeError):
        return Path.home()
    return Path("/nowhere")


def _user() -> str:
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return ""
