"""Parts of the documentation that the code itself gives: help texts, the tree of errors, lists.

A page names such a part in double braces, such as ``{{ errors }}``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
_PLACE = re.compile(r"\{\{ (\w+)((?: \w+)*) \}\}")


def help_of(*command: str) -> str:
    """Return what a command of the command line shows for ``--help``, as a block of code."""
    done = subprocess.run(
        [sys.executable, "-m", "lib_upscalers", *command, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "90", "NO_COLOR": "1", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return f"```text\n{done.stdout.rstrip()}\n```"


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


_PARTS = {"help": help_of, "example": example, "errors": errors, "kernels": kernels}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in the parts of a page (called by MkDocs)."""
    return _PLACE.sub(lambda found: _PARTS[found[1]](*found[2].split()), markdown)
