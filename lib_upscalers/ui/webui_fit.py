"""Train a latent network for the loaded model: the tab's part, and the buttons of Hires. fix."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - gradio reads annotations
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import UpscalerError
from lib_upscalers.ui.gradio_compat import file_url, listen
from lib_upscalers.ui.viewer_feed import alert

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.compare.store import Store
    from lib_upscalers.latent.network_card import Figures
    from lib_upscalers.training.latent.reports import FitReport, Preview


_USE = "Use it all the same"
_STATUS = (
    "<p><small>The mode Latent (Lab) enlarges latents with a network that was made for the "
    "latent space of a model. FLUX.2 has one here; for another model one can be made from its own "
    "VAE: useful after five minutes on a GPU, better after twenty. Cancelling keeps what is done, "
    "and the next start goes on with it.</small></p>"
)


@dataclass(frozen=True)
class FitDoor:
    """What the buttons call.

    Attributes:
        run: From minutes and a folder of pictures to reports.
        cancel: Stops it.
        accept: Has the last network used, although it lost; returns where it lies.
        minutes: Returns about how long a useful training takes on this machine.
    """

    run: Callable[[float, str], Iterator[FitReport]]
    cancel: Callable[[], None]
    accept: Callable[[], str]
    minutes: Callable[[], int]


def build_fit(door: FitDoor, store: Store) -> None:
    """Add the controls of the tab.

    Args:
        door: What the buttons call.
        store: Stores the pictures, and is served.
    """
    import gradio as gr

    with gr.Accordion(
        "A latent network for the loaded model", open=False, elem_id="upscaler_lab_fit"
    ):
        gr.HTML(_STATUS)
        with gr.Row():
            minutes = gr.Slider(1, 240, door.minutes(), step=1, label="Minutes")
            folder = gr.Textbox(label="Folder of your own pictures (may be empty)")
        with gr.Row():
            start = gr.Button("Make it", variant="primary", elem_id="upscaler_lab_fit_start")
            stop = gr.Button("Cancel", variant="stop")
            use = gr.Button(_USE, visible=False, elem_id="upscaler_lab_fit_use")
        said = gr.HTML("", elem_id="upscaler_lab_fit_said")

    def work(minutes: float, folder: str) -> Iterator[tuple[str, Any]]:
        for html, loses in _render(door.run(minutes, folder), store):
            yield html, gr.update(visible=loses)

    listen(start.click, work, [minutes, folder], [said, use], queue=True)
    listen(stop.click, door.cancel, None, None)
    listen(use.click, lambda: (_accept(door), gr.update(visible=False)), None, [said, use])


def fit_offer(door: FitDoor, store: Callable[[], Store], note: Any) -> Any:  # noqa: ANN401
    """Add the buttons that make a network where one is missed, hidden at first.

    Args:
        door: What the buttons call.
        store: Returns what stores the pictures.
        note: The component that shows how far it is.

    Returns:
        The button that begins; whoever knows the loaded model shows and hides it.
    """
    import gradio as gr

    make = gr.Button(
        "Make a network for this model", visible=False, elem_id="upscaler_lab_hires_fit"
    )
    stop = gr.Button("Cancel", visible=False, elem_id="upscaler_lab_hires_fit_stop")
    use = gr.Button(_USE, visible=False, elem_id="upscaler_lab_hires_fit_use")

    def work() -> Iterator[tuple[str, Any, Any, Any]]:
        hidden, last = gr.update(visible=False), ("", False)
        for last in _render(door.run(door.minutes(), ""), store()):
            yield last[0], hidden, gr.update(visible=True), hidden
        yield last[0], hidden, hidden, gr.update(visible=last[1])

    listen(make.click, work, None, [note, make, stop, use], queue=True)
    listen(stop.click, door.cancel, None, None)
    listen(use.click, lambda: (_accept(door), gr.update(visible=False)), None, [note, use])
    return make


def _accept(door: FitDoor) -> str:
    try:
        return f"<p>It is used from now on: <code>{escape(door.accept())}</code></p>"
    except UpscalerError as error:
        return alert(str(error))


def _render(reports: Iterator[FitReport], store: Store) -> Iterator[tuple[str, bool]]:
    """Yield HTML for every report, with the newest preview, and whether the network lost."""
    picture, text = "", "<p>Drawing the first pictures …</p>"
    yield text, False
    try:
        for report in reports:
            if report.preview is not None:
                picture = _picture(report.preview, store)
            text = _text(report)
            loses = report.figures is not None and report.figures.loses
            yield text + picture, loses
            if report.path is not None:
                return
        yield "<p>Cancelled; the next start goes on.</p>" + text + picture, False
    except UpscalerError as error:
        yield alert(str(error)) + picture, False


def _text(report: FitReport) -> str:
    if report.path is not None:
        done = f"<p>Done after {report.step} steps: <code>{escape(str(report.path))}</code></p>"
        return done + _worth(report.figures)
    loss = "" if report.loss is None else f", loss {report.loss:.3f}"
    return (
        f'<progress max="1" value="{report.done:.4f}" style="width: 100%"></progress>'
        f"<p>{report.stage}: step {report.step}{loss}, about "
        f"{report.seconds_left / 60:.1f} minutes to go. Pictures can be generated meanwhile: the "
        "training waits for them.</p>"
    )


def _worth(figures: Figures | None) -> str:
    """Return what a network is worth, and what becomes of one that loses."""
    if figures is None:
        return ""
    text = f"<p>{escape(figures.sentence())}</p>"
    if figures.loses:
        text += (
            f"<p><b>It loses to {escape(figures.rival[0])}, so no mode uses it yet.</b> Train it "
            "for longer, or use it all the same.</p>"
        )
    return text


def _picture(preview: Preview, store: Store) -> str:
    """Return an image of a held-out drawing: bilinear, by the network, as it was."""
    import numpy as np
    import torch

    from lib_upscalers.pictures.files import write_picture
    from lib_upscalers.pictures.picture import Picture, from_tensor

    beside: Any = torch.cat([preview.before, preview.after, preview.original], dim=2)
    path = store.new_file("preview.png")
    write_picture(Picture(from_tensor(beside.float(), np.dtype(np.uint8))), path)
    return (
        f'<img src="{escape(file_url(path.resolve()))}" style="max-width: 100%" '
        'alt="A drawing: bilinear, by the network so far, the original">'
        "<p><small>bilinear · by the network so far · the original</small></p>"
    )
