"""`upscalers list`: all upscalers with scale, architecture, size and licence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import add_messages, add_models
from lib_upscalers.cli.command import Command
from lib_upscalers.cli.console import Console
from lib_upscalers.cli.terminal_text import readable_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lib_upscalers.upscaling.choices import Choice

_MOST_LEFT_OUT = 5


def _add(parser: argparse.ArgumentParser) -> None:
    add_models(parser)
    add_messages(parser)


def _row(choice: Choice, words: Callable[[str], str]) -> tuple[str, ...]:
    scale = f"{choice.scale}x" if choice.scale else words("any")
    size = readable_bytes(choice.size_bytes) if choice.size_bytes else "-"
    architecture = words(choice.architecture) if choice.kind == "pixel" else choice.architecture
    return choice.name, scale, architecture, size, choice.licence or "-"


def show_list(models: Sequence[Path], console: Console, *, verbose: bool = False) -> int:
    """Write the table of all upscalers to stdout; return the exit code.

    Args:
        models: Folders with networks, before the usual ones.
        console: Gets the files that are no networks, and translates.
        verbose: Whether it gets all of these, and not the first ones alone.
    """
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.models.file_cache import Facts
    from lib_upscalers.upscaling.choices import list_choices

    host = StandaloneHost(tuple(models))
    words, facts = console.words, Facts.in_folder(host.data_folder())
    choices = list_choices(host, facts, hidden=False)
    head = ("NAME", "SCALE", "ARCHITECTURE", "SIZE", "LICENCE")
    Console.results(words).table(head, [_row(choice, words) for choice in choices])
    problems = facts.problems()
    named = problems if verbose else problems[:_MOST_LEFT_OUT]
    for path, problem in named:
        console.say(f"Left out: {path.name}. {problem}")
    more = len(problems) - len(named)
    if more:
        console.say(f"{more} more files are left out; --verbose names them.")
    return 0


def _run(options: argparse.Namespace, console: Console) -> int:
    return show_list(options.models, console, verbose=options.verbose)


COMMAND = Command(
    name="list",
    summary="list all upscalers with scale, architecture, size and licence",
    add=_add,
    run=_run,
)
