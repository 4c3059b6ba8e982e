"""Build the button that measures all upscalers, and the table of their speeds.

Imports gradio, so nothing imports this module before a page is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator  # noqa: TC003 - gradio reads annotations
from html import escape
from typing import TYPE_CHECKING

import gradio as gr

from lib_upscalers.ui.gradio_compat import listen

if TYPE_CHECKING:
    from lib_upscalers.diagnosis.speed_table import Speed

_ABOUT = (
    "Each upscaler enlarges drawings of growing size, for two minutes in all. Speeds are in "
    "million pixels a second of the picture before it is enlarged; My models on the page Models "
    "shows them, too."
)
_HEAD = ("Name", "Scale", "Speed", "Memory", "Precision")


def speed_rows(speeds: list[Speed]) -> str:
    """Return the table as HTML."""
    rows = [
        f'<tr><td translate="no">{escape(each.name)}</td><td>{each.scale}x</td>'
        f"<td>{escape(each.problem or each.speed_text)}</td><td>{each.memory_text}</td>"
        f"<td>{each.precision or '-'}</td></tr>"
        for each in speeds
    ]
    head = "".join(f"<th>{title}</th>" for title in _HEAD)
    return f'<table class="lab-networks"><tr>{head}</tr>{"".join(rows)}</table>'


def build_speeds(measure: Callable[[], Iterator[Speed]]) -> None:
    """Build both inside the `gr.Blocks` that is open.

    Args:
        measure: Yields the speeds, one after the other.
    """

    def tables() -> Iterator[str]:
        found: list[Speed] = []
        for speed in measure():
            found.append(speed)
            yield speed_rows(found)

    with gr.Accordion("How fast is it here?", open=False, elem_id="upscaler-lab-speeds"):
        gr.Markdown(_ABOUT)
        button = gr.Button("Measure", size="sm")
        table = gr.HTML("", elem_id="upscaler-lab-speed-table")
    listen(button.click, tables, None, [table], queue=True)
