"""Read the numbers of a form, whose fields may have any value."""

from __future__ import annotations

import math
from typing import Any, cast

from lib_upscalers.errors import InputError

_MOST_SIDE = 999_999


def number(value: object, what: str) -> float:
    """Return a field's number.

    Args:
        value: What the field has.
        what: Names the field in an error, as "a scale" does.

    Raises:
        InputError: It is no finite number.
    """
    try:
        found = float(cast("Any", value))
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"Expected {what} as a number, but got something else: correct it.")
    return found


def whole(value: object, what: str) -> int:
    """Return a field's number without what follows the point; arguments and errors likewise."""
    return int(number(value, what))


def side(value: object, what: str) -> int:
    """Return a width or a height in pixels, 0 for an empty field; arguments as `number`.

    Raises:
        InputError: It is no whole number of pixels.
    """
    found = number(value or 0, what)
    if not 0 <= found <= _MOST_SIDE or found != int(found):
        raise InputError(
            f"Expected {what} of 0 or more whole pixels, but got {found:g}: correct it, or enter "
            "0 to go by the scale."
        )
    return int(found)
