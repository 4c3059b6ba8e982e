"""`upscalers doctor`: one text about this installation, to be pasted into a bug report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import add_device, add_messages, add_models
from lib_upscalers.cli.command import Command
from lib_upscalers.cli.console import Console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_ENGLISH = "The report is in English, so that whoever reads it can help."


def _add(parser: argparse.ArgumentParser) -> None:
    add_models(parser)
    add_device(parser)
    add_messages(parser)


def _variables() -> Sequence[str]:
    """Return the names of our environment variables that are set; their values are private."""
    return [f"{name} is set" for name in sorted(os.environ) if name.startswith("UPSCALER_LAB_")]


def _run(options: argparse.Namespace, console: Console) -> int:
    from lib_upscalers.diagnosis.bug_report import Section, bug_report
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.upscaling.upscaler import Upscaler

    if console.words(_ENGLISH) != _ENGLISH:
        console.say(_ENGLISH)
    host = StandaloneHost(tuple(options.models), options.device)
    program = Section("Program", lambda: ["the command line", *_variables()])
    text = bug_report(host, Upscaler(host), [program])
    results = Console.results()
    for line in text.splitlines():
        results.write(line)
    return 0


COMMAND = Command(
    name="doctor",
    summary="show versions, device, networks and a small test, to be pasted into a bug report",
    add=_add,
    run=_run,
)
