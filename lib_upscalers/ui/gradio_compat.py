"""Where versions of gradio differ; asked by capability, never by version."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from gradio import Image


def file_url(path: Path) -> str:
    """Return the address of a file that gradio may serve, relative to the page.

    The page may lie below any path of a proxy; from version 5 on, gradio has a prefix of its own.
    """
    prefix: str = getattr(import_module("gradio.route_utils"), "API_PREFIX", "")
    return f"{prefix}/file={quote(path.as_posix())}".lstrip("/")


def hand_on_the_file(image: Image) -> None:
    """Make a picture's input hand on the file as it was dropped.

    Gradio would open it first and answer a file that is no picture with a traceback. A subclass
    will not do: gradio writes a stub file beside the source of every component class.
    """

    def path_of(payload: Any) -> str | None:  # noqa: ANN401 - gradio's own type
        return payload.path if payload else None

    image.preprocess = path_of
