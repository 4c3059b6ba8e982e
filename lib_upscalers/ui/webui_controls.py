"""Make the controls that our scripts add to a WebUI's page, for Gradio 3.41 and 4.40."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.latent import LATENT_MODES
from lib_upscalers.ui.extras_order import NOTE, PAGE
from lib_upscalers.ui.hires_line import explanation
from lib_upscalers.ui.setting_controls import overriding_controls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HOST_MODE = "The WebUI's own (bilinear)"
_AS_HOST = "Latent (bilinear)"
NO_MODE = "None"
# The place of "Just resize (latent upscale)" among the WebUI's resize modes.
LATENT_RESIZE = 3
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


def latent_resize(resize_mode: Any = None) -> list[Any]:  # noqa: ANN401 - of the WebUI's page
    """Add the accordion "Latent resize" to img2img.

    Args:
        resize_mode: The WebUI's radio buttons "Resize mode": the accordion is visible while they
            choose the last one, which alone enlarges the latent. None: it is always visible.

    Returns:
        The components: mode, sharpen, match, renoise, blend with, blend.
    """
    import gradio as gr

    beside = resize_mode is not None
    with gr.Accordion(
        "Latent resize", open=beside, visible=not beside, elem_id="upscaler_lab_latent_resize"
    ) as accordion:
        mode = gr.Dropdown(
            label="Mode of “Just resize (latent upscale)”",
            choices=[HOST_MODE, *LATENT_MODES],
            value=HOST_MODE,
            elem_id="upscaler_lab_latent_mode",
        )
        note = gr.HTML(explain(HOST_MODE), elem_id="upscaler_lab_latent_note")
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
        mode.change(explain, [mode], [note], show_progress="hidden")
    if beside:
        resize_mode.change(_shows_latent_resize, [resize_mode], [accordion], show_progress="hidden")
    return [mode, sharpen, match, renoise, blend_with, blend]


def explain(mode: str) -> str:
    """Return the line of HTML below the modes of the accordion "Latent resize"."""
    return explanation(_AS_HOST if mode == HOST_MODE else mode)


def latent_resize_choice(resize_mode: Any) -> str:  # noqa: ANN401 - of the WebUI's page
    """Return the resize mode at which the accordion is visible, as the page names it."""
    choice = resize_mode.choices[LATENT_RESIZE]
    return str(choice[0] if isinstance(choice, tuple) else choice)  # pyright: ignore[reportUnknownArgumentType]


def _shows_latent_resize(chosen: int | None) -> Any:  # noqa: ANN401 - an update of gradio's
    return _visibility(chosen == LATENT_RESIZE)


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
        **_extras_size(sizes, ids=ids),
        **_extras_details(lacking, ids=ids),
    }


def _extras_size(sizes: Sequence[str], *, ids: bool) -> dict[str, Any]:
    """Add the three ways of giving a size, of which one is visible."""
    import gradio as gr

    def named(name: str) -> str | None:
        return f"upscaler_lab_{name}" if ids else None

    size_by = gr.Radio(list(sizes), value=sizes[0], label="Size by", elem_id=named("size_by"))
    scale = gr.Slider(0.25, 8, 2, step=0.05, label="Scale", elem_id=named("scale"))
    with gr.Row(visible=False) as exact:
        width = gr.Slider(64, 16384, 1024, step=1, label="Width", elem_id=named("width"))
        height = gr.Slider(64, 16384, 1024, step=1, label="Height", elem_id=named("height"))
    longest = gr.Slider(
        *(64, 16384, 2048), step=8, label="Longest side", visible=False, elem_id=named("longest")
    )
    if ids:
        gr.HTML("", elem_id=NOTE)
        gr.Textbox(visible=False, elem_id=PAGE)

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
