"""Find the catalogue of each language, and the user's language in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.words.translator import Translator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# As Python's gettext has them.
_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
_ENGLISH = ("", "c", "posix", "en")
_INSTALLED = Path("share", "upscaler-lab", "localizations")


def _folder() -> Path | None:
    """Return the folder of catalogues: the extension's own, or that of an installed package."""
    package = Path(__file__).resolve().parents[1]
    places = [package.parent / "localizations", *(each / _INSTALLED for each in package.parents)]
    return next((each for each in places if each.is_dir()), None)


def languages() -> dict[str, Path]:
    """Return the file of every language by its code, such as ``ru_RU``."""
    folder = _folder()
    return {path.stem: path for path in sorted(folder.glob("*.json"))} if folder else {}


def language_names() -> dict[str, str]:
    """Return each language's own name by its code."""
    return {code: catalogue(code).get("English", code) for code in languages()}


def catalogue(code: str) -> dict[str, str]:
    """Return the texts of a language; none where there is no such file, or a damaged one."""
    import json

    path = languages().get(code)
    try:
        return json.loads(path.read_text("utf-8")) if path else {}
    except (OSError, ValueError):
        return {}


def language_of(environment: Mapping[str, str]) -> str:
    """Return the language that the environment asks for, as gettext reads it; "" is English.

    The first of LANGUAGE, LC_ALL, LC_MESSAGES and LANG that is set counts; LANGUAGE may list
    several, best first.
    """
    wishes = next((set_ for name in _VARIABLES if (set_ := environment.get(name))), "")
    for wish in wishes.split(":"):
        code = wish.partition(".")[0].partition("@")[0]
        language = code.partition("_")[0].lower()
        if language in _ENGLISH:
            return ""
        known = list(languages())
        same = [each for each in known if each.partition("_")[0].lower() == language]
        if code in known or same:
            return code if code in known else same[0]
    return ""


def translator_of(code: str, encodings: Iterable[str] = ()) -> Callable[[str], str]:
    """Return what translates texts into a language; texts stay as they are without a catalogue.

    Args:
        code: The language; "" is English.
        encodings: Of the streams that are written to: they have to have the language's letters.
    """
    table = catalogue(code) if code else {}
    sample = next(iter(table.values()), "")
    if not table or not all(_has(encoding, sample) for encoding in encodings):
        return str
    return Translator(table)


def _has(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True
