"""Build the app's form for a video, below the comparison whose viewer it uses.

Imports gradio; import this module only to build a page. It needs version 6, as the app does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.ui.form_filling import fill_when_opened
from lib_upscalers.ui.gradio_compat import listen
from lib_upscalers.ui.page_moves import TO_VIEWER
from lib_upscalers.ui.video_actions import VideoFound
from lib_upscalers.ui.video_values import OWN_QUALITY, VideoForm
from lib_upscalers.video.encoding import CODECS
from lib_upscalers.video.video_planning import MOST_LEVELS

if TYPE_CHECKING:
    from gradio.components import Component

    from lib_upscalers.ui.compare_tab import Tab
    from lib_upscalers.ui.video_actions import VideoActions

_ABOUT = (
    "Every frame keeps its time; sound, subtitles and chapters are copied. You can pause, close "
    "the app and go on later: what is done lies in pieces of some ten seconds beside the result. "
    "If the app is closed, five seconds of work are lost at most; if it is killed, the piece in "
    "work is begun again."
)
_REFRESH_SECONDS = 2.0


def build_video(actions: VideoActions, tab: Tab) -> Component:
    """Build the form inside the `gr.Blocks` that is open; return its menu of upscalers.

    Args:
        actions: What its buttons do.
        tab: The comparison's tab, whose viewer shows frames before and after.
    """
    with gr.Accordion("Video", open=False, elem_id="lab-video") as opened:
        gr.Markdown(_ABOUT)
        return _Builder(actions, tab, opened).build()


class _Builder:
    """The parts of the form, and what listens to them."""

    def __init__(self, actions: VideoActions, tab: Tab, opened: gr.Accordion) -> None:
        self._actions = actions
        self._tab = tab
        self._opened = opened

    def build(self) -> Component:
        # Empty until the section is opened: what was filled in last may be newer than the page.
        self._form = VideoForm()
        self._files()
        inputs = [self._source, self._output, *self._options()]
        self._preview(inputs)
        self._buttons(inputs)
        return inputs[2]

    def _files(self) -> None:
        with gr.Row():
            self._source = gr.Textbox(
                self._form.source,
                label="Video, or a folder of videos",
                elem_id="lab-video-source",
            )
            self._output = gr.Textbox(self._form.output, label="Result", elem_id="lab-video-output")
        self._videos = gr.Dropdown(
            [], label="Videos of the folder", visible=False, elem_id="lab-video-choose"
        )
        self._about = gr.HTML("", elem_id="lab-video-about", elem_classes=["lab-line"])

    def _options(self) -> list[Any]:
        form, choices = self._form, self._actions.compare.upscaler.choices()
        names = [each.name for each in choices]
        networks = [each.name for each in choices if each.kind == "network"] or names
        with gr.Row():
            chosen = form.upscaler if form.upscaler in names else networks[0]
            upscaler = gr.Dropdown(names, value=chosen, label="Upscaler of the video")
            scale = gr.Slider(0.5, 8, value=form.scale, step=0.5, label="Scale of the video")
            codec = gr.Dropdown(list(CODECS), value=form.codec, label="Codec")
        with gr.Accordion("More for the video", open=False):
            with gr.Row():
                crf = gr.Slider(
                    OWN_QUALITY,
                    63,
                    value=form.crf,
                    step=1,
                    label="Quality (CRF)",
                    info="Smaller is better and larger; -1: the codec's own.",
                )
                part = gr.Textbox(
                    form.part, label="Part", info="Such as 1:30-1:40; empty: all of it."
                )
            tiles = gr.Checkbox(
                form.tiles,
                label="Enlarge only the tiles that changed",
                info="The rest is taken from the frame before.",
            )
            levels = gr.Slider(
                0,
                MOST_LEVELS,
                value=form.levels,
                step=1,
                label="Levels of 255 that count as equal",
                info="0: exact. More spares more in lossy videos.",
            )
        return [upscaler, scale, codec, crf, part, tiles, levels]

    def _preview(self, inputs: list[Any]) -> None:
        self._frame = gr.Slider(1, 2, value=1, step=1, label="Frame", elem_id="lab-video-frame")
        with gr.Row():
            show = gr.Button("Show before and after", elem_id="lab-video-show")
            guess = gr.Button("Estimate time and size", elem_id="lab-video-estimate")
        self._estimate = gr.HTML("", elem_id="lab-video-estimated", elem_classes=["lab-line"])
        seen = gr.State("")
        outputs = [self._about, self._videos, self._frame, self._output, seen]
        actions = self._actions
        filled = fill_when_opened(
            self._opened, inputs, actions.last_form, actions.compare.upscaler.choices
        )
        listen(filled.then, self._look, inputs, outputs, queue=True)
        listen(self._source.submit, self._look, inputs, outputs, queue=True)
        listen(self._source.blur, self._look_once, [seen, *inputs], outputs, queue=True)
        chosen = listen(self._videos.input, str, [self._videos], [self._source])
        listen(chosen.then, self._look, inputs, outputs, queue=True)
        shown = listen(
            *(show.click, self._show, [self._frame, *inputs], [self._tab.feed, self._estimate]),
            queue=True,
        )
        listen(shown.then, None, None, None, js=TO_VIEWER)
        listen(guess.click, self._actions.estimate, inputs, [self._estimate], queue=True)

    def _buttons(self, inputs: list[Any]) -> None:
        with gr.Row():
            start = gr.Button("Start or go on", variant="primary", elem_id="lab-video-start")
            pause = gr.Button("Pause", interactive=False, elem_id="lab-video-pause")
            stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="lab-video-stop")
        alerts = gr.HTML("", elem_id="lab-video-alert", elem_classes=["lab-line"])
        status = gr.HTML("", elem_id="lab-video-status", elem_classes=["lab-line"])
        listen(start.click, self._start, inputs, [alerts, self._estimate])
        listen(pause.click, self._actions.pause, None, None)
        listen(stop.click, self._actions.stop, None, None)
        listen(gr.Timer(_REFRESH_SECONDS).tick, self._status, None, [status, pause, stop])

    def _start(self, *values: Any) -> list[Any]:  # noqa: ANN401
        """Begin, and remove what an earlier press has said."""
        return [self._actions.start(*values), ""]

    def _status(self) -> list[Any]:
        running = self._actions.is_running()
        can_end = gr.update(interactive=running)
        return [self._actions.status(), can_end, can_end]

    def _look(self, *values: Any) -> list[Any]:  # noqa: ANN401 - whatever a request holds
        found = self._actions.look(*values) if values[0] else VideoFound("")
        return [
            found.html,
            gr.update(choices=list(found.videos), value=None, visible=bool(found.videos)),
            gr.update(maximum=max(2, found.frames)),
            found.output or gr.update(),
            values[0],
        ]

    def _look_once(self, seen: str, *values: Any) -> list[Any]:  # noqa: ANN401
        """Look, unless that was done: a menu that is built again closes under the pointer."""
        return [gr.update()] * 5 if seen == values[0] else self._look(*values)

    def _show(self, number: Any, *values: Any) -> list[Any]:  # noqa: ANN401
        fed, said = self._actions.show(number, *values)
        return [fed or gr.update(), said]
