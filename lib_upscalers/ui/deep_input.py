"""Hand 16 bit grey pictures to a WebUI's picture input in 8 bit, before it cuts them off."""

from __future__ import annotations

import base64
import binascii
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import UpscalerError
from lib_upscalers.file_writing import write_bytes
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.files import read_picture, write_picture

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("lib_upscalers")
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\x00", b"MM\x00*")
# Where a PNG has its bits a channel, and its kind of colour: grey, grey with alpha.
_BITS_AT, _COLOUR_AT, _GREY = 24, 25, (0, 4)


def accept_deep(
    component: Any,  # noqa: ANN401 - gradio's component
    new_file: Callable[[str], Path],
) -> None:
    """Have a picture input of the WebUI's take 16 bit grey as it looks.

    Gradio converts it to RGBA, by which Pillow makes all but black white.

    Args:
        component: Gradio's input; its `preprocess` is replaced.
        new_file: Returns where to put a file of a name, in a folder that is tidied.
    """
    original: Callable[[Any], Any] = component.preprocess

    def preprocess(payload: Any) -> Any:  # noqa: ANN401 - gradio's own type
        try:
            payload = _shallow(payload, new_file)
        except (UpscalerError, OSError) as error:
            _log.info("A picture is left to the WebUI as it is: %s", error)
        return original(payload)

    component.preprocess = preprocess


def _shallow(payload: Any, new_file: Callable[[str], Path]) -> Any:  # noqa: ANN401
    """Return Gradio's description of a picture, with a file of 8 bit if it is deep."""
    if isinstance(payload, str):
        head, _, text = payload.partition(",")
        data = _decoded(text)
        if not _may_be_deep(data):
            return payload
        path = new_file("deep")
        write_bytes(path, data, overwrite=True)
        made = _made_shallow(path, new_file)
        if made is None:
            return payload
        return f"{head},{base64.b64encode(made.read_bytes()).decode()}"
    named = getattr(payload, "path", None)
    if not isinstance(named, str) or not _may_be_deep(_first_bytes(Path(named))):
        return payload
    made = _made_shallow(Path(named), new_file)
    if made is not None:
        payload.path = str(made)
    return payload


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_COLOUR_AT + 1)


def _may_be_deep(data: bytes) -> bool:
    if data.startswith(_PNG) and len(data) > _COLOUR_AT:
        return data[_BITS_AT] == 16 and data[_COLOUR_AT] in _GREY
    return data.startswith(_TIFF)


def _made_shallow(path: Path, new_file: Callable[[str], Path]) -> Path | None:
    picture = read_picture(path)
    if picture.pixels.shape[2] != 1 or picture.pixels.dtype == "uint8":
        return None
    alpha = None if picture.alpha is None else to_depth(picture.alpha, "uint8")
    made = new_file("eight-bits.png")
    write_picture(replace(picture, pixels=to_depth(picture.pixels, "uint8"), alpha=alpha), made)
    return made
