"""Translate finished English texts, with the values in them, by a table of templates.

The library writes English. Where a text is shown to a user, it is looked up in a table whose keys
are texts or templates: "Expected {1}, but got {2}." fits every text that has something in these
places. Thus whoever writes a text need not know of languages. `compare/viewer/words.mjs` does the
same in a page; `tests/words/cases.json` holds both to it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE: Final = re.compile(r"\{(\w+)\}")
_COLON: Final = re.compile(r"(?<=:) +")
# Where a text that no key fits is cut, so that its parts are looked up: paragraphs, lines,
# sentences, what follows a colon, lists.
_CUTS: Final = (
    *(re.compile(r"\n\n+"), re.compile(r"\n\s*"), re.compile(r"(?<=[.!?;…]) +"), _COLON),
    re.compile(r"(?<=,) +"),
)
_MOST_PARTS: Final = 8
_FEW_LETTERS: Final = 7
_MARKS: Final = ".,:;"
_ENDS: Final = (".", "!", "?", "…", ":")
_GROUPED: Final = re.compile(r"\d{1,3}(,\d{3})+")
# Its translation tells what stands between the groups of a number's digits.
_THOUSAND: Final = "1,000"


class _Template(NamedTuple):
    """A key with places.

    Attributes:
        longest: The longest of `fixed`.
        fixed: What stands before, between and after the places.
        names: Of the places, in the key's order.
        text: The translation, with places of these names.
        short: Whether it says so little that many a text would fit.
    """

    longest: str
    fixed: tuple[str, ...]
    names: tuple[str, ...]
    text: str
    short: bool

    def values(self, text: str) -> dict[str, str] | None:
        """Return what a text has in the places; None where the template does not fit."""
        if self.longest not in text:
            return None
        first, *middle, last = self.fixed
        start, end = len(first), len(text) - len(last)
        if start > end or not text.startswith(first) or not text.endswith(last):
            return None
        found: list[str] = []
        for fixed in middle:
            there = text.find(fixed, start, end)
            if there < 0:
                return None
            found.append(text[start:there])
            start = there + len(fixed)
        found.append(text[start:end])
        if self.short and any(" " in value for value in found):
            return None
        return dict(zip(self.names, found, strict=True))


class Translator:
    """Translates texts; those that are not in its table stay as they are.

    Args:
        table: Texts and templates in English, and what they are in the other language.
    """

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = {key: text for key, text in table.items() if text}
        made = [_template(*each) for each in self._table.items() if _PLACE.search(each[0])]
        # The template that says most of a text is the right one.
        self._templates = sorted(made, key=lambda each: -sum(map(len, each.fixed)))
        self._gap = self._table.get(_THOUSAND, _THOUSAND)[1:-3]

    def __call__(self, text: str) -> str:
        """Return a text in the other language, as far as the table has it."""
        known = self._whole(text)
        return self._in_parts(text) if known is None else known

    def _whole(self, text: str) -> str | None:
        exact = self._table.get(text)
        if exact is not None:
            return exact
        small = self._table.get(text[:1].lower() + text[1:])
        if small is not None:
            return small[:1].upper() + small[1:]
        for template in self._templates:
            values = template.values(text)
            if values is not None and not self._begins_with_list(template, values):
                return self._filled(template.text, values)
        return None

    def _begins_with_list(self, template: _Template, values: Mapping[str, str]) -> bool:
        """Return whether the template is of the end of a list alone, whose parts are several."""
        if template.fixed[0]:
            return False
        first = values[template.names[0]]
        return (", " in first or ": " in first) and self._whole(first) is None

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        return _PLACE.sub(lambda place: self._part(values.get(place[1], place[0])), text)

    def _part(self, text: str) -> str:
        """Translate a value or a part; a single word stays as it is, since it may be a name."""
        if _GROUPED.fullmatch(text):
            return text.replace(",", self._gap)
        return self(text) if " " in text.strip() or text.endswith(_ENDS) else text

    def _in_parts(self, text: str) -> str:
        body = text.rstrip(_MARKS)
        known = self._whole(body) if body != text else None
        if known is not None:
            return known + text[len(body) :]
        for colon in _COLON.finditer(text):
            known = self._whole(text[colon.end() :])
            if known is not None:  # an error after the name of what failed
                return self._part(text[: colon.start()]) + colon[0] + known
        for cut in _CUTS:
            if cut.search(text):
                return self._joined(text, cut)
        bare = text.strip()
        return text if bare in ("", text) else text.replace(bare, self(bare), 1)

    def _joined(self, text: str, cut: re.Pattern[str]) -> str:
        """Translate the longest runs of parts that are in the table, and the rest part by part."""
        gaps = [found.span() for found in cut.finditer(text)]
        starts = [0, *(end for _, end in gaps)]
        ends = [*(start for start, _ in gaps), len(text)]
        result, at = "", 0
        while at < len(starts):
            last = next(
                (
                    each
                    for each in range(min(at + _MOST_PARTS, len(ends)) - 1, at, -1)
                    if self._whole(text[starts[at] : ends[each]]) is not None
                ),
                at,
            )
            gap = text[slice(*gaps[last])] if last < len(gaps) else ""
            result += self._part(text[starts[at] : ends[last]]) + gap
            at = last + 1
        return result


def _template(key: str, text: str) -> _Template:
    fixed = tuple(_PLACE.split(key)[::2])
    letters = sum(each.isalpha() for part in fixed for each in part)
    names = tuple(_PLACE.findall(key))
    return _Template(max(fixed, key=len), fixed, names, text, letters < _FEW_LETTERS)
