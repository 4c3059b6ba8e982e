"""Translations of what a WebUI shows of us."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lib_upscalers.hosts.webui import options
from lib_upscalers.ui.setting_controls import overriding_label
from lib_upscalers.upscaling.settings import ENGINE_SETTINGS
from tests.offenders import fail_for

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
_PARTS = re.compile(r'"\n\s*"')


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_text_is_one_of_ours(path: Path) -> None:
    """A text that was changed in the code and not here would stay in English unnoticed."""
    shown = _PARTS.sub("", "\n".join(source.read_text("utf-8") for source in SOURCES))
    texts: dict[str, str] = json.loads(path.read_text("utf-8"))
    assert texts
    fail_for(
        (f'"{text}"' for text in texts if f'"{text}"' not in shown and text not in _MADE),
        f"No code shows these keys of localizations/{path.name}; rename or delete them",
    )
    fail_for(
        (f'"{text}"' for text, translated in texts.items() if not translated),
        f"Write the texts of these keys into localizations/{path.name}",
    )


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_setting_is_translated(path: Path) -> None:
    texts = json.loads(path.read_text("utf-8"))
    labels = {option.label for option in options.OPTIONS} | _MADE
    labels |= {setting.shortcut.label for setting in ENGINE_SETTINGS if setting.shortcut}
    fail_for(
        (f'"{label}": "…",' for label in labels - texts.keys()),
        f"Write the translations of these labels into localizations/{path.name}",
    )
