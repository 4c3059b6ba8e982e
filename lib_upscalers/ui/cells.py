"""What one place in the row of results shows, as HTML; every text is escaped."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from lib_upscalers.geometry import Size


@dataclass(frozen=True)
class Idle:
    """Nothing was asked for yet."""


@dataclass(frozen=True)
class Waiting:
    """Others come first."""

    name: str


@dataclass(frozen=True)
class Running:
    """The work is going on.

    Attributes:
        name: The upscaler's name.
        fraction: How much is done, 0 to 1; None where that is not known.
        text: What is being done.
    """

    name: str
    fraction: float | None
    text: str


@dataclass(frozen=True)
class Finished:
    """There is a result.

    Attributes:
        name: The upscaler's name.
        url: Where the browser gets the PNG file.
        file_name: What the file is called when it is saved.
        size: The result's size.
        file_bytes: The file's size.
        run_seconds: The time without loading the network.
        load_seconds: The time for loading the network.
    """

    name: str
    url: str
    file_name: str
    size: Size
    file_bytes: int
    run_seconds: float
    load_seconds: float


@dataclass(frozen=True)
class Failed:
    """It could not be done."""

    name: str
    reason: str


@dataclass(frozen=True)
class Stopped:
    """The user cancelled before there was a result."""

    name: str


State = Union[Idle, Waiting, Running, Finished, Failed, Stopped]  # noqa: UP007 - made at run time


def seconds(count: float) -> str:
    """Write a time as people read it: two digits that matter."""
    if count < 0.01:
        return "under 0.01 s"
    return f"{count:.2f} s" if count < 1 else f"{count:.1f} s"


def _note(kind: str, text: str, role: str = "status") -> str:
    note = f'<p class="lab-note" role="{role}">{escape(text)}</p>'
    return f'<div class="lab-cell lab-{kind}">{note}</div>'


def _running(state: Running) -> str:
    value, percent = "", ""
    if state.fraction is not None:
        number = round(100 * min(1.0, max(0.0, state.fraction)))
        value, percent = f' value="{number}"', f"{number} % "
    return (
        '<div class="lab-cell lab-running"><div class="lab-note">'
        f'<progress max="100"{value} aria-label="{escape(state.name)}"></progress>'
        f"<p>{percent}{escape(state.text)}</p></div></div>"
    )


def _finished(state: Finished) -> str:
    url, name = escape(state.url), escape(state.name)
    loading = f", loading {seconds(state.load_seconds)}" if state.load_seconds >= 0.01 else ""
    width, height = state.size.width, state.size.height
    return (
        '<figure class="lab-cell lab-finished">'
        f'<div class="lab-view" tabindex="0" aria-label="Result of {name}">'
        f'<img src="{url}" width="{width}" height="{height}" alt="Result of {name}"></div>'
        f"<figcaption><span>{width} &times; {height}</span>"
        f"<span><b>{seconds(state.run_seconds)}</b>{loading}</span>"
        f'<a href="{url}" download="{escape(state.file_name)}">Download PNG '
        f"({max(1, round(state.file_bytes / 1000)):,} kB)</a></figcaption></figure>"
    )


def render(state: State) -> str:
    """Return the HTML of a place."""
    if isinstance(state, Running):
        return _running(state)
    if isinstance(state, Finished):
        return _finished(state)
    if isinstance(state, Waiting):
        return _note("waiting", "Waiting for its turn …")
    if isinstance(state, Failed):
        return _note("failed", state.reason, "alert")
    if isinstance(state, Stopped):
        return _note("stopped", "Cancelled.")
    return _note("idle", "The result will be here.")


def alert(text: str) -> str:
    """Return what is said above the row when nothing can be done; "" takes it away."""
    return f'<p class="lab-alert" role="alert">{escape(text)}</p>' if text else ""
