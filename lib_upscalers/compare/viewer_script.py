"""Bundle the viewer's modules into one script, for pages that cannot load several."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).resolve().parent / "viewer"
LOADER = FOLDER / "loader.mjs"
_LANGUAGE = FOLDER / "language.mjs"
_NO_LANGUAGES, _NO_TABLES = "const LANGUAGES = {};", "const TABLES = {};"
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


def language_script(
    names: Mapping[str, str], tables: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """Return the script that sets a page's language; it has to run before the viewer's.

    Args:
        names: The languages beside English: the name of each by its code.
        tables: The texts of each; None: the page asks for ``languages/CODE.json``.
    """
    script = _LANGUAGE.read_text(encoding="utf-8")
    for empty, values in ((_NO_LANGUAGES, names), (_NO_TABLES, tables or {})):
        script = script.replace(empty, empty.replace("{}", as_script_text(values)))
    return script


def as_script_text(values: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return JSON that cannot end the script element around it."""
    text = json.dumps(values, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
