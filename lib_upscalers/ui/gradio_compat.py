"""Bridge the differences of gradio 3.41 to 6, by capability, never by version."""

from __future__ import annotations

import base64
import binascii
import inspect
import os
import tempfile
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from lib_upscalers.file_writing import write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradio import File, Image, UploadButton
    from gradio.blocks import BlockContext
    from gradio.components import Component


def page_is_built() -> bool:
    """Return whether a page is being built now.

    A WebUI calls back for every component that is made, and Gradio 4 makes components again,
    outside of any page, when an event changes them.
    """
    return _context().root_block is not None


@cache
def _context() -> Any:  # noqa: ANN401 - gradio keeps its type to itself
    # Thousands of components call this; an import in each call would take a tenth of a second.
    return import_module("gradio.context").Context


def leave_out_of_ui_config(components: Sequence[Component]) -> None:
    """Have a WebUI store no defaults of components whose values come from elsewhere.

    A1111 and its forks write the value of each component of a page into ui-config.json when they
    first see it, and show that one ever after (modules/ui_loadsave.py, 41-60).
    """
    for component in components:
        component.do_not_save_to_config = True  # type: ignore[attr-defined]


def file_url(path: Path) -> str:
    """Return the address of a file that gradio may serve, relative to the page.

    The page may lie below any path of a proxy; from version 5 on, gradio has a prefix of its own.
    """
    there = find_spec("gradio.route_utils")
    prefix: str = getattr(import_module("gradio.route_utils"), "API_PREFIX", "") if there else ""
    return f"{prefix}/file={quote(path.as_posix())}".lstrip("/")


def accepted_arguments(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return those arguments for which a function has a parameter of that name."""
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

    `event` is, for example, `button.click`; a quick function need not `queue`; `js` is run in the
    browser first, and returns the inputs.
    """
    parameters = inspect.signature(event).parameters
    hidden = (
        {"api_visibility": "private"} if "api_visibility" in parameters else {"api_name": False}
    )
    more = accepted_arguments(event, {"js": js, "_js": js, "show_progress": "hidden"})
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        # Forge and Neo wrap every event in a function of any arguments, and have Gradio 4.
        more = {"js": js, "show_progress": "hidden"}
    if function is not None:
        from lib_upscalers.ui.handler_faults import shielded

        function = shielded(function)
    return event(function, inputs, outputs, queue=queue, **more, **hidden)


def endings(step: Any) -> list[Callable[..., Any]]:  # noqa: ANN401 - gradio's own type
    """Return the events to listen to for the end of a step, whether it succeeds or fails.

    Up to version 5 `then` is both; version 6 fires it after a success alone.
    """
    return [step.then, *([step.failure] if hasattr(step, "failure") else [])]


def upload_folder() -> Path:
    """Return the folder in which gradio stores uploads."""
    named = os.environ.get("GRADIO_TEMP_DIR")
    return Path(named) if named else Path(tempfile.gettempdir()).resolve() / "gradio"


def picture_input(elem_id: str, height: int, new_file: Callable[[str], Path]) -> Image:
    """Put an input of one picture into the page; its value is the path of the file that was sent.

    Args:
        elem_id: Its ID on the page.
        height: In pixels.
        new_file: Returns the path for a file of a name; Gradio 3 sends the bytes as a text.
    """
    import gradio as gr

    more = {"sources": ["upload", "clipboard"], "source": "upload", "format": "png", "buttons": []}
    picture = gr.Image(
        type="filepath",
        image_mode=None,  # pyright: ignore[reportArgumentType] - version 3 hands it on to nobody
        label="Picture",
        height=height,
        elem_id=elem_id,
        **accepted_arguments(gr.Image, more),
    )
    _return_path(picture, new_file)
    return picture


def _return_path(image: Image, new_file: Callable[[str], Path]) -> None:
    """Let a picture's input return the path of the file as it was uploaded.

    Gradio would open it first and answer a file that is no picture by a traceback. A subclass is no
    way: gradio writes a stub file beside the source of every component class. The receiver has to
    check the path: a request may name any.
    """

    def path_of(payload: Any) -> str | None:  # noqa: ANN401 - gradio's own type
        if isinstance(payload, str):
            return _write_data(payload, new_file("picture"))
        return _path_in(payload) if payload else None

    image.preprocess = path_of


def return_paths(files: File | UploadButton, new_file: Callable[[str], Path]) -> None:
    """Let an input of several files return the paths of the files as they were uploaded.

    Args:
        files: The input.
        new_file: As for `picture_input`.
    """

    def paths_of(payload: Any) -> list[str]:  # noqa: ANN401 - gradio's own type
        several = getattr(payload, "root", payload)
        each = several if isinstance(several, list) else [several] if several else []
        return [_file_in(file, new_file) for file in cast("list[Any]", each)]

    files.preprocess = paths_of  # pyright: ignore[reportAttributeAccessIssue]


def _path_in(payload: Any) -> str:  # noqa: ANN401 - gradio's own type
    """Return the path of gradio's description of a file: an object, or before version 4 a dict."""
    values = cast("dict[str, Any]", payload) if isinstance(payload, dict) else vars(payload)
    path = values.get("path") or values.get("name")
    return path if isinstance(path, str) else ""


def _file_in(payload: Any, new_file: Callable[[str], Path]) -> str:  # noqa: ANN401
    if isinstance(payload, dict):
        data = cast("dict[str, Any]", payload).get("data")
        if isinstance(data, str):
            return _write_data(data, new_file("picture"))
    return _path_in(payload)


def _write_data(text: str, path: Path) -> str:
    try:
        data = base64.b64decode(text.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        data = b""
    write_bytes(path, data, overwrite=True)
    return str(path)
