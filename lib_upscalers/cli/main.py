"""Run the command line: choose the command, run it, convert errors to lines and exit codes."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

from lib_upscalers.cli.command import PROGRAM, make_parser, parse
from lib_upscalers.cli.console import Console, ConsoleHandler
from lib_upscalers.cli.ending import (
    ALL_DONE,
    SOME_FAILED,
    exit_code,
    failure_code,
    signals_interrupt,
)
from lib_upscalers.cli.problems import describe
from lib_upscalers.cli.terminal_text import encodings
from lib_upscalers.errors import Cancelled
from lib_upscalers.version import VERSION
from lib_upscalers.words import language_of, translator_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Mapping, Sequence

    from lib_upscalers.cli.command import Command

# The module of each command. They are imported when they are needed, because that takes longer
# than a list of networks does.
_MODULES: Mapping[str, str] = {
    "upscale": "upscale",
    "list": "listing",
    "compare": "compare",
    "video": "video",
    "models": "models",
    "latent": "latent",
    "benchmark": "benchmark",
    "doctor": "doctor",
}
_WITHOUT_RICH = (
    "upscalers: Expected the package rich, which draws the tables and bars of the command line, "
    "but it is not installed: run pip install rich."
)
_log = logging.getLogger("lib_upscalers")


@contextlib.contextmanager
def _logging_to(console: Console, *, verbose: bool) -> Generator[None]:
    """Show the library's log while the command runs."""
    handler = ConsoleHandler(console)
    level, propagate = _log.level, _log.propagate
    _log.addHandler(handler)
    _log.setLevel(logging.DEBUG if verbose else logging.WARNING)
    _log.propagate = False
    try:
        yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)
        _log.propagate = propagate


@contextlib.contextmanager
def _warnings_logged() -> Generator[None]:
    """Log Python's warnings, which only --verbose shows, because they are for programmers."""

    def log(message: Warning | str, category: type[Warning], *_where: object) -> None:
        _log.debug("%s: %s", category.__name__, message)

    with warnings.catch_warnings():
        warnings.showwarning = log
        yield


def _settle_output() -> None:
    """Discard output that stdout cannot take, so that Python writes no error when it ends."""
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - closed at the start
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(console: Console, error: BaseException, *, verbose: bool) -> None:
    if verbose:
        import traceback

        for line in "".join(traceback.format_exception(error)).splitlines():
            console.write_as_it_is(line)
    console.write(f"upscalers: {describe(error)}", "red")


def _run_command(command: Command, options: argparse.Namespace, console: Console) -> int:
    try:
        with signals_interrupt():
            return command.run(options, console)
    except (KeyboardInterrupt, Cancelled) as stop:
        console.write("Stopped.")
        return exit_code(stop)
    except BrokenPipeError:
        # The reader of the results has closed the pipe.
        _settle_output()
        return ALL_DONE
    except Exception as error:  # noqa: BLE001 - whatever it is, a person reads one line
        _report(console, error, verbose=options.verbose)
        _settle_output()
        return failure_code(error)


def commands(names: Sequence[str] = tuple(_MODULES)) -> list[Command]:
    """Return the commands of these names, in this order."""
    modules = [import_module(f"lib_upscalers.cli.{_MODULES[name]}") for name in names]
    return [module.COMMAND for module in modules]


def _has_rich() -> bool:
    try:
        return importlib.util.find_spec("rich") is not None
    except ValueError:
        return False


def main(arguments: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; None takes those of the process.
        program: What the user types before them, for the help.

    Returns:
        The exit code: 0 all done, 1 a file failed, 2 wrong usage, 129, 130 or 143 ended by a
        signal.

    Raises:
        SystemExit: With code 2, if the arguments cannot be understood; 0 after ``--help``.
    """
    typed = sys.argv[1:] if arguments is None else list(arguments)
    if typed and typed[0] in _MODULES:
        known, examples = commands(typed[:1]), ""
    else:
        known, examples = commands(), import_module("lib_upscalers.cli.upscale").EXAMPLES
    words = translator_of(language_of(os.environ), encodings())
    command, options = parse(make_parser(known, VERSION, examples, words, program), known, typed)
    console = Console.standard(quiet=options.quiet, words=words)
    if not _has_rich():
        Console(console.stream, words=words).write(_WITHOUT_RICH)
        return SOME_FAILED
    with _logging_to(console, verbose=options.verbose), _warnings_logged():
        return _run_command(command, options, console)
