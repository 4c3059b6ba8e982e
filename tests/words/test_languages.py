"""The user's language in the environment, and the catalogues."""

from __future__ import annotations

import itertools
import json
import re
import sys
from typing import TYPE_CHECKING

from lib_upscalers.geometry import Size
from lib_upscalers.tiling.tile_context import TilingNote
from lib_upscalers.words import catalogue, language_of, languages, translator_of
from tests.cases import each_case
from tests.offenders import fail_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@each_case(
    "environment, language",
    [
        ({}, ""),
        ({"LANG": "ru_RU.UTF-8"}, "ru_RU"),
        ({"LANG": "ru_UA"}, "ru_RU"),
        ({"LANG": "RU"}, "ru_RU"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "C"}, ""),
        ({"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, ""),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "xx:ru"}, "ru_RU"),
        ({"LANGUAGE": "en:ru"}, ""),
        ({"LANG": "ru@latin"}, "ru_RU"),
        ({"LANG": "xx_XX"}, ""),
        ({"LANG": ""}, ""),
    ],
)
def test_the_environment_names_the_language(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_without_a_language_or_its_letters_texts_stay_english() -> None:
    for translate in (translator_of(""), translator_of("xx"), translator_of("ru_RU", ["ascii"])):
        assert translate("Stopped.") == "Stopped."
    assert translator_of("ru_RU", ["utf-8", "cp1251"])("Stopped.") == "Остановлено."


def test_a_file_more_is_a_language_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "de_DE.json").write_text(json.dumps({"Stopped.": "Halt."}), encoding="utf-8")
    (tmp_path / "xx.json").write_text("no JSON", encoding="utf-8")
    module = sys.modules["lib_upscalers.words.languages"]
    monkeypatch.setattr(module, "_folder", lambda: tmp_path)
    assert list(languages()) == ["de_DE", "xx"]
    assert translator_of(language_of({"LANG": "de_AT"}))("Stopped.") == "Halt."
    assert catalogue("xx") == {}


def test_every_part_of_a_note_about_tiles_is_translated() -> None:
    """What is put together of several texts is cut where no text of the table ends."""
    translate = translator_of("ru_RU")
    sizes = ((1, 0, 0), (4, 8, 0), (4, 8, 3))
    notes = [
        TilingNote(tiles, Size(96, 64), asked, overlap, 20, band, shared).text
        for tiles, overlap, band in sizes
        for asked in (None, 64, 128)
        for shared in (0, 5)
    ]
    texts = [*notes, *map("; ".join, itertools.permutations(notes, 2))]
    fail_for((text for text in texts if re.search("[a-wyz]", translate(text))), "Expected Russian")
