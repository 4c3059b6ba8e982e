"""Translations of what a WebUI shows of us."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.hosts.webui import options
from lib_upscalers.ui.setting_controls import overriding_label
from lib_upscalers.upscaling.settings import ENGINE_SETTINGS
from lib_upscalers.words import Translator, catalogue
from tests.offenders import fail_for
from tests.visible_texts import code_texts, data_texts, help_texts, viewer_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "localizations").glob("*.json"))
SOURCES = [
    *(ROOT / "lib_upscalers").rglob("*.py"),
    *(ROOT / "lib_upscalers").rglob("*.mjs"),
    ROOT / "lib_upscalers" / "models" / "catalogue" / "recommended.json",
    ROOT / "lib_upscalers" / "guide" / "guide.json",
    *(ROOT / "scripts").glob("*.py"),
]
# Labels that are put together from a description.
_MADE = {overriding_label(setting) for setting in ENGINE_SETTINGS}
# argparse's own texts, and what is put together of two texts.
_COMPOSED = re.compile(
    r"usage: |error|examples:|expected (at least )?one argument|[A-Z]+( BY)?|File \{1\}"
    r"|\{1\} (done before|there already|done by another run|failed)|size not stated, SHA-256 \{1\}"
    r"|(argument|invalid|the following arguments|ambiguous|not allowed|one of the|ignored) .*"
)
# Most texts; others stand beside an apostrophe or in a longer text, and are looked for by name.
_QUOTED = re.compile(r'"([^"\n]+)"')
_PARTS = re.compile(r'"\n\s*"')
_ACRONYMS = frozenset(("CSV", "JSON"))
_PLACE = re.compile(r"\{\w+\}")


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_text_is_one_of_ours(path: Path) -> None:
    """A text that was changed in the code and not here would stay in English unnoticed."""
    shown = _PARTS.sub("", "\n".join(source.read_text("utf-8") for source in SOURCES))
    texts: dict[str, str] = json.loads(path.read_text("utf-8"))
    assert texts
    made = {*_MADE, *code_texts(), *help_texts(), *_QUOTED.findall(shown)}
    fail_for(
        (
            f'"{text}"'
            for text in texts
            if text not in made and f'"{text}"' not in shown and not _COMPOSED.fullmatch(text)
        ),
        f"No code shows these keys of localizations/{path.name}; rename or delete them",
    )
    fail_for(
        (f'"{text}"' for text, translated in texts.items() if not translated),
        f"Write the texts of these keys into localizations/{path.name}",
    )


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_no_text_asks_for_a_place_that_its_key_lacks(path: Path) -> None:
    texts: dict[str, str] = json.loads(path.read_text("utf-8"))
    fail_for(
        (
            f'"{key}": {sorted(lacking)}'
            for key, text in texts.items()
            if (lacking := set(_PLACE.findall(text)) - set(_PLACE.findall(key)))
        ),
        f"Correct the places of these texts in localizations/{path.name}",
    )


def test_every_text_that_a_user_can_see_is_translated() -> None:
    """Russian is complete; other languages may lack texts, which are then in English."""
    table = catalogue("ru_RU")
    translate = Translator(table)
    helps = {text: "--help" for text in help_texts() if translate(text) == text}
    data = dict.fromkeys(data_texts(), "a file of data")
    texts = {**data, **viewer_texts(), **code_texts()}
    lacking = {text: place for text, place in texts.items() if not _has(table, text)}
    fail_for(
        (f'{json.dumps(text)}: "…",  ({place})' for text, place in {**helps, **lacking}.items()),
        "Write the translations of these texts into localizations/ru_RU.json, or name them in "
        "tests/visible_texts.py, if they are names",
    )


def _has(table: Mapping[str, str], text: str) -> bool:
    """Return whether a text is there; what a help puts together is there in paragraphs."""
    bare = text.removesuffix(".")
    small = bare[:1].lower() + bare[1:]
    return text in table or small in table or "\n\n" in text or text in _ACRONYMS


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_setting_is_translated(path: Path) -> None:
    texts = json.loads(path.read_text("utf-8"))
    labels = {option.label for option in options.OPTIONS} | _MADE
    labels |= {setting.shortcut.label for setting in ENGINE_SETTINGS if setting.shortcut}
    fail_for(
        (f'"{label}": "…",' for label in labels - texts.keys()),
        f"Write the translations of these labels into localizations/{path.name}",
    )
