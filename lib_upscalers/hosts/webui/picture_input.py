"""Pictures on their way into the WebUI's Extras: 16 bit grey, and files that cannot be read."""

from __future__ import annotations

import logging
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui.host_modules import host_module, optional_module
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.names import names_a_picture
from lib_upscalers.pictures.picture import from_pil, to_pil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image

    from lib_upscalers.hosts.webui.patching import Patches

_log = logging.getLogger("lib_upscalers")
# What the Extras tab's third page hands on.
_FROM_A_FOLDER = 2
_MOST_NAMED = 20


class PictureInput:
    """Corrects what the WebUI reads, and names the files of a folder that it left out.

    Args:
        patches: Where changes to the WebUI are entered.
    """

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._read: set[str] = set()

    def attach(self) -> None:
        """Extend the function through which the WebUI reads pictures, where it has it."""
        images = optional_module("modules.images")
        if images is not None and hasattr(images, "fix_image"):
            self._patches.wrap(images, "fix_image", self._make_fix)

    def _make_fix(self, original: Callable[..., Any], live: Callable[[], bool]) -> Any:
        def fix_image(image: Any) -> Any:
            if image is None or not live():
                return original(image)
            name = str(getattr(image, "filename", ""))
            # Pillow reads pixels late, where an error would end the whole folder.
            try:
                image.load()
            except Exception:
                image.close()
                raise
            self._read.add(name)
            return original(to_eight_bits(image))

        return fix_image

    def naming(self, original: Callable[..., Any], live: Callable[[], bool]) -> Any:
        """Return the WebUI's run of the Extras tab, extended: it names files that it leaves out.

        Args:
            original: The WebUI's function.
            live: Returns whether we are still active.
        """

        def run_postprocessing(
            extras_mode: int,
            image: Any,
            image_folder: Any,
            input_dir: str,
            *rest: Any,
            save_output: bool = True,
        ) -> Any:
            self._read.clear()
            arguments = (extras_mode, image, image_folder, input_dir, *rest)
            result = original(*arguments, save_output=save_output)
            state = host_module("shared").state
            if not live() or extras_mode != _FROM_A_FOLDER or state.interrupted:
                return result
            return _with_note(result, self._left_out(input_dir))

        return run_postprocessing

    def _left_out(self, folder: str) -> list[str]:
        """Return the names of the pictures of a folder that were not read, and log them."""
        files: list[str] = host_module("shared").listfiles(folder)
        paths = [Path(name) for name in files if name not in self._read]
        names = [path.name for path in paths if names_a_picture(path)]
        for name in names:
            _log.warning("%s in %s cannot be read: it is damaged, or no picture.", name, folder)
        return names


def to_eight_bits(image: Image) -> Image:
    """Return an image of which the WebUI makes the right RGB.

    It converts 16 bit grey to RGB by cutting values off at 255, so that all but black turns
    white (postprocessing.py:65 of AUTOMATIC1111).
    """
    if not image.mode.startswith(("I", "F")):
        return image
    picture = from_pil(image)
    alpha = None if picture.alpha is None else to_depth(picture.alpha, "uint8")
    made = to_pil(replace(picture, pixels=to_depth(picture.pixels, "uint8"), alpha=alpha))
    made.info = {**image.info, **made.info}
    made.info.pop("transparency", None)
    return made


def _with_note(result: Any, names: Sequence[str]) -> Any:
    """Return the Extras tab's result with a line that names files."""
    if not names:
        return result
    shown = ", ".join(names[:_MOST_NAMED]) + (" …" if len(names) > _MOST_NAMED else "")
    *first, text = result
    title = "Left out, as damaged or no pictures:"
    return (*first, f"{text}<p><span>{title}</span> {escape(shown)}</p>")
