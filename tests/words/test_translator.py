"""Translation of texts with values in them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.words import Translator
from tests.offenders import fail_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_HELD = json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))
_TABLE: dict[str, str] = _HELD["table"]


def test_texts_are_translated_as_the_page_does_it() -> None:
    translate = Translator(_TABLE)
    wrong = (
        f"{about}: {translate(text)!r} instead of {expected!r}"
        for text, expected, about in _HELD["cases"]
        if translate(text) != expected
    )
    fail_for(wrong, "Translator and words.mjs have to agree with cases.json")


def _texts(longest: int) -> Iterator[str]:
    chance = random.Random(20260101)  # noqa: S311 - the same in every run
    for _ in range(300):
        yield "".join(chance.choices("ab .,:;\n{}1", k=chance.randint(0, longest)))


def test_a_text_that_no_key_fits_stays_as_it_is() -> None:
    translate = Translator({"Nobody writes {1} like this": "x"})
    for text in _texts(60):
        assert translate(text) == text


def test_values_stay_as_they_are() -> None:
    translate = Translator({"The picture {1} has {2} pixels.": "{2} Pixel in {1}."})
    for name in _texts(30):
        assert translate(f"The picture {name} has 7 pixels.") == f"7 Pixel in {name}."
