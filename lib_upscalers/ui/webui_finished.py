"""The controls of the script "Compare upscalers in Hires. fix"."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.finished import FinishedRequest, parse_strengths
from lib_upscalers.compare.request import MOST
from lib_upscalers.errors import InputError
from lib_upscalers.ui.gradio_compat import listen, picture_input, upload_folder
from lib_upscalers.ui.uploads import is_sent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHOW = "upscaler_lab_show_finished"
PICTURE = "upscaler_lab_finished_picture"
TITLE = "Compare upscalers in Hires. fix"
_ABOUT = (
    "Makes the small picture once, then one finished picture for each upscaler and strength. Size, "
    "sampler and prompt are those above."
)
_ABOUT_PICTURE = (
    "The first pass is this picture. Its prompt, seed, sampler and size are taken instead of those "
    "above; the target size is that of Hires. fix."
)
_STRENGTHS = "0.3, 0.45, 0.6"
_CHOSEN = ("Latent (Lab)", "Latent (nearest-exact)", "Lanczos")


def request_of(
    names: object, strengths: object, steps: object, confirmed: object
) -> FinishedRequest:
    """Return what the user filled in; an API may hand over anything.

    Raises:
        InputError: It makes no sense.
    """
    if not isinstance(names, (list, tuple)):
        raise InputError(f"Expected 2 to {MOST} upscalers to compare, as a list: choose some.")
    if isinstance(steps, bool) or not isinstance(steps, (int, float)) or not math.isfinite(steps):
        raise InputError("Expected a number of steps for the second pass: correct it.")
    chosen = tuple(str(name) for name in names)  # pyright: ignore[reportUnknownArgumentType]
    text = str(strengths) if isinstance(strengths, (str, int, float)) else ""
    return FinishedRequest(chosen, parse_strengths(text), int(steps), bool(confirmed))


def outlook(names: object, strengths: object, steps: object, confirmed: object) -> str:
    """Return as HTML how many pictures will be made, or why none can be."""
    try:
        request = request_of(names, strengths, steps, confirmed)
    except InputError as error:
        return f'<p class="upscaler-lab-note">{escape(str(error))}</p>'
    upscalers, rows = len(request.upscalers), len(request.strengths)
    return (
        f'<p class="upscaler-lab-note">{upscalers} upscalers by {rows} strengths: '
        f"{upscalers * rows} pictures for each seed, and one first pass.</p>"
    )


def uploaded(folders: Callable[[], Sequence[Path]]) -> Callable[[object], Path | None]:
    """Return what finds the file that a page has uploaded, and None for any other value.

    Args:
        folders: Returns the folders that files are sent to the page from.
    """

    def file_of(value: object) -> Path | None:
        return Path(str(value)) if is_sent(value, [upload_folder(), *folders()]) else None

    return file_of


def finished_controls(
    names: Sequence[str], note_of: Callable[[object], str], new_file: Callable[[str], Path]
) -> list[Any]:
    """Put the script's controls into the page.

    Args:
        names: What the menu of Hires. fix lists.
        note_of: Returns as HTML what will be done with a picture.
        new_file: Returns the path for an uploaded file of a name.

    Returns:
        The components whose values `request_of` takes, in its order, and the picture.
    """
    import gradio as gr

    chosen = [name for name in _CHOSEN if name in names]
    gr.HTML(f'<p class="upscaler-lab-note">{_ABOUT}</p>')
    menu = gr.Dropdown(
        list(names),
        value=chosen,
        multiselect=True,
        label="Upscalers (2 to 12)",
        elem_id="upscaler_lab_finished_names",
    )
    with gr.Row():
        strengths = gr.Textbox(
            _STRENGTHS,
            label="Denoising strengths",
            info="Such as 0.3, 0.45 or 0.2-0.6:0.1",
            elem_id="upscaler_lab_finished_strengths",
        )
        steps = gr.Slider(
            0, 150, 0, step=1, label="Steps of the second pass (0: as Hires. fix has them)"
        )
    confirmed = gr.Checkbox(value=False, label="Many pictures are intended")
    picture = _picture(note_of, new_file)
    controls = [menu, strengths, steps, confirmed]
    first = outlook(chosen, _STRENGTHS, 0, False)  # noqa: FBT003
    note = gr.HTML(first, elem_id="upscaler_lab_finished_note")
    for control in controls:
        listen(control.change, outlook, controls, [note])
    gr.Button("Show in Upscaler Lab", elem_id=SHOW)
    return [*controls, picture]


def _picture(note_of: Callable[[object], str], new_file: Callable[[str], Path]) -> Any:  # noqa: ANN401
    """Put the picture to begin with into the page, with what will be done with it."""
    import gradio as gr

    with gr.Accordion("Begin with a finished picture", open=False, elem_id=f"{PICTURE}_part"):
        gr.HTML(f'<p class="upscaler-lab-note">{_ABOUT_PICTURE}</p>')
        picture = picture_input(PICTURE, 200, new_file)
        note = gr.HTML("", elem_id=f"{PICTURE}_note")
    listen(picture.change, note_of, [picture], [note])
    return picture
