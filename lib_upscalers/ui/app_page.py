"""Build the page of the app: the comparison tab, and the list of networks.

Imports gradio; import this module only to build a page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence  # noqa: TC003 - gradio reads annotations
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.ui.compare_tab import build
from lib_upscalers.ui.doctor_form import build_doctor
from lib_upscalers.ui.folder_form import build_folders
from lib_upscalers.ui.gradio_compat import listen
from lib_upscalers.ui.guide_actions import GuideActions
from lib_upscalers.ui.guide_page import TITLE, build_guide
from lib_upscalers.ui.models_page import ModelsPage
from lib_upscalers.ui.speed_form import build_speeds
from lib_upscalers.ui.video_form import build_video

if TYPE_CHECKING:
    from pathlib import Path

    from gradio.block_function import BlockFunction
    from gradio.state_holder import SessionState

    from lib_upscalers.diagnosis.speed_table import Speed
    from lib_upscalers.ui.compare_actions import CompareActions
    from lib_upscalers.ui.folder_actions import FolderActions
    from lib_upscalers.ui.model_actions import ModelActions
    from lib_upscalers.ui.video_actions import VideoActions
    from lib_upscalers.upscaling.choices import Choice

_log = logging.getLogger("lib_upscalers")
_UNUSABLE = "Expected what the page sends, but got something else: reload the page."
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
#lab-networks ul { margin: 0.3rem 0 0.6rem; padding-left: 1.5rem; }
</style>
"""


_LANGUAGE = """
<style>
upscaler-lab-language label { display: flex; gap: 0.5rem; align-items: center;
  justify-content: flex-end; font-size: 0.85rem; }
.gradio-container upscaler-lab-language label select { padding: 0.15rem 1.8rem 0.15rem 0.5rem;
  font-size: inherit; border-radius: 6px; color: var(--body-text-color);
  background-color: var(--input-background-fill); }
.lab-run { appearance: none; display: block; width: 100%; height: 0.5rem; margin-bottom: 0.4rem;
  border: 0; border-radius: 4px; overflow: hidden; background: var(--border-color-primary); }
.lab-run::-webkit-progress-bar { background: var(--border-color-primary); }
.lab-run::-webkit-progress-value { background: var(--color-accent); }
.lab-run::-moz-progress-bar { background: var(--color-accent); }
.lab-line:has(.prose:empty) { display: none; }
.lab-line .html-container { padding: 0; }
.lab-faults { overflow-wrap: anywhere; }
/* Gradio hides pages that find no room behind a button. */
@media (max-width: 640px) {
  .gradio-container .tab-container button { padding-inline: 0.5rem; }
  .gradio-container > .main { padding-inline: 1rem; }
}
/* Gradio shows no focus on sliders, on a radio button that is chosen, and on fields in the dark. */
.gradio-container :is(input, select, textarea, button, summary, a, [role="button"]):focus-visible {
  outline: 2px solid var(--color-accent) !important; outline-offset: 2px !important; }
</style>
<upscaler-lab-language></upscaler-lab-language>
"""


class _Page(gr.Blocks):
    """A page that answers inputs which no browser sends by a sentence, not by a traceback."""

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,  # noqa: FBT001, FBT002 - as gradio has it
    ) -> list[Any]:
        """Preprocess inputs as gradio does.

        Raises:
            gradio.Error: An input is not usable; gradio shows it and prints nothing.
        """
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:
            # Of a choice that is gone gradio names the Python type, and the page reads it as a tag.
            text = _UNUSABLE if "<" in error.message else error.message
            raise gr.Error(text, print_exception=False) from None
        except Exception as error:  # noqa: BLE001 - whatever gradio trips over
            _log.debug("An input is not usable", exc_info=error)
            raise gr.Error(_UNUSABLE, print_exception=False) from None


def network_table(
    choices: Sequence[Choice], folders: Sequence[Path], left_out: Sequence[tuple[Path, str]] = ()
) -> str:
    """Return the list of networks and the folders that are searched for them, as HTML.

    Args:
        choices: All upscalers.
        folders: Where networks are looked for.
        left_out: Files there that are no networks, each with the reason.
    """
    rows = [
        f'<tr><td translate="no">{escape(choice.name)}</td><td>{choice.scale}x</td>'
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
    faults = "".join(
        f"<li><code>{escape(path.name)}</code> <span>{escape(problem)}</span></li>"
        for path, problem in left_out
    )
    table += f"<p>These files are left out:</p><ul>{faults}</ul>" if faults else ""
    return (
        f"{_STYLE}{table}<p>Put network files (.safetensors, .pth, .pt, .ckpt) into one of these "
        f"folders, then press “Look again”:</p><ul>{places}</ul>"
    )


def build_page(
    actions: CompareActions,
    models: ModelActions,
    folders: FolderActions | None = None,
    video: VideoActions | None = None,
    doctor: Callable[[], str] | None = None,
    speeds: Callable[[], Iterator[Speed]] | None = None,
) -> gr.Blocks:
    """Return the page, ready to be launched.

    Args:
        actions: What the comparison's buttons do.
        models: What the buttons of the page Models do.
        folders: What the buttons for folders of this computer do; None: there are none.
        video: What the buttons for videos of this computer do; None: there are none.
        doctor: Returns what a bug report needs; None: there is no button for it.
        speeds: Measures all upscalers; None: there is no button for it.
    """

    def networks() -> str:
        choices, places = actions.upscaler.choices(), actions.host.model_folders()
        return network_table(choices, places, actions.upscaler.problems())

    with _Page(title="Upscaler Lab", fill_width=True, analytics_enabled=False) as page:
        gr.HTML(_LANGUAGE, apply_default_css=False)
        gr.Markdown(_INTRODUCTION)
        with gr.Tabs():
            with gr.Tab("Comparison") as front:
                tab = build(actions)
                menus = [tab.names]
                if folders is not None:
                    menus.append(build_folders(folders, tab))
                if video is not None:
                    menus.append(build_video(video, tab))
                with gr.Accordion("Networks", open=False):
                    table = gr.HTML(networks(), elem_id="lab-networks", apply_default_css=False)
                    again = gr.Button("Look again", size="sm")
                if speeds is not None:
                    build_speeds(speeds)
                if doctor is not None:
                    build_doctor(doctor)
            with gr.Tab(TITLE) as guide:
                build_guide(GuideActions(actions), tab, guide)
            with gr.Tab("Models") as opened:
                ModelsPage(models, actions, tab).build(opened)

        def look_again(chosen: Sequence[str]) -> Any:  # noqa: ANN401 - gradio's own type
            return tab.refresh(actions, chosen)

        def look() -> list[Any]:
            """Look for new files; what is chosen stays, or the viewer would be emptied."""
            names = actions.names()
            return [networks(), *(gr.update(choices=names) for _ in menus)]

        done = listen(again.click, look_again, [tab.names], [tab.names])
        for event in (done.then, page.load, front.select):
            listen(event, look, None, [table, *menus])
    return page
