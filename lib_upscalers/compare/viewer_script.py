"""Bundle the viewer's modules into one script, for pages that cannot load several."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parent / "viewer"
LOADER = FOLDER / "loader.mjs"
MAIN = "main.mjs"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.mjs)";\n', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?:\{[^}]*\};\n|(?=(?:async |class |const |function )))", re.MULTILINE
)


def _in_import_order(name: str, done: set[str]) -> Iterator[str]:
    """Yield the text of every module after those that it imports."""
    if name in done:
        return
    done.add(name)
    text = (FOLDER / name).read_text(encoding="utf-8")
    for imported in _IMPORT.findall(text):
        yield from _in_import_order(imported, done)
    yield _EXPORT.sub("", _IMPORT.sub("", text))


def viewer_script() -> str:
    """Return all modules as one: it defines the element `upscaler-lab-viewer`.

    A test checks what makes this possible: the modules import each other by name, on lines of their
    own, and have no name twice at their top level.
    """
    return "".join(_in_import_order(MAIN, set()))
