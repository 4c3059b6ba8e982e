"""Describe a command of the command line: it adds its arguments to a parser, and runs."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from lib_upscalers.cli.terminal_text import encodable, terminal_width, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from _typeshed import DataclassInstance, SupportsWrite

    from lib_upscalers.cli.console import Console

    Options = TypeVar("Options", bound=DataclassInstance)

EXIT_CODES = """\
exit codes: 0 all done, 1 a file failed, 2 wrong usage, 129, 130 or 143 ended by a signal
"""

PROGRAM = "upscalers"
# Where texts name the program: in the usage, at the start of an example, in a quoted command.
_NAMED = re.compile(rf"(?m)(^\w+: |^  |`){PROGRAM}(?= )")


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: As it is typed.
        summary: A line for the list of commands.
        add: Adds arguments to the command's parser.
        run: Does the work and returns the exit code. Raises an UpscalerError if it cannot.
        usage: Replaces argparse's own line of usage.
        epilog: Shown below the options.
        names: The argument that takes any number of names, which may be on both sides of an option;
            "" if there is none.
        least: The least number of those names, and what they name, for the error.
    """

    name: str
    summary: str
    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Console], int]
    usage: str | None = None
    epilog: str = EXIT_CODES
    names: str = ""
    least: tuple[int, str] = (0, "")


def options_of(kind: type[Options], namespace: argparse.Namespace) -> Options:
    """Return a command's options as the dataclass that types them.

    Every field is an argument of its name; further arguments are omitted.
    """
    values = vars(namespace)
    return kind(**{field.name: values[field.name] for field in fields(kind)})


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Formats the help in the user's language, argparse's own words too.

    Attributes:
        words: Translates texts.
        program: What the user types to start the program.
    """

    words: Callable[[str], str] = staticmethod(str)
    program: str = PROGRAM

    def __init__(self, prog: str) -> None:
        # As argparse's own width.
        super().__init__(prog, width=terminal_width() - 2)

    def format_help(self) -> str:
        """Return the help, in which every command begins as the user types it."""
        text = super().format_help()
        return _NAMED.sub(lambda found: found[1] + self.program, text)

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],  # pyright: ignore[reportPrivateUsage]
        prefix: str | None = None,
    ) -> None:
        """Add the line of usage."""
        given = self.words("usage: ") if prefix is None else prefix
        super().add_usage(usage, actions, groups, given)

    def start_section(self, heading: str | None) -> None:
        """Begin a group of options."""
        super().start_section(heading and self.words(heading))

    def add_text(self, text: str | None) -> None:
        """Add a description or an epilog."""
        super().add_text(text and self.words(text))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and self.words(action.help)


class Parser(argparse.ArgumentParser):
    """A parser in the language of its formatter.

    Its errors print what was typed as visible text, control characters included.
    """

    def error(self, message: str) -> NoReturn:
        """Write the usage and the error to stderr and exit with code 2."""
        self.print_usage(sys.stderr)
        words: Callable[[str], str] = getattr(self.formatter_class, "words", str)
        self.exit(2, f"{self.prog}: {words('error')}: {words(visible(message))}\n")

    def refuse_unknown(self, rest: Sequence[str]) -> NoReturn:
        """Write an error on arguments that nothing takes, and the option that may be meant."""
        options = [text for action in self._actions for text in action.option_strings]
        typed = next((each.partition("=")[0] for each in rest if each.startswith("-")), "")
        self.error(_asking(f"unrecognized arguments: {' '.join(rest)}", typed, options))

    def actions(self) -> list[str]:
        """Return the names of its commands or actions, of which one has to be given."""
        return [
            name
            for each in self._actions
            if each.nargs == argparse.PARSER
            for name in each.choices or ()
        ]

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        names = [str(each) for each in action.choices]
        if action.nargs == argparse.PARSER and os.path.lexists(str(value)):
            self.error(f"expected {names[0]} or another of {', '.join(names[1:])} before {value}")
        text = f"invalid choice: {str(value)!r} (choose from {', '.join(names)})"
        raise argparse.ArgumentError(action, _asking(text, str(value), names))

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        stream = file or sys.stderr
        super()._print_message(encodable(message, stream), stream)


def formatter(words: Callable[[str], str], program: str = PROGRAM) -> type[argparse.HelpFormatter]:
    """Return what formats a parser's help, in a language.

    Args:
        words: Translates texts.
        program: What the user types to start the program.
    """

    class Formatter(_Formatter):
        """Formats in this language."""

    Formatter.words = staticmethod(words)
    Formatter.program = program
    return Formatter


def make_parser(
    commands: Sequence[Command],
    version: str,
    epilog: str,
    words: Callable[[str], str] = str,
    program: str = PROGRAM,
) -> Parser:
    """Make the parser of the whole command line.

    Args:
        commands: In the order of the help.
        version: Of this program.
        epilog: Shown below the commands.
        words: Translates texts into the user's language.
        program: What the user types to start the program.
    """
    parser = Parser(
        prog=PROGRAM,
        description="Enlarge pictures, with networks or with classic kernels.",
        epilog=epilog,
        formatter_class=formatter(words, program),
    )
    parser.add_argument("--version", action="version", version=f"upscalers {version}")
    parser.add_argument("--list", action="store_true", help="the same as `upscalers list`")
    # Without this name it would format a line of usage, which takes longer than all arguments.
    group = parser.add_subparsers(dest="command", metavar="COMMAND", prog=parser.prog)
    for command in commands:
        made = group.add_parser(
            command.name,
            usage=command.usage,
            help=command.summary,
            description=f"{command.summary[:1].upper()}{command.summary[1:]}.",
            epilog=command.epilog,
            formatter_class=parser.formatter_class,
        )
        command.add(made)
        made.set_defaults(parser=made)
    return parser


def parse(
    parser: Parser, commands: Sequence[Command], arguments: Sequence[str] | None
) -> tuple[Command, argparse.Namespace]:
    """Read the command line; on wrong usage, write an error to stderr and exit with code 2."""
    namespace, rest = parser.parse_known_args(arguments)
    if namespace.command is None and namespace.list:
        namespace, rest = parser.parse_args(["list"]), []
    known = {command.name: command for command in commands}
    if namespace.command is None:
        parser.error(f"expected a command: {', '.join(known)} (--help explains them)")
    command, used = known[namespace.command], cast("Parser", namespace.parser)
    if getattr(namespace, "action", "") is None:
        used.error(f"expected an action: {', '.join(used.actions())} (--help explains them)")
    names: list[str] = getattr(namespace, command.names) if command.names else []
    # argparse takes names up to the first option only.
    if rest and (not command.names or any(each.startswith("-") for each in rest)):
        used.refuse_unknown(rest)
    names.extend(rest)
    count, what = command.least
    if len(names) < count and not namespace.list:
        used.error(f"expected {what}")
    return command, namespace


def _asking(text: str, typed: str, names: Sequence[str]) -> str:
    """Return an error that asks for the name that is nearest to what was typed, if one is near."""
    from difflib import get_close_matches

    near = get_close_matches(typed, names, n=1)
    return f"{text}; did you mean {near[0]}?" if near else text
