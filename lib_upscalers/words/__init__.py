"""Texts in the user's language: the catalogues of translations, and what looks texts up."""

from __future__ import annotations

from lib_upscalers.words.languages import (
    catalogue,
    language_names,
    language_of,
    languages,
    translator_of,
)
from lib_upscalers.words.translator import Translator

__all__ = [
    "Translator",
    "catalogue",
    "language_names",
    "language_of",
    "languages",
    "translator_of",
]
