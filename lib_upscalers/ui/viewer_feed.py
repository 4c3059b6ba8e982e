"""Pass values to the viewer as HTML, and read its messages."""

from __future__ import annotations

import contextlib
import json
from html import escape
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.compare.view import view_of_names
from lib_upscalers.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_CHARACTERS = 10_000


def message_values(message: object, most: int = _MOST_CHARACTERS) -> dict[str, Any]:
    """Return the viewer's message.

    Args:
        message: As the page sends it.
        most: How many characters it may have.

    Raises:
        InputError: It is no such message.
    """
    values: object = None
    if isinstance(message, str) and len(message) <= most:
        with contextlib.suppress(ValueError, RecursionError):
            values = json.loads(message)
    if not isinstance(values, dict):
        raise InputError("Expected a message of the viewer, but got something else: compare again.")
    return cast("dict[str, Any]", values)


def message_text(values: dict[str, Any], name: str) -> str:
    """Return a text of a message.

    Raises:
        InputError: There is none of that name.
    """
    value = values.get(name)
    if not isinstance(value, str):
        raise InputError(f"Expected a message of the viewer with {name}: compare again.")
    return value


def feed(values: dict[str, Any]) -> str:
    """Return HTML that passes values to the viewer; none of them becomes markup."""
    return f'<span data-feed="{escape(json.dumps(values))}"></span>'


def idle_feed(names: Sequence[str]) -> str:
    """Return the feed of the viewer before a comparison."""
    return feed(view_of_names(names))


def alert(text: str) -> str:
    """Return a warning or an error as HTML; "" for no text."""
    # Invalid Unicode cannot be sent to a browser.
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return f'<p class="lab-alert" role="alert">{escape(valid)}</p>' if text else ""
