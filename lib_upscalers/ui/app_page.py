"""The page of the app: the comparison tab, and what networks there are.

Imports gradio, so nothing imports this module before the app is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - gradio reads annotations
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.ui.compare_tab import build
from lib_upscalers.ui.gradio_compat import listen

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.ui.compare_actions import Bench
    from lib_upscalers.upscaling.choices import Choice

_INTRODUCTION = (
    "# Upscaler Lab\n"
    "Enlarge a picture in several ways at once and compare the results: side by side, lossless, "
    "pixel by pixel, with figures. Everything happens on this computer."
)
_STYLE = """
<style>
.lab-networks { width: 100%; border-collapse: collapse; }
.lab-networks th, .lab-networks td { padding: 0.3rem 0.6rem; text-align: left;
  border-bottom: 1px solid var(--border-color-primary); overflow-wrap: anywhere; }
#lab-networks code { overflow-wrap: anywhere; }
</style>
"""


def network_table(choices: Sequence[Choice], folders: Sequence[Path]) -> str:
    """Return the list of networks and the folders they are looked for in, as HTML."""
    rows = [
        f"<tr><td>{escape(choice.name)}</td><td>{choice.scale}x</td>"
        f"<td>{escape(choice.architecture)}</td><td>{(choice.size_bytes or 0) / 1e6:.1f} MB</td>"
        f"<td>{escape(choice.licence or 'not stated')}</td></tr>"
        for choice in choices
        if choice.kind == "network"
    ]
    head = "<tr><th>Name</th><th>Scale</th><th>Architecture</th><th>Size</th><th>Licence</th></tr>"
    table = (
        f'<table class="lab-networks">{head}{"".join(rows)}</table>' if rows else "<p>None yet.</p>"
    )
    places = "".join(
        f"<li><code>{escape(str(folder.absolute()))}</code></li>" for folder in folders
    )
    return (
        f"{_STYLE}{table}<p>Put network files (.safetensors, .pth, .pt, .ckpt) into one of these "
        f"folders, then press “Look again”:</p><ul>{places}</ul>"
    )


def build_page(bench: Bench) -> gr.Blocks:
    """Return the page, ready to be launched."""

    def networks() -> str:
        return network_table(bench.upscaler.choices(), bench.host.model_folders())

    with gr.Blocks(title="Upscaler Lab", fill_width=True, analytics_enabled=False) as page:
        gr.Markdown(_INTRODUCTION)
        tab = build(bench)
        with gr.Accordion("Networks", open=False):
            table = gr.HTML(networks(), elem_id="lab-networks", apply_default_css=False)
            again = gr.Button("Look again", size="sm")

        def look_again(chosen: Sequence[str]) -> list[Any]:
            return [networks(), tab.refresh(bench, chosen)]

        listen(again.click, look_again, [tab.names], [table, tab.names])
    return page
