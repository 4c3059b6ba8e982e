"""Build the app's form for folders, below the comparison whose viewer it uses.

Imports gradio; import this module only to build a page. It needs version 6, as the app does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.jobs.output_paths import writable
from lib_upscalers.ui.folder_actions import OWN_FORMAT, FolderForm
from lib_upscalers.ui.form_filling import fill_when_opened
from lib_upscalers.ui.gradio_compat import listen
from lib_upscalers.ui.page_moves import TO_VIEWER

if TYPE_CHECKING:
    from gradio.components import Component

    from lib_upscalers.ui.compare_tab import Tab
    from lib_upscalers.ui.folder_actions import FolderActions

_ABOUT = (
    "All pictures of a folder, one after the other. You can pause, close the app and go on later: "
    "the folder of results keeps a journal."
)
_STYLE = """
<style>
#lab-folder-status figure { display: inline-block; max-width: 340px; vertical-align: top;
  margin: 0.3rem 0.6rem 0.3rem 0; overflow-wrap: anywhere; }
#lab-folder-status figure img { display: inline-block; margin-right: 2px; max-height: 160px; }
</style>
"""
_REFRESH_SECONDS = 2.0


def build_folders(actions: FolderActions, tab: Tab) -> Component:
    """Build the form inside the `gr.Blocks` that is open; return its menu of upscalers.

    Args:
        actions: What its buttons do.
        tab: The comparison's tab, whose viewer shows pictures before and after.
    """
    with gr.Accordion("Folders", open=False, elem_id="lab-folders") as opened:
        gr.Markdown(_ABOUT)
        inputs = _fields(actions)
        with gr.Row():
            start = gr.Button("Start or go on", variant="primary", elem_id="lab-folder-start")
            pause = gr.Button(
                "Pause", variant="stop", interactive=False, elem_id="lab-folder-pause"
            )
            retry = gr.Button("Retry what failed", elem_id="lab-folder-retry")
        alerts = gr.HTML("", elem_id="lab-folder-alert")
        status = gr.HTML(_STYLE, elem_id="lab-folder-status")
        shown = gr.Dropdown(
            [], label="Show before and after in the viewer", elem_id="lab-folder-show"
        )

    def look() -> list[Any]:
        return [
            _STYLE + actions.status(),
            gr.update(choices=actions.names()),
            gr.update(interactive=actions.is_running()),
        ]

    def begin(*values: Any) -> str:  # noqa: ANN401 - whatever a request holds
        return actions.start(*values)

    def begin_failed(*values: Any) -> str:  # noqa: ANN401
        return actions.start(*values, failed_only=True)

    def show(name: str | None) -> list[Any]:
        fed, said = actions.show(name)
        return [fed or gr.update(), said]

    fill_when_opened(opened, inputs, actions.last_form, actions.compare.upscaler.choices)
    listen(start.click, begin, inputs, [alerts])
    listen(retry.click, begin_failed, inputs, [alerts])
    listen(pause.click, actions.pause, None, None)
    done = listen(shown.input, show, [shown], [tab.feed, alerts])
    listen(done.then, None, None, None, js=TO_VIEWER)
    listen(gr.Timer(_REFRESH_SECONDS).tick, look, None, [status, shown, pause])
    return inputs[2]


def _fields(actions: FolderActions) -> list[Any]:
    """Build the inputs, in the order of `FolderForm`.

    They are empty until the section is opened: what was filled in last may be newer than the page.
    """
    form = FolderForm()
    names = [choice.name for choice in actions.compare.upscaler.choices()]
    with gr.Row():
        source = gr.Textbox(form.source, label="Folder of pictures", elem_id="lab-folder-source")
        results = gr.Textbox(form.results, label="Folder for results", elem_id="lab-folder-results")
    with gr.Row():
        chosen = form.upscaler if form.upscaler in names else _first_network(actions)
        upscaler = gr.Dropdown(names, value=chosen, label="Upscaler of the folder")
        scale = gr.Slider(0.5, 8, value=form.scale, step=0.5, label="Scale of the folder")
        ending = gr.Dropdown(
            [OWN_FORMAT, *writable()], value=form.ending, label="Format of the results"
        )
        recursive = gr.Checkbox(form.recursive, label="Sub-folders, too")
    with gr.Row():
        width = gr.Number(form.width, label="or fit into width (0: by scale)", precision=0)
        height = gr.Number(form.height, label="and height", precision=0)
    return [source, results, upscaler, scale, ending, recursive, width, height]


def _first_network(actions: FolderActions) -> str:
    choices = actions.compare.upscaler.choices()
    return next((each.name for each in choices if each.kind == "network"), choices[0].name)
