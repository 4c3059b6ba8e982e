"""Build the line below Extras' result that offers our engine, with its button."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from lib_upscalers.ui.gradio_compat import listen

if TYPE_CHECKING:
    from collections.abc import Callable

# The WebUI's text below the result, which changes after every run, and the result.
AFTER, RESULT = "html_log_extras", "extras_gallery"
_WITH_OURS = "With Upscaler Lab's engine about"
_BUTTON = "Use Upscaler Lab's engine for the WebUI's networks (saves this setting)"
_DONE = (
    "The WebUI's networks run through Upscaler Lab's engine from now on. Settings → Upscaler Lab "
    "can undo it."
)


def end_of_run(log: Any, result: Any) -> Any:  # noqa: ANN401 - of the WebUI's page
    """Return the event that follows a run of Extras.

    Gradio 4 reports a text as changed at every update of the page, its answer to this event among
    them, so the page would never come to rest; Gradio 3 has no such event for a gallery.

    Args:
        log: The component `AFTER`.
        result: The component `RESULT`; None where there is none.
    """
    return getattr(result, "change", log.change)


def build_offer(
    ended: Any,  # noqa: ANN401 - gradio's own type
    offer: Callable[[], tuple[str, float, float] | None],
    accept: Callable[[], None],
) -> None:
    """Build the line inside the `gr.Blocks` that is open, hidden until there is an offer.

    Args:
        ended: From `end_of_run`.
        offer: Returns the upscaler's name, the seconds that it took, and about how many our
            engine takes; None for no offer.
        accept: Does what the button says.
    """
    import gradio as gr

    with gr.Row(visible=False, elem_id="upscaler_lab_offer") as row:
        note = gr.HTML("")
        button = gr.Button(_BUTTON, size="sm")

    def look() -> list[Any]:
        found = offer()
        if found is None:
            return [gr.update(), gr.update(), gr.update()]
        name, theirs, ours = found
        text = f"{escape(name)}: {theirs:.1f} s. <span>{_WITH_OURS}</span> {ours:.1f} s."
        return [gr.update(visible=True), text, gr.update(visible=True)]

    def take() -> list[Any]:
        accept()
        return [f"<span>{_DONE}</span>", gr.update(visible=False)]

    listen(ended, look, None, [row, note, button], queue=True)
    listen(button.click, take, None, [note, button])
