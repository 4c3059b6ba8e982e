"""Build the part of the WebUI's tab that trains a latent network for the loaded model."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - gradio reads annotations
from html import escape
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import UpscalerError
from lib_upscalers.ui.compare_actions import alert
from lib_upscalers.ui.gradio_compat import file_url, listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.compare.store import Store
    from lib_upscalers.training.latent.reports import FitReport, Preview

    Run = Callable[[float, str], Iterator[FitReport]]

_STATUS = (
    "<p><small>The mode <b>Latent (Lab)</b> enlarges latents with a network that was made for the "
    "latent space of a model. FLUX.2 has one here; for another model one can be made from its own "
    "VAE: useful after five minutes on a GPU, better after twenty. Cancelling keeps what is done, "
    "and the next start goes on with it.</small></p>"
)


def build_fit(run: Run, cancel: Callable[[], None], store: Store) -> None:
    """Add the controls.

    Args:
        run: Trains: from minutes and a folder to reports.
        cancel: Stops it.
        store: Stores the pictures, and is served.
    """
    import gradio as gr

    with gr.Accordion(
        "A latent network for the loaded model", open=False, elem_id="upscaler_lab_fit"
    ):
        gr.HTML(_STATUS)
        with gr.Row():
            minutes = gr.Slider(1, 240, 20, step=1, label="Minutes")
            folder = gr.Textbox(label="Folder of your own pictures (may be empty)")
        with gr.Row():
            start = gr.Button("Make it", variant="primary", elem_id="upscaler_lab_fit_start")
            stop = gr.Button("Cancel", variant="stop")
        status = gr.HTML("", elem_id="upscaler_lab_fit_said")

    def work(minutes: float, folder: str) -> Iterator[str]:
        yield from _as_html(run(minutes, folder), store)

    listen(start.click, work, [minutes, folder], [status], queue=True)
    listen(stop.click, cancel, None, None)


def _as_html(reports: Iterator[FitReport], store: Store) -> Iterator[str]:
    """Yield HTML for every report, with the newest preview."""
    picture, text = "", "<p>Drawing the first pictures …</p>"
    yield text
    try:
        for report in reports:
            if report.preview is not None:
                picture = _picture(report.preview, store)
            text = _text(report)
            yield text + picture
            if report.path is not None:
                return
        yield "<p>Cancelled; the next start goes on.</p>" + text + picture
    except UpscalerError as error:
        yield alert(str(error)) + picture


def _text(report: FitReport) -> str:
    if report.path is not None:
        return f"<p>Done after {report.step} steps: <code>{escape(str(report.path))}</code></p>"
    loss = "" if report.loss is None else f", loss {report.loss:.3f}"
    return (
        f'<progress max="1" value="{report.done:.4f}" style="width: 100%"></progress>'
        f"<p>{report.stage}: step {report.step}{loss}, about "
        f"{report.seconds_left / 60:.1f} minutes to go</p>"
    )


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
