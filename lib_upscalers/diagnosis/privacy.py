"""Remove from a text what names its user: folders, accounts, passwords, files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# A path from a root, as far as no character ends it: /home/eve/a.png, C:\Users\Eve\a.png, ~/a/b.
_PATH = re.compile(
    r"""(?<![\w:/\\.~…-])(?:~|[A-Za-z]:|\\\\[^\s\\/]+)?[\\/](?:[^\s\\/'"<>|:;,()]+[\\/])+"""
    r"""(?P<last>[^\s\\/'"<>|:;,()]*)"""
)
_ACCOUNT = re.compile(r"(?<=://)[^\s/@]+@")
# Pictures are private even without their folders.
_PICTURE = re.compile(
    r"""[^\s\\/'"<>|:;,()]+\.(?P<ending>png|jpe?g|webp|avif|gif|tiff?|bmp|heic|jxl)\b""",
    re.IGNORECASE,
)
_LEAST_NAME = 3


def short_path(path: Path, home: Path) -> str:
    """Return a path without the folders that only its user knows: ``~/…/models``, ``…/models``."""
    if not path.is_absolute():
        return path.as_posix()
    try:
        inner = path.relative_to(home)
    except ValueError:
        return f"…/{path.name}"
    between = "…/" * (len(inner.parts) > 1)
    return f"~/{between}{inner.name}" if inner.parts else "~"


def without_private(text: str, home: Path, user: str) -> str:
    """Return a text without paths, accounts in addresses, names of pictures and the user's name.

    Args:
        text: Any text; paths with spaces lose what is before their last space.
        home: The user's home folder.
        user: The user's name in this system; "" if it is not known.
    """
    for form in {str(home), home.as_posix()}:
        if len(form) > 1:
            text = text.replace(form, "~")
    text = _ACCOUNT.sub("", text)
    text = _PATH.sub(lambda found: f"…/{found['last']}", text)
    text = _PICTURE.sub(lambda found: f"(picture).{found['ending']}", text)
    if len(user) < _LEAST_NAME:
        return text
    return re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "(user)", text, flags=re.IGNORECASE)
