"""Write how far a long run is, and what failed in it, as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINUTE, _HOUR = 60, 3600


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``2 h 5 min``, ``3 min 20 s``, ``8 seconds``."""
    whole = max(0, round(seconds))
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % _MINUTE} s" if minutes else f"{whole} seconds"


def status_line(
    state: str, parts: Sequence[str], done: int, total: int, seconds_left: float | None
) -> str:
    """Return a bar and a sentence.

    Args:
        state: Of the run, in a word or two.
        parts: Of the sentence.
        done: How much of `total` is done.
        total: All of it.
        seconds_left: How long the rest takes; None if nobody knows.
    """
    if seconds_left is not None:
        parts = [*parts, f"{duration(seconds_left)} until the end"]
    bar = f'<progress class="lab-run" max="{max(1, total)}" value="{done}"></progress>'
    return f"{bar}<p><b>{escape(state)}</b> <span>{escape(', '.join(parts))}</span></p>"


def fault_list(lines: Sequence[str]) -> str:
    """Return a list of failures; "" for none."""
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<details open><summary>Failed</summary><ul class="lab-faults">{items}</ul></details>'
