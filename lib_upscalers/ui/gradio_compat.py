"""Where versions of gradio differ, 3.41 to 6; asked by capability, never by version."""

from __future__ import annotations

import base64
import binascii
import inspect
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gradio import Image
    from gradio.blocks import BlockContext
    from gradio.components import Component


def page_is_built() -> bool:
    """Return whether a page is being built now.

    A WebUI tells of every component that is made, and Gradio 4 makes them anew, outside of any
    page, when an event changes them.
    """
    return _context().root_block is not None


@cache
def _context() -> Any:  # noqa: ANN401 - gradio keeps its type to itself
    # Asked for by thousands of components, an import each would take a tenth of a second.
    return import_module("gradio.context").Context


def file_url(path: Path) -> str:
    """Return the address of a file that gradio may serve, relative to the page.

    The page may lie below any path of a proxy; from version 5 on, gradio has a prefix of its own.
    """
    there = find_spec("gradio.route_utils")
    prefix: str = getattr(import_module("gradio.route_utils"), "API_PREFIX", "") if there else ""
    return f"{prefix}/file={quote(path.as_posix())}".lstrip("/")


def known(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return those of the arguments that a function has parameters of that name for."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in arguments.items() if name in parameters}


def listen(
    event: Callable[..., Any],
    function: Callable[..., Any] | None,
    inputs: Sequence[Component] | None,
    outputs: Sequence[Component | BlockContext] | None,
    *,
    js: str | None = None,
    queue: bool = False,
) -> Any:  # noqa: ANN401 - gradio's own type
    """Listen to an event, without an entry in the API and without an overlay.

    `event` is such as `button.click`; what is quick need not `queue`; `js` is run in the browser
    first, and returns the inputs.
    """
    parameters = inspect.signature(event).parameters
    hidden = (
        {"api_visibility": "private"} if "api_visibility" in parameters else {"api_name": False}
    )
    more = known(event, {"js": js, "_js": js, "show_progress": "hidden"})
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        # Forge and Neo wrap every event in what takes anything, and have Gradio 4.
        more = {"js": js, "show_progress": "hidden"}
    return event(function, inputs, outputs, queue=queue, **more, **hidden)


def hand_on_the_file(image: Image, new_file: Callable[[str], Path]) -> None:
    """Make a picture's input hand on the path of the file as it was dropped.

    Gradio would open it first and answer a file that is no picture with a traceback. A subclass
    will not do: gradio writes a stub file beside the source of every component class.
    Gradio 3 sends the bytes as a text: `new_file` tells where to put a file of a name.
    """

    def path_of(payload: Any) -> str | None:  # noqa: ANN401 - gradio's own type
        if not isinstance(payload, str):
            return payload.path if payload else None
        try:
            data = base64.b64decode(payload.partition(",")[2], validate=True)
        except binascii.Error:
            data = b""
        path = new_file("picture")
        path.write_bytes(data)
        return str(path)

    image.preprocess = path_of
