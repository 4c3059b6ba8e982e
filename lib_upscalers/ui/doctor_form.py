"""Build the button Doctor and the text that it shows.

Imports gradio, so nothing imports this module before a page is built.
"""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003 - gradio reads annotations

import gradio as gr

from lib_upscalers.ui.gradio_compat import accepted_arguments, listen

_ABOUT = (
    "What a bug report needs: versions, device, settings, other extensions, the last problems. "
    "Nothing in it names you or your files. It is sent nowhere: copy it into the report."
)


def build_doctor(report: Callable[[], str]) -> None:
    """Build both inside the `gr.Blocks` that is open.

    Args:
        report: Returns the text.
    """
    with gr.Accordion("Doctor: for a bug report", open=False, elem_id="upscaler-lab-doctor"):
        gr.Markdown(_ABOUT)
        button = gr.Button("Doctor", size="sm")
        more = {"show_copy_button": True, "buttons": ["copy"]}
        text = gr.Textbox(
            label="To be copied",
            lines=8,
            max_lines=30,
            interactive=False,
            elem_id="upscaler-lab-doctor-text",
            **accepted_arguments(gr.Textbox, more),
        )
    listen(button.click, report, None, [text], queue=True)
