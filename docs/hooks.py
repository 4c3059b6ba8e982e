"""Parts of the documentation that the code itself gives: help texts, the tree of errors, lists.

A page names such a part in double braces, such as ``{{ errors }}``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
_PLACE = re.compile(r"\{\{ (\w+)((?: \w+)*) \}\}")


def command_line() -> str:
    """Return what ``--help`` shows, of every command and of what some of them can do."""
    from lib_upscalers.cli.command import make_parser
    from lib_upscalers.cli.main import commands
    from lib_upscalers.cli.upscale import EXAMPLES
    from lib_upscalers.version import VERSION

    os.environ.update(COLUMNS="90", NO_COLOR="1")
    return "\n\n".join(_helps(make_parser(commands(), VERSION, EXAMPLES), ""))


def _helps(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    yield f"## {name}\n" if name else ""
    yield f"```text\n{parser.format_help().rstrip()}\n```"
    for action in parser._actions:  # noqa: SLF001 - argparse names no other way to its parsers
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each, child in action.choices.items():
                yield from _helps(child, f"{name} {each}".strip())


def _branch(kind: type[BaseException], indent: str, module: str) -> list[str]:
    children = [each for each in kind.__subclasses__() if each.__module__ == module]
    lines: list[str] = []
    for number, child in enumerate(children, 1):
        last = number == len(children)
        summary = (child.__doc__ or "").strip().splitlines()[0]
        lines.append(f"{indent}{'└── ' if last else '├── '}{child.__name__}: {summary}")
        lines += _branch(child, indent + ("    " if last else "│   "), module)
    return lines


def errors() -> str:
    """Return the tree of errors, drawn from the classes."""
    from lib_upscalers import errors as module

    return "\n".join(["```text", "Exception", *_branch(Exception, "", module.__name__), "```"])


def kernels() -> str:
    """Return the names of the resampling kernels."""
    from lib_upscalers.resampling.resample import KERNELS

    return ", ".join(KERNELS)


def example(name: str) -> str:
    """Return a script of `examples/`, as a block of code."""
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    return f"```python\n{text.rstrip()}\n```"


_PARTS = {"commands": command_line, "example": example, "errors": errors, "kernels": kernels}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in the parts of a page (called by MkDocs)."""
    return _PLACE.sub(lambda found: _PARTS[found[1]](*found[2].split()), markdown)
