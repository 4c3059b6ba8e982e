"""Make the controls that our scripts add to a WebUI's page, for Gradio 3.41 and 4.40."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from lib_upscalers.latent import LATENT_MODES
from lib_upscalers.ui.setting_controls import overriding_controls
from lib_upscalers.ui.webui_fit import FitDoor, fit_offer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lib_upscalers.compare.store import Store
    from lib_upscalers.latent.outlook import Outlook

HOST_MODE = "The WebUI's own (bilinear)"
NO_MODE = "None"
JOURNAL = "Batch from Directory: go on where it stopped (a journal; other scripts do not run)"


def setting_components() -> Mapping[str, Any]:
    """Return the component of each kind of setting."""
    import gradio as gr

    return {
        "lines": gr.Textbox,
        "slider": gr.Slider,
        "radio": gr.Radio,
        "dropdown": gr.Dropdown,
        "check": gr.Checkbox,
        "checks": gr.CheckboxGroup,
    }


def latent_resize() -> list[Any]:
    """Add the accordion "Latent resize" to img2img.

    Returns:
        The components: mode, sharpen, match, renoise, blend with, blend.
    """
    import gradio as gr

    with gr.Accordion("Latent resize", open=False, elem_id="upscaler_lab_latent_resize"):
        mode = gr.Dropdown(
            label="Mode of “Just resize (latent upscale)”",
            choices=[HOST_MODE, *LATENT_MODES],
            value=HOST_MODE,
            elem_id="upscaler_lab_latent_mode",
        )
        note = gr.HTML(explanation(HOST_MODE), elem_id="upscaler_lab_latent_note")
        with gr.Row():
            # Not 0: AUTOMATIC1111's API converts an infotext's value to this one's type.
            sharpen = gr.Slider(0, 2, 0.0, step=0.05, label="Sharpen")
            renoise = gr.Slider(0, 2, 0.0, step=0.05, label="Renoise")
            match = gr.Checkbox(value=False, label="Match mean and variance")
        with gr.Row():
            blend_with = gr.Dropdown(
                label="Blend with", choices=[NO_MODE, *LATENT_MODES], value=NO_MODE
            )
            blend = gr.Slider(0, 1, 0.5, step=0.05, label="Share of that mode")
        mode.change(explanation, [mode], [note], show_progress="hidden")
    return [mode, sharpen, match, renoise, blend_with, blend]


def hires_line(
    upscaler: Any,  # noqa: ANN401 - the WebUI's components
    strength: Any,  # noqa: ANN401
    refresh: Callable[[Any], Any],
    outlook: Callable[[str], Outlook | None],
    door: FitDoor,
    store: Callable[[], Store],
) -> None:
    """Add a line below the row of the WebUI's Hires. fix dropdown.

    It explains the chosen mode, and has a button that searches for new files, and one that trains
    a latent network where the loaded model has none.

    Args:
        upscaler: The WebUI's dropdown.
        strength: Its slider of the denoising strength.
        refresh: Makes the button, for the dropdown.
        outlook: Returns which mode will be used for the loaded model.
        door: Trains a network.
        store: Returns what stores the pictures of the training.
    """
    import gradio as gr

    def explain(mode: str, value: float) -> tuple[str, Any]:
        known = outlook(mode)
        text = explanation_for_model(mode, value, known, door.minutes())
        return text, gr.update(visible=lacks_network(mode, known))

    with gr.Row(elem_id="upscaler_lab_hires_line"):
        note = gr.HTML("", elem_id="upscaler_lab_hires_note")
        make = fit_offer(door, store, note)
        refresh(upscaler)
    for component in (upscaler, strength):
        component.change(explain, [upscaler, strength], [note, make], show_progress="hidden")
    # Another model may be loaded by now.
    upscaler.focus(explain, [upscaler, strength], [note, make], show_progress="hidden")


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


def extras(
    names: Callable[[], list[str]],
    refresh: Callable[[list[Any]], Any],
    ways: Sequence[str],
    sizes: Sequence[str],
    lacking: str = "",
    *,
    ids: bool = True,
) -> dict[str, Any]:
    """Add the controls of our script to the Extras tab.

    Args:
        names: Returns the names of all upscalers.
        refresh: Makes a button that searches for new files and updates those dropdowns.
        ways: How several upscalers are used.
        sizes: How the size is given: a scale, a size, the longest side.
        lacking: What does not work here and why, in a line; "" for nothing.
        ids: Whether the components get elem_ids: a page may have them several times.

    Returns:
        The components by the names that `job_of` takes.
    """
    import gradio as gr

    choices = ["None", *names()]
    with gr.Row(equal_height=True):
        dropdowns = [
            gr.Dropdown(
                label=label,
                choices=choices,
                value="None",
                elem_id=f"upscaler_lab_{label.lower().replace(' ', '_')}" if ids else None,
            )
            for label in ("Upscaler 1", "Upscaler 2", "Upscaler 3")
        ]
        refresh(dropdowns)
    with gr.Row():
        way = gr.Radio(list(ways), value=ways[0], label="Several upscalers")
        share = gr.Slider(0, 1, 0.5, step=0.05, label="Share of the second", visible=False)

    def change_visibility(chosen: str) -> Any:  # noqa: ANN401 - an update of gradio's
        return _visibility(chosen == ways[1])

    way.change(change_visibility, [way], [share], show_progress="hidden")
    return {
        **{f"upscaler_{i + 1}": dropdown for i, dropdown in enumerate(dropdowns)},
        "way": way,
        "share": share,
        **_extras_size(sizes),
        **_extras_details(lacking, ids=ids),
    }


def _extras_size(sizes: Sequence[str]) -> dict[str, Any]:
    """Add the three ways of giving a size, of which one is visible."""
    import gradio as gr

    size_by = gr.Radio(list(sizes), value=sizes[0], label="Size by")
    scale = gr.Slider(0.25, 8, 2, step=0.05, label="Scale")
    with gr.Row(visible=False) as exact:
        width = gr.Slider(64, 16384, 1024, step=1, label="Width")
        height = gr.Slider(64, 16384, 1024, step=1, label="Height")
    longest = gr.Slider(64, 16384, 2048, step=8, label="Longest side", visible=False)

    def change_visibility(chosen: str) -> list[Any]:
        return [_visibility(chosen == size) for size in sizes]

    size_by.change(change_visibility, [size_by], [scale, exact, longest], show_progress="hidden")
    return {
        "size_by": size_by,
        "scale": scale,
        "width": width,
        "height": height,
        "longest": longest,
    }


def _visibility(visible: bool) -> Any:  # noqa: ANN401, FBT001 - an update of gradio's
    import gradio as gr

    return gr.update(visible=visible)


def _extras_details(lacking: str, *, ids: bool) -> dict[str, Any]:
    import gradio as gr

    name, note = ("upscaler_lab_extras_details", "upscaler_lab_lacking") if ids else (None, None)
    with gr.Accordion("Details", open=False, elem_id=name):
        if lacking:
            gr.HTML(f"<small>{lacking}</small>", elem_id=note)
        controls = overriding_controls()
        match = gr.Checkbox(value=False, label="Match colours to the original")
        journal = gr.Checkbox(value=False, label=JOURNAL)
    return {**controls, "match_colours": match, "journal": journal}
