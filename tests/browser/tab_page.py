"""The comparison tab as a WebUI has it: on whatever Gradio there is, among foreign components.

    python tests/browser/tab_page.py --port 7870 --home FOLDER --models FOLDER

With $UPSCALER_LAB_TAB_PYTHON, a Python that has another Gradio (the WebUIs have 3.41.2 and 4.40.0),
the browser tests run against this page in place of the app.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import gradio as gr

from lib_upscalers.compare.store import Store
from lib_upscalers.compare.viewer_script import LOADER
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.catalogue.library import ModelLibrary
from lib_upscalers.ui.app_page import network_table
from lib_upscalers.ui.compare_actions import CompareActions
from lib_upscalers.ui.compare_tab import Tab, build
from lib_upscalers.ui.first_look import FirstLook
from lib_upscalers.ui.gradio_compat import file_url, listen, upload_folder
from lib_upscalers.ui.guide_actions import GuideActions
from lib_upscalers.ui.guide_page import TITLE, build_guide
from lib_upscalers.ui.model_actions import ModelActions
from lib_upscalers.ui.models_page import ModelsPage
from lib_upscalers.ui.result_use import Use
from lib_upscalers.upscaling.upscaler import Upscaler

# Gradio's usual theme asks another server for its letters.
FONTS: dict[str, Any] = {
    "font": ("system-ui", "sans-serif"),
    "font_mono": ("ui-monospace", "monospace"),
}


def main() -> None:
    """Serve it until somebody ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    options = parser.parse_args()
    # Gradio 3 serves whatever lies in the current folder.
    os.chdir(options.models)
    host = StandaloneHost((options.models,), own_data_folder=options.home / "data")
    store = Store(options.home / "store")
    newest = int(gr.__version__.split(".")[0]) >= 6
    look = {"theme": gr.themes.Default(**FONTS)}
    with gr.Blocks(analytics_enabled=False, **({} if newest else look)) as page:
        name = gr.Textbox(label="Upscaler of Extras", elem_id="extras_name")
        scale = gr.Number(label="Scale of Extras", elem_id="extras_scale")
        use = Use(
            *("Extras", [name, scale], lambda used: [used.name, used.scale]),
            refuse=lambda name: "Not a kernel of this test." if name == "Nearest" else "",
            js="() => { window.used = true; }",
            told="Set in Extras: {name}, {scale}x.",
        )
        upscaler = Upscaler(host)
        library = ModelLibrary(
            host.data_folder(), host.model_folders, upscaler.entries, hashes=upscaler.hashes
        )
        models = ModelActions(library, upscaler, store, file_url, upload_folder)
        actions = CompareActions(
            *(upscaler, host, store, file_url, upload_folder),
            more=models.trials,
            first_look=FirstLook(upscaler, host, store),
            places=[("Extras", "a test")],
            uses=[use],
        )
        with gr.Tabs():
            with gr.Tab("Comparison"):
                tab = build(actions)
                _networks(actions, tab)
            with gr.Tab(TITLE) as guide:
                build_guide(GuideActions(actions), tab, guide)
            with gr.Tab("Models") as opened:
                ModelsPage(models, actions, tab).build(opened)
    head = f'<script type="module">{LOADER.read_text()}</script>'
    if not newest:
        _put_into_head(head)
    page.queue()
    page.launch(
        server_port=options.port,
        prevent_thread_lock=True,
        allowed_paths=[str(options.home)],
        quiet=True,
        **({"head": head, **look} if newest else {}),
    )
    sys.stderr.write(f"Ready: http://127.0.0.1:{options.port}\n")
    sys.stderr.flush()
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    done.wait()
    page.close()


def _networks(actions: CompareActions, tab: Tab) -> None:
    """Show the list of networks below the tab, as the app does."""
    with gr.Accordion("Networks", open=False):
        table = gr.HTML("", elem_id="lab-networks")
        again = gr.Button("Look again")

    def look_again(chosen: list[str]) -> list[Any]:
        return [network_table(actions.upscaler.choices(), ()), tab.refresh(actions, chosen)]

    listen(again.click, look_again, [tab.names], [table, tab.names])


def _put_into_head(text: str) -> None:
    """Do what the WebUIs do with the scripts of extensions."""
    render = gr.routes.templates.TemplateResponse

    def rendered(*args: object, **kwargs: object) -> object:
        answer = render(*args, **kwargs)
        answer.body = answer.body.replace(b"</head>", text.encode() + b"</head>")
        answer.init_headers()
        return answer

    gr.routes.templates.TemplateResponse = rendered


if __name__ == "__main__":
    main()
