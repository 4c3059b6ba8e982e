"""Build the page "Which one?", for the app and for WebUIs: gradio 3.41, 4.40 and 6.

Imports gradio, so nothing imports this module before a page is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.ui.gradio_compat import accepted_arguments, listen

if TYPE_CHECKING:
    from lib_upscalers.ui.compare_tab import Tab
    from lib_upscalers.ui.guide_actions import GuideActions

TITLE = "Which one?"
FEED = "upscaler-lab-guide-feed"
_HIDDEN = "upscaler-lab-hidden"
_MESSAGE = "() => [globalThis.upscalerLab?.message() ?? '']"
# Gradio keeps a second, hidden set of tabs to measure their widths: all are pressed.
_SHOW = """() => {
    const names = ["Comparison", globalThis.localization?.["Comparison"]];
    let around = document.getElementById("upscaler-lab-guide");
    let tabs = [];
    while (around && !tabs.length) {
        tabs = [...around.querySelectorAll("button")]
            .filter((each) => names.includes(each.textContent.trim()));
        around = around.parentElement;
    }
    for (const tab of tabs) tab.click();
    return [];
}"""


def build_guide(actions: GuideActions, tab: Tab, opened: Any) -> None:  # noqa: ANN401 - a gradio tab
    """Build it inside the container that is open.

    Args:
        actions: What its buttons do.
        tab: The comparison, whose menu takes what is advised.
        opened: The tab that shows it; its texts and pictures are sent when it is selected.
    """
    feed = _place("", FEED, hidden=True)
    _place(f'<upscaler-lab-guide feed="{FEED}"></upscaler-lab-guide>', "upscaler-lab-guide")
    with gr.Column(elem_classes=[_HIDDEN]):
        message = gr.Textbox(label="Message of the guide")
        answer, measure, compare = (
            gr.Button(name, elem_id=f"{FEED}-{name}") for name in ("answer", "measure", "compare")
        )
    listen(opened.select, actions.open, None, [feed])
    listen(answer.click, actions.answer, [message], [feed], js=_MESSAGE)
    listen(measure.click, actions.measure, [message], [feed], js=_MESSAGE, queue=True)

    def pair(text: str) -> Any:  # noqa: ANN401 - what gradio takes
        names = actions.pair(text)
        return gr.update(choices=actions.comparing.names(), value=names) if names else gr.update()

    done = listen(compare.click, pair, [message], [tab.names], js=_MESSAGE)
    listen(done.then, None, None, None, js=_SHOW)


def _place(html: str, elem_id: str, *, hidden: bool = False) -> Any:  # noqa: ANN401 - gradio's type
    more = accepted_arguments(gr.HTML, {"apply_default_css": False, "padding": False})
    return gr.HTML(html, elem_id=elem_id, elem_classes=[_HIDDEN] if hidden else [], **more)
