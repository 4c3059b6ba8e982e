"""The line below the WebUI's Hires. fix dropdown: one sentence for every entry."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - gradio reads annotations
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import UpscalerError
from lib_upscalers.guide.rules import guide
from lib_upscalers.latent import LATENT_MODES
from lib_upscalers.latent.tiny_files import LICENCE
from lib_upscalers.ui.gradio_compat import listen
from lib_upscalers.ui.viewer_feed import alert
from lib_upscalers.ui.webui_fit import fit_offer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lib_upscalers.compare.store import Store
    from lib_upscalers.latent.outlook import Outlook
    from lib_upscalers.latent.tiny_files import TinyOffer
    from lib_upscalers.ui.webui_fit import FitDoor
    from lib_upscalers.upscaling.prospect import Prospect

# The WebUI's controls whose values the line depends on, by their ids; the first is the dropdown.
INPUTS = (
    *("txt2img_hr_upscaler", "txt2img_denoising_strength", "txt2img_hr_scale"),
    *("txt2img_hr_resize_x", "txt2img_hr_resize_y"),
)
# The check box behind the accordion "Hires. fix".
OPENED = "txt2img_hr-checkbox"
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
        tiny: Returns the tiny autoencoder that can be fetched for the loaded model, if one can.
        alike: Returns our name for what a latent mode of the WebUI's does; None for anything else.
    """

    outlook: Callable[[str], Outlook | None]
    prospect: Callable[[str], Prospect | None]
    minutes: Callable[[], int]
    training: Callable[[], bool]
    tiny: Callable[[], TinyOffer | None]
    alike: Callable[[str], str | None]


def put_note(
    door: FitDoor, fetch: Callable[[], Sequence[Path]], store: Callable[[], Store]
) -> list[Any]:
    """Put the line into the page, empty, with hidden buttons.

    Args:
        door: Trains a latent network.
        fetch: Fetches the tiny autoencoder of the loaded model; returns its files.
        store: Returns what stores the pictures of the training.

    Returns:
        The line's component, that of the button that trains, and that of the one that fetches.
    """
    import gradio as gr

    with gr.Row(elem_id="upscaler_lab_hires_line"):
        note = gr.HTML("", elem_id="upscaler_lab_hires_note")
        return [note, fit_offer(door, store, note), _fetch_button(fetch, note)]


def _fetch_button(fetch: Callable[[], Sequence[Path]], note: Any) -> Any:  # noqa: ANN401
    import gradio as gr

    button = gr.Button(
        "Fetch the tiny autoencoder", visible=False, elem_id="upscaler_lab_hires_tiny"
    )

    def work() -> Iterator[tuple[str, Any]]:
        hidden = gr.update(visible=False)
        yield f"<small>{_translatable('Fetching the tiny autoencoder …')}</small>", hidden
        try:
            names = ", ".join(path.name for path in fetch())
        except UpscalerError as error:
            yield alert(str(error)), gr.update(visible=True)
            return
        text = _translatable("The tiny autoencoder is there now:")
        yield f"<small>{text} <code>{escape(names)}</code></small>", hidden

    listen(button.click, work, None, [note, button], queue=True)
    return button


def connect(
    made: Sequence[Any], inputs: Sequence[Any], knowledge: Knowledge, opened: Sequence[Any] = ()
) -> Callable[[Any], None]:
    """Have the line follow the controls.

    Args:
        made: From `put_note`.
        inputs: The WebUI's controls, in the order of `INPUTS`.
        knowledge: What is known of the entries.
        opened: The component `OPENED`, if it was found: the line comes with the accordion.

    Returns:
        Has the line follow the component `RESULT`, too, where that reports changes (Gradio 4).
    """
    import gradio as gr

    def explain(
        name: str, strength: float, scale: float, width: float, height: float
    ) -> tuple[str, Any, Any]:
        known = knowledge.outlook(name)
        offer = knowledge.tiny() if lacks_tiny(name, known) else None
        mode = name if name in LATENT_MODES else knowledge.alike(name)
        if mode is not None:
            text = explanation_for_model(mode, strength, known, knowledge.minutes(), offer)
        else:
            text = sentence(knowledge.prospect(name), 0 if width or height else scale)
        make = gr.update(visible=lacks_network(name, known))
        return with_guide(text), make, gr.update(visible=offer is not None)

    values, outputs = list(inputs), list(made)
    # In the queue a menu's focus could be answered after the choice that was made in it.
    for component in (*inputs, *opened):
        component.change(explain, values, outputs, show_progress="hidden", queue=False)
    # Another model may be loaded by now.
    inputs[0].focus(explain, values, outputs, show_progress="hidden", queue=False)

    def explain_again(
        name: str, strength: float, scale: float, width: float, height: float
    ) -> tuple[Any, Any, Any]:
        if knowledge.training():
            return gr.update(), gr.update(), gr.update()
        return explain(name, strength, scale, width, height)

    def follow(result: Any) -> None:  # noqa: ANN401 - of the WebUI's page
        if hasattr(result, "change"):
            result.change(explain_again, values, outputs, show_progress="hidden", queue=False)

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


def lacks_tiny(mode: str, outlook: Outlook | None) -> bool:
    """Return whether a mode would be better with a tiny autoencoder, but there is none."""
    if outlook is None or not outlook.models or mode not in LATENT_MODES:
        return False
    better = LATENT_MODES[outlook.used].family in ("learned", "round trip")
    return bool(LATENT_MODES[mode].otherwise) and not better


def explanation_for_model(
    mode: str,
    strength: float | None,
    outlook: Outlook | None,
    minutes: int = 0,
    offer: TinyOffer | None = None,
) -> str:
    """Return a line of HTML on a mode; "" for an upscaler that is no mode of ours.

    Args:
        mode: The chosen mode.
        strength: The denoising strength, None if it is unknown; a warning is added if it is too low
            for the mode.
        outlook: Which mode will be used for the loaded model; None if that is unknown.
        minutes: About how long training a network takes; 0 where there is no button for it.
        offer: The tiny autoencoder that a button fetches.
    """
    if mode not in LATENT_MODES:
        return ""
    entry = LATENT_MODES[mode if outlook is None else outlook.used]
    text = _translatable(entry.explanation)
    if outlook is not None and outlook.by_others:
        text = _others_part(outlook)
    if outlook is not None and LATENT_MODES[mode].otherwise:
        text = f"{_model_part(mode, outlook, minutes, offer)} {text}"
    if entry.clean_from is not None:
        text += f" {_clean_from(entry.clean_from, strength)}"
    return f"<small>{text}</small>"


def _model_part(mode: str, outlook: Outlook, minutes: int, offer: TinyOffer | None) -> str:
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
    if offer is not None:
        text += f" {_tiny_part(offer)}"
    return f"{models} {text} <b>{escape(outlook.used)}</b>:"


def _others_part(outlook: Outlook) -> str:
    """Return what to know of a network that others have published."""
    text = f"{_translatable('A network by others:')} <code>{escape(outlook.by_others)}</code>."
    if outlook.inventive:
        text += f" {_translatable('It adds texture of its own, so it is less faithful.')}"
    return text


def _tiny_part(offer: TinyOffer) -> str:
    """Return size, licence and source of a tiny autoencoder that can be fetched."""
    can = _translatable("The tiny autoencoder can be fetched, MB:")
    source = escape(offer.source)
    page = f'<a href="{source}" target="_blank" rel="noopener">{source}</a>'
    return f"{can} {offer.megabytes:.3g}, {LICENCE}, {page}."


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
