"""The comparison tab, for the app and for WebUIs: gradio 3.41, 4.40 and 6.

Imports gradio, so nothing imports this module before a page is built.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Sequence  # noqa: TC003 - gradio reads annotations
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.compare.align import FACTORS, Trial
from lib_upscalers.compare.plan import MOST, Plan
from lib_upscalers.compare.viewer_script import viewer_script
from lib_upscalers.comparing import prepared
from lib_upscalers.errors import InputError
from lib_upscalers.kernels import KERNELS
from lib_upscalers.ui.bench import Bench, Form, alert, idle_feed
from lib_upscalers.ui.gradio_compat import hand_on_the_file, known, listen

if TYPE_CHECKING:
    from gradio.components import Component

    from lib_upscalers.ui.bench import Use

FEED = "upscaler-lab-feed"
_HIDDEN = "upscaler-lab-hidden"
_ENLARGE, _TEST = "Enlarge it", "Test on this picture"
_MESSAGE = "() => [globalThis.upscalerLab?.message() ?? '']"
_STYLE = """
<style>
.upscaler-lab-hidden { display: none !important; }
.lab-alert { margin: 0; padding: 0.6rem 0.9rem; border: 1px solid #d14343; border-radius: 8px;
  background: color-mix(in srgb, #d14343 10%, transparent); overflow-wrap: anywhere; }
.lab-kept { display: inline-block; margin: 0.2rem 1rem 0.2rem 0; text-decoration: underline; }
upscaler-lab-viewer { min-height: 12rem; }
#upscaler-lab-said:not(:has(p)), #upscaler-lab-kept:not(:has(a, p)) { display: none !important; }
</style>
"""


@dataclass(frozen=True)
class Tab:
    """What a page around the tab may want of it.

    Attributes:
        picture: The input; fill it with a picture to send one there.
        names: The menu of upscalers.
        refresh: Returns an update of that menu, after the list of upscalers has changed.
    """

    picture: Component
    names: Component

    def refresh(self, bench: Bench, chosen: Sequence[str]) -> Any:  # noqa: ANN401 - gradio's type
        """Return an update of the menu with all upscalers that there are now."""
        names = bench.names()
        kept = [name for name in chosen if name in names]
        return gr.update(choices=names, value=kept or prepared(bench.upscaler.choices()))


@dataclass(frozen=True)
class _Controls:
    """The inputs of the form, in the order in which `_form` takes them."""

    names: Component
    mode: Component
    scale: Component
    width: Component
    height: Component
    shrink: Component
    kernel: Component
    jpeg: Component

    def all(self) -> list[Component]:
        return [getattr(self, name) for name in self.__dataclass_fields__]


def _form(
    names: Sequence[str],
    mode: str,
    scale: float,
    width: float | None,
    height: float | None,
    shrink: int,
    kernel: str,
    jpeg: float,
) -> Form:
    trial = Trial(int(shrink), kernel, int(jpeg) or None) if mode == _TEST else None
    size = (int(width), int(height)) if width and height else None
    return Form(tuple(names or ()), float(scale), size, trial)


def _place(html: str, elem_id: str, *, hidden: bool = False) -> Any:  # noqa: ANN401
    more = known(gr.HTML, {"apply_default_css": False, "padding": False})
    classes = [_HIDDEN] if hidden else []
    return gr.HTML(html, elem_id=elem_id, elem_classes=classes, **more)


def _script_address() -> str:
    """Return the viewer as an address that a page can import from, whatever it may fetch."""
    return "data:text/javascript;base64," + base64.b64encode(viewer_script().encode()).decode()


def _viewer(uses: Sequence[Use]) -> str:
    labels = escape(json.dumps([use.label for use in uses]))
    return (
        f'{_STYLE}<div data-upscaler-lab="{_script_address()}">'
        f'<upscaler-lab-viewer feed="{FEED}" uses="{labels}"></upscaler-lab-viewer></div>'
    )


def _picture(bench: Bench) -> Any:  # noqa: ANN401 - gradio's own type
    more = {"sources": ["upload", "clipboard"], "source": "upload", "format": "png", "buttons": []}
    picture = gr.Image(
        type="filepath",
        image_mode=None,  # pyright: ignore[reportArgumentType] - version 3 hands it on to nobody
        label="Picture",
        height=260,
        elem_id="upscaler-lab-picture",
        **known(gr.Image, more),
    )
    hand_on_the_file(picture, bench.store.new_file)
    return picture


def _target() -> tuple[Any, Any, Any]:
    with gr.Row():
        scale = gr.Slider(1, 8, value=2, step=0.5, label="Scale", elem_id="upscaler-lab-scale")
        width = gr.Number(label="or width (0: by scale)", precision=0, value=0, minimum=0)
        height = gr.Number(label="and height", precision=0, value=0, minimum=0)
    return scale, width, height


def _trial() -> tuple[Any, Any, Any, Any]:
    with gr.Group(visible=False) as group:
        shrink = gr.Radio([str(each) for each in FACTORS], value="2", label="Shrink it by")
        with gr.Row():
            kernel = gr.Dropdown(list(KERNELS), value="Bicubic", label="Kernel")
            jpeg = gr.Slider(0, 100, value=0, step=1, label="JPEG quality (0: none)")
    return group, shrink, kernel, jpeg


class _Page:
    """Builds the tab inside the `gr.Blocks` that is open."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def build(self) -> Tab:
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                picture = _picture(self.bench)
                sample = gr.Button("Sample picture") if self.bench.sample else None
            with gr.Column(scale=3, min_width=280):
                controls = self._controls()
                with gr.Row():
                    start = gr.Button("Compare", variant="primary", elem_id="upscaler-lab-compare")
                    stop = gr.Button("Cancel", variant="stop", interactive=False)
        said = _place("", "upscaler-lab-said")
        feed = _place(idle_feed(self._prepared()), FEED, hidden=True)
        _place(_viewer(self.bench.uses), "upscaler-lab-view")
        kept = _place("", "upscaler-lab-kept")
        token = gr.State("")
        form = controls.all()
        with gr.Accordion("Several pictures", open=False):
            files = gr.File(label="Up to 50 pictures to test on", file_count="multiple")
            every = gr.Button("Test on all of them")
        self._settings(controls, said)
        self._connect((start, stop, token), self._compare, [picture, *form], [feed, said])
        self._connect((every, stop, token), self._several, [files, *form], [feed, said, kept])
        self._buttons(feed, kept)
        listen(controls.names.change, self._idle, [controls.names], [feed])
        if sample is not None:
            listen(sample.click, lambda: str(self.bench.sample), None, [picture])
        return Tab(picture, controls.names)

    def _prepared(self) -> list[str]:
        return prepared(self.bench.upscaler.choices())

    def _controls(self) -> _Controls:
        names = gr.Dropdown(
            self.bench.names(),
            value=self._prepared(),
            multiselect=True,
            max_choices=MOST,
            label="Upscalers (2 to 12)",
            elem_id="upscaler-lab-names",
        )
        mode = gr.Radio([_ENLARGE, _TEST], value=_ENLARGE, label="What to do")
        with gr.Group() as target:
            scale, width, height = _target()
        group, shrink, kernel, jpeg = _trial()
        listen(
            mode.change,
            lambda chosen: (gr.update(visible=chosen != _TEST), gr.update(visible=chosen == _TEST)),
            [mode],
            [target, group],
        )
        return _Controls(names, mode, scale, width, height, shrink, kernel, jpeg)

    def _idle(self, names: Sequence[str]) -> str:
        return idle_feed(names)

    def _connect(
        self,
        buttons: tuple[Any, Any, Any],
        work: Any,  # noqa: ANN401 - a generator function of its own inputs
        inputs: list[Any],
        outputs: list[Any],
    ) -> None:
        start, stop, token = buttons
        busy = listen(start.click, _begin, None, [token, start, stop])
        done = listen(busy.then, work, [token, *inputs], outputs, queue=True)
        listen(done.then, _end, None, [start, stop])
        listen(stop.click, self.bench.cancel, [token], None)

    def _compare(self, token: str, path: str | None, *fields: Any) -> Iterator[list[Any]]:  # noqa: ANN401
        try:
            form = _form(*fields)
        except InputError as error:
            yield [gr.update(), alert(str(error))]
            return
        for fed, said in self.bench.compare(path, form, token):
            yield [fed or gr.update(), said]

    def _several(self, token: str, files: Any, *fields: Any) -> Iterator[list[Any]]:  # noqa: ANN401
        try:
            form = _form(*fields)
        except InputError as error:
            yield [gr.update(), alert(str(error)), ""]
            return
        paths = [str(getattr(each, "name", each)) for each in files or ()]
        for fed, said, links in self.bench.several(paths, form, token):
            yield [fed or gr.update(), said, links]

    def _settings(self, controls: _Controls, said: Any) -> None:  # noqa: ANN401
        with gr.Accordion("Settings as text", open=False):
            text = gr.Textbox(label="What “Copy settings” copied, here or elsewhere", lines=2)
            apply = gr.Button("Apply")
        outputs = [controls.names, controls.mode, controls.scale, controls.width, controls.height]
        outputs += [controls.shrink, controls.kernel, controls.jpeg, said]
        listen(apply.click, self._apply, [text], outputs)

    def _apply(self, text: str) -> list[Any]:
        known_names = self.bench.names()
        try:
            plan = Plan.parse(text)
        except InputError as error:
            return [*[gr.update()] * 8, alert(str(error))]
        missing = [name for name in plan.names if name not in known_names]
        names = [name for name in plan.names if name in known_names]
        trial, size = plan.trial, plan.target.size
        said = f"Not there: {', '.join(missing)}." if missing else ""
        return [
            names,
            _ENLARGE if trial is None else _TEST,
            plan.target.scale or 2,
            size.width if size else 0,
            size.height if size else 0,
            str(trial.factor) if trial else gr.update(),
            trial.kernel if trial else gr.update(),
            (trial.jpeg or 0) if trial else gr.update(),
            alert(said),
        ]

    def _buttons(self, feed: Any, kept: Any) -> None:  # noqa: ANN401 - gradio's own types
        """Make the buttons that the viewer presses; `feed.mjs` knows their ids."""
        with gr.Column(elem_classes=[_HIDDEN]):
            message = gr.Textbox(label="Message")
            restore, keep = self._button("restore"), self._button("keep")
            uses = [self._button(f"use-{index}") for index in range(len(self.bench.uses))]
        listen(restore.click, self._restore, [message], [feed], js=_MESSAGE)
        listen(keep.click, self.bench.keep, [message], [kept], js=_MESSAGE)
        for use, press in zip(self.bench.uses, uses, strict=True):
            filled = self._filler(use), [message], list(use.outputs)
            done = listen(press.click, *filled, js=_MESSAGE)
            listen(done.then, None, None, None, js=use.js)

    def _button(self, name: str) -> Any:  # noqa: ANN401 - gradio's own type
        return gr.Button(name, elem_id=f"{FEED}-{name}")

    def _filler(self, use: Use) -> Any:  # noqa: ANN401 - a function for gradio
        def fill(message: str) -> Any:  # noqa: ANN401 - what gradio takes
            values = list(self.bench.fill(use, message))
            return values if len(values) > 1 else values[0]

        return fill

    def _restore(self, name: str) -> Any:  # noqa: ANN401 - what gradio takes
        return self.bench.restore(name) or gr.update()


def _begin() -> list[Any]:
    return [secrets.token_urlsafe(16), gr.update(interactive=False), gr.update(interactive=True)]


def _end() -> list[Any]:
    return [gr.update(interactive=True), gr.update(interactive=False)]


def build(bench: Bench) -> Tab:
    """Build the tab inside the `gr.Blocks` that is open.

    The page must load `javascript/upscaler_lab.mjs`, which WebUIs do by themselves.

    Args:
        bench: What it works with.
    """
    return _Page(bench).build()
