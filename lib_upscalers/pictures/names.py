"""List the endings of picture files that are searched for in folders."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePath

PICTURE_SUFFIXES = (
    *(".avif", ".bmp", ".dib", ".gif", ".ico", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
    *(".apng", ".j2k", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
"""Endings of formats that every Pillow reads, in lower case."""

# Endings of formats that need a package.
_PLUGINS: Mapping[str, str] = {
    ".heic": "pillow_heif",
    ".heif": "pillow_heif",
    ".hif": "pillow_heif",
    ".jxl": "pillow_jxl",
}


def names_a_picture(path: PurePath) -> bool:
    """Return whether a file of that name should be a picture that can be read."""
    suffix = path.suffix.lower()
    return suffix in PICTURE_SUFFIXES or (suffix in _PLUGINS and _is_installed(_PLUGINS[suffix]))


@lru_cache(maxsize=8)
def _is_installed(package: str) -> bool:
    return find_spec(package) is not None
