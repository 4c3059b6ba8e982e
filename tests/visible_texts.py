"""Find every text in the code that a user can see, as the catalogue has it.

A value inside a text is a place: ``f"Expected {a}, but got {b}."`` is "Expected {1}, but got {2}.".
"""

from __future__ import annotations

import ast
import html
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers import app
from lib_upscalers.cli.command import make_parser
from lib_upscalers.cli.main import commands
from lib_upscalers.cli.upscale import EXAMPLES
from lib_upscalers.models.catalogue.recommended import recommendations

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lib_upscalers"
# Read by programmers alone: development tools, bug reports, and the documents of the API.
_PROGRAMMERS = (
    *("training/", "words/", "diagnosis/", "hosts/webui/api.py", "hosts/webui/api_models.py"),
    *("hosts/webui/host_report.py", "hosts/webui/former_options.py", "models/graphs/mapping.py"),
    *("models/catalogue/extra_worker.py", "latent/mode_registry.py", "models/outlining/"),
)
# Names, keys of an infotext, other programs' messages, addresses and titles for programs.
_NAMES = re.compile(
    r"Latent \(.*\)|Postprocess .*|Latent (blend( with)?|sharpen|match|renoise|mode used)"
    r"|Hires( upscaler?|\. fix| steps| resize-\d)|(Variation seed|Model hash|Negative).*"
    r"|Lab \w+ \dx|# Upscaler Lab|CFG scale|Schedule type|CCITT .*"
    r"|JPEG XL|RealESRGAN Compact|Magic Kernel Sharp 2021"
    r"|(PQ|HLG) \(.*\)|PLKSR with DySample|upscalers(-app)?:? \{1\}|Upscaler Lab( \{\w+\}|:)?"
    r"|\[Upscaler Lab\]|Message( of the (guide|models))?|Filled|Application Support|latent fit"
    r"|database disk image is malformed|(reload watch|page work)|.*out of memory|not enough memory"
    r"|can't allocate memory|valid cudnn algorithm|could not create a memory object|same dtype"
    r"|scalar type|should be the same|not implemented for '|failed to map segment"
    r"|module \{1\} has no attribute \{2\}|H\.273 .*|(RGB|Grey) of an? .* profile|No copyright.*"
    r"|Proxy-Authorization: .*|\{1\}, \{2\}, torch \{3\}|\| models .*|Raw profile type|model name"
    r"|Program|Last problems|the (app|command line|image)|\{1\} is set|\{1\}, port \{2\}"
    r"|annot allocate memory|paging file is too small|Python could not get more|\{1\} gate"
    r"|\{(title|pictures|plain)\}|engine setting|file hashes|\{1\} and \{2\}"
)
# Functions whose arguments nobody sees, or programmers alone.
_UNSEEN = re.compile(
    r"^(_log\.\w+|re\.\w+|cast|TypeVar|import_module|getattr|hasattr|warnings\.\w+"
    r"|\w+\.(execute|executemany|executescript)|(typing\.)?NewType)$"
)
# Functions that show each text of theirs, single words too.
_SHOWING = re.compile(
    r"^(\w*console\.(say|write)|gr\.(Button|Tab|Accordion|Markdown)|Section|_translatable)$"
)
_SHOWN_NAMES = frozenset(("label", "info", "placeholder", "title"))
_PROSE = re.compile(r"[A-Za-z]{2,}[,.:;]? [({]*[“\"'`]?[A-Za-z{$]|\} [a-z]{3,}")
_WORD = re.compile(r"[A-Za-z]{3,}")
_CODE = re.compile(
    r"=>|function\b|^const |^(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|WHERE|CONNECT|BEGIN) "
    r"|\w\[\[?\w+[,\]]|\| None|^[A-Z][\w-]+: \{|default-src|var\(|^(upscalers \w+ )"
)
_STYLES = re.compile(r"<(style|script)\b.*?</\1>", re.DOTALL)
_TAGS = re.compile(r"<[^<>]*>")
_ATTRIBUTES = re.compile(r"""\b(?:alt|title|aria-label|placeholder)="([^"]*)\"""")


def template(node: ast.expr) -> str | None:
    """Return the text of a string, with numbered places for values; None for any other node."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    text, places, beside = "", 0, False
    for part in node.values:
        if isinstance(part, ast.Constant):
            text, beside = text + str(part.value), False
        elif not beside:
            places, beside = places + 1, True
            text += f"{{{places}}}"
    return text


def _hidden(tree: ast.Module) -> set[int]:
    """Return the nodes that nobody sees: docstrings, hints, logs, parts of other texts."""
    hidden: set[int] = set()
    for node in ast.walk(tree):
        inner: list[ast.AST] = []
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inner.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            hidden |= {id(part) for part in node.values}
        elif isinstance(node, ast.Call) and _UNSEEN.match(ast.unparse(node.func)):
            inner += [*node.args, *node.keywords]
        elif isinstance(node, ast.AnnAssign | ast.arg | ast.FunctionDef):
            hint = node.returns if isinstance(node, ast.FunctionDef) else node.annotation
            inner += [hint] if hint else []
        hidden |= {id(each) for part in inner for each in ast.walk(part)}
    return hidden


def _shown_whole(tree: ast.Module) -> set[int]:
    """Return the nodes that are shown, whatever they are."""
    shown: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if _SHOWING.match(ast.unparse(node.func)):
            shown |= {id(each) for each in node.args[:1]}
        shown |= {id(each.value) for each in node.keywords if each.arg in _SHOWN_NAMES}
    return shown


def _pieces(text: str) -> Iterator[str]:
    """Yield the parts of a text that a page shows as one."""
    if "<" not in text or not _TAGS.search(text):
        yield from text.split("\n") if text.startswith("# ") else [text]
        return
    bare = _STYLES.sub("", text)
    yield from _ATTRIBUTES.findall(bare)
    yield from (html.unescape(piece) for piece in _TAGS.split(bare))


def _is_prose(text: str) -> bool:
    return bool(_PROSE.search(text)) and not _CODE.search(text)


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of everything in a module that users can see."""
    tree = ast.parse(path.read_text("utf-8"))
    hidden, whole = _hidden(tree), _shown_whole(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or id(node) in hidden:
            continue
        text = template(node)
        for piece in _pieces(text) if text else ():
            bare = piece.strip()
            shown = id(node) in whole or (piece != text and not _CODE.search(bare))
            if _is_prose(bare) or (shown and _WORD.search(bare)):
                yield node.lineno, bare


@cache
def code_texts() -> dict[str, str]:
    """Return every text that users can see in the modules, with its place."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE).as_posix()
        if not inside.startswith(_PROGRAMMERS):
            for line, text in texts_of(path):
                found.setdefault(text, f"{inside}:{line}")
    return {text: place for text, place in found.items() if not _NAMES.fullmatch(text)}


def viewer_texts() -> dict[str, str]:
    """Return every text that the viewer's scripts show by `say`, with its file."""
    said = re.compile(r'\b(?:say|translated)\(\s*"((?:[^"\\]|\\.)+)"')
    files = sorted((PACKAGE / "compare" / "viewer").glob("*.mjs"))
    return {
        json.loads(f'"{text}"'): path.name
        for path in files
        for text in said.findall(path.read_text("utf-8"))
        if _WORD.search(text)
    }


def data_texts() -> Iterator[str]:
    """Yield the texts of our files of data: the guide's, and why networks are recommended."""
    guide = (PACKAGE / "guide" / "guide.json").read_text("utf-8")
    quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', guide)
    texts = [json.loads(f'"{each}"') for each in quoted]
    texts += [each.reason for each in recommendations()]
    yield from (text for text in texts if _PROSE.search(text) and not _NAMES.fullmatch(text))


def help_texts() -> Iterator[str]:
    """Yield what the help of every command shows, paragraph by paragraph."""
    for parser in (*_parsers(make_parser(commands(), "", EXAMPLES)), *_parsers(app.make_parser())):
        groups = parser._action_groups
        actions = parser._actions
        texts = [parser.description, parser.epilog, *(action.help for action in actions)]
        texts += [part for group in groups for part in (group.title, group.description)]
        yield from (block.strip() for text in texts if text for block in text.split("\n\n"))


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action.choices, dict):
            inner: dict[str, argparse.ArgumentParser] = action.choices
            for each in set(inner.values()):
                yield from _parsers(each)
