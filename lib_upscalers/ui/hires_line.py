"""The line below the WebUI's Hires. fix dropdown: one sentence for every entry."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from lib_upscalers.guide.rules import guide
from lib_upscalers.latent import LATENT_MODES
from lib_upscalers.ui.webui_fit import fit_offer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lib_upscalers.compare.store import Store
    from lib_upscalers.latent.outlook import Outlook
    from lib_upscalers.ui.webui_fit import FitDoor
    from lib_upscalers.upscaling.prospect import Prospect

# The WebUI's controls whose values the line depends on, by their ids; the first is the dropdown.
INPUTS = (
    *("txt2img_hr_upscaler", "txt2img_denoising_strength", "txt2img_hr_scale"),
    *("txt2img_hr_resize_x", "txt2img_hr_resize_y"),
)
# The WebUI's gallery, which changes after a run, for which another model may have been loaded.
RESULT = "txt2img_gallery"
# A picture of 512 x 512.
_MEGAPIXELS = 512 * 512 / 1e6


@dataclass(frozen=True)
class Knowledge:
    """What the line asks the extension.

    Attributes:
        outlook: Returns what a latent mode will do with the model that is loaded.
        prospect: Returns what is known of an upscaler of pixels; None of one that is not known.
        minutes: Returns about how long training a latent network takes.
        training: Returns whether one is trained now, which the line shows.
    """

    outlook: Callable[[str], Outlook | None]
    prospect: Callable[[str], Prospect | None]
    minutes: Callable[[], int]
    training: Callable[[], bool]


def put_note(door: FitDoor, store: Callable[[], Store]) -> list[Any]:
    """Put the line into the page, empty, with a hidden button that trains a latent network.

    Args:
        door: Trains a network.
        store: Returns what stores the pictures of the training.

    Returns:
        The line's component and the button's.
    """
    import gradio as gr

    with gr.Row(elem_id="upscaler_lab_hires_line"):
        note = gr.HTML("", elem_id="upscaler_lab_hires_note")
        return [note, fit_offer(door, store, note)]


def connect(
    made: Sequence[Any], inputs: Sequence[Any], knowledge: Knowledge
) -> Callable[[Any], None]:
    """Have the line follow the controls.

    Args:
        made: From `put_note`.
        inputs: The WebUI's controls, in the order of `INPUTS`.
        knowledge: What is known of the entries.

    Returns:
        Has the line follow the component `RESULT`, too, where that reports changes (Gradio 4).
    """
    import gradio as gr

    def explain(
        name: str, strength: float, scale: float, width: float, height: float
    ) -> tuple[str, Any]:
        known = knowledge.outlook(name)
        if name in LATENT_MODES:
            text = explanation_for_model(name, strength, known, knowledge.minutes())
        else:
            text = sentence(knowledge.prospect(name), 0 if width or height else scale)
        return with_guide(text), gr.update(visible=lacks_network(name, known))

    values, outputs = list(inputs), list(made)
    for component in inputs:
        component.change(explain, values, outputs, show_progress="hidden")
    # Another model may be loaded by now.
    inputs[0].focus(explain, values, outputs, show_progress="hidden")

    def explain_again(
        name: str, strength: float, scale: float, width: float, height: float
    ) -> tuple[Any, Any]:
        if knowledge.training():
            return gr.update(), gr.update()
        return explain(name, strength, scale, width, height)

    def follow(result: Any) -> None:  # noqa: ANN401 - of the WebUI's page
        if hasattr(result, "change"):
            result.change(explain_again, values, outputs, show_progress="hidden")

    return follow


def with_guide(line: str) -> str:
    """Return a line with a link to the page "Which one?", whose short form is its tooltip."""
    link = (
        f'<a href="#" data-upscaler-lab-which title="{escape(guide().short)}">'
        f"{_translatable('Which one?')}</a>"
    )
    return f"{line.removesuffix('</small>') or '<small>'} {link}</small>"


def sentence(prospect: Prospect | None, target: float) -> str:
    """Return a line of HTML on an upscaler of pixels; "" for one of which nothing is known.

    Args:
        prospect: What is known.
        target: By how much the picture is to be enlarged; 0 where a size is given instead.
    """
    if prospect is None:
        return ""
    if not prospect.architecture:
        text = _translatable("A kernel: quick, adds no detail, any scale.")
        return f"<small>{text}</small>"
    megabytes = prospect.size_bytes / 1e6
    size = f"{megabytes:.3g} {_translatable('MB')}"
    facts = f"{escape(prospect.architecture)}, {prospect.scale}x, {size}."
    parts = [f"<b>{facts}</b>", _way(prospect, target), _speed(prospect)]
    return f"<small>{' '.join(part for part in parts if part)}</small>"


def _way(prospect: Prospect, target: float) -> str:
    """Return how a network reaches the target; "" where it gives it at once."""
    if prospect.scale == 1:
        return _translatable("Restores at the same size; Lanczos enlarges.")
    if not target or target == prospect.scale:
        return ""
    passes = prospect.passes(target)
    reached = prospect.scale**passes
    runs, reaching = _translatable("runs"), _translatable("reaching")
    times = _translatable("runs once") if passes == 1 else f"{passes} {runs}"
    aim = _translatable("Target")
    text = f"{aim} {target:g}x: {times}, {reaching} {reached}x"
    if reached == target:
        return f"{text}."
    end = _translatable("then reduced.") if reached > target else _translatable("then resized.")
    return f"{text}, {end}"


def _speed(prospect: Prospect) -> str:
    if prospect.seconds_per_megapixel is None:
        return ""
    seconds = prospect.seconds_per_megapixel * _MEGAPIXELS
    text = _translatable("On this device, for 512 x 512 pixels, in seconds:")
    return f"{text} {seconds:.2g}."


def explanation(mode: str) -> str:
    """Return a line of HTML on a mode, whatever model is loaded; see `explanation_for_model`.

    Gradio 3.41 resolves the hints of the functions that it calls, so nothing in this signature
    is imported for types alone.
    """
    return explanation_for_model(mode, None, None)


def lacks_network(mode: str, outlook: Outlook | None) -> bool:
    """Return whether a mode could use a network for the loaded model, but there is none."""
    if outlook is None or not outlook.models or mode not in LATENT_MODES:
        return False
    return LATENT_MODES[mode].family == "learned" and outlook.used != mode


def explanation_for_model(
    mode: str, strength: float | None, outlook: Outlook | None, minutes: int = 0
) -> str:
    """Return a line of HTML on a mode; "" for an upscaler that is no mode of ours.

    Args:
        mode: The chosen mode.
        strength: The denoising strength, None if it is unknown; a warning is added if it is too low
            for the mode.
        outlook: Which mode will be used for the loaded model; None if that is unknown.
        minutes: About how long training a network takes; 0 where there is no button for it.
    """
    if mode not in LATENT_MODES:
        return ""
    entry = LATENT_MODES[mode if outlook is None else outlook.used]
    text = _translatable(entry.explanation)
    if outlook is not None and LATENT_MODES[mode].otherwise:
        text = f"{_model_part(mode, outlook, minutes)} {text}"
    if entry.clean_from is not None:
        text += f" {_clean_from(entry.clean_from, strength)}"
    return f"<small>{text}</small>"


def _model_part(mode: str, outlook: Outlook, minutes: int) -> str:
    """Return the beginning of the line: the loaded model, and whether the mode works for it."""
    models = f"<b>{escape(outlook.models)}:</b>" if outlook.models else ""
    if outlook.used == mode:
        return models
    text = _translatable("no network for these latents yet, the tab Upscaler Lab can make one.")
    if minutes:
        text = _translatable("no network for these latents yet: make one, minutes:")
        text += f" {minutes}."
    if LATENT_MODES[mode].family != "learned":
        text = _translatable("no tiny autoencoder for these latents.")
    if not outlook.models:
        text = _translatable("The latents of the loaded model are not known.")
    return f"{models} {text} <b>{escape(outlook.used)}</b>:"


def _clean_from(least: float, strength: float | None) -> str:
    """Return the lowest denoising strength at which a mode looks clean, with a warning below it."""
    if not least:
        return _translatable("Clean at any denoising strength.")
    text = _translatable("Clean from denoising strength") + f" {least:g}."
    if strength is not None and strength < least:
        text += f" <b>{strength:g} " + _translatable("is below that.") + "</b>"
    return text


def _translatable(text: str) -> str:
    """Return an element of its own, because a WebUI translates only texts that fill an element."""
    return f"<span>{text}</span>"
