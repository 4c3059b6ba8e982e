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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.compare.viewer_script import viewer_script
from lib_upscalers.errors import InputError
from lib_upscalers.pictures.names import names_a_picture
from lib_upscalers.ui.compare_actions import MOST_PICTURES, Bench, alert, idle_feed
from lib_upscalers.ui.compare_form import Controls, build_controls, form_of, values_of
from lib_upscalers.ui.gradio_compat import hand_on_the_file, known, listen
from lib_upscalers.upscaling.candidates import prepared
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from gradio.components import Component

    from lib_upscalers.ui.compare_actions import Use

FEED = "upscaler-lab-feed"
_HIDDEN = "upscaler-lab-hidden"
_MESSAGE = "() => [globalThis.upscalerLab?.message() ?? '']"
_STYLE = """
<style>
.upscaler-lab-hidden { display: none !important; }
.lab-alert { margin: 0; padding: 0.6rem 0.9rem; border: 1px solid #d14343; border-radius: 8px;
  background: color-mix(in srgb, #d14343 10%, transparent); overflow-wrap: anywhere; }
.lab-kept { display: inline-block; margin: 0.2rem 1rem 0.2rem 0; text-decoration: underline; }
.lab-version { margin: 0.5rem 0 0; text-align: right; font-size: 0.8rem; opacity: 0.7; }
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
                controls = build_controls(self.bench.names(), self._prepared())
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
            with gr.Row():
                folder = gr.UploadButton("Take a folder", file_count="directory")
                every = gr.Button("Test on all of them")
        listen(folder.upload, _pictures_of, [folder], [files, said])
        self._settings(controls, said)
        self._connect((start, stop, token), self._compare, [picture, *form], [feed, said])
        self._connect((every, stop, token), self._several, [files, *form], [feed, said, kept])
        self._buttons(feed, kept)
        _place(f'<p class="lab-version">Upscaler Lab {VERSION}</p>', "upscaler-lab-version")
        listen(controls.names.change, self._idle, [controls.names], [feed])
        if sample is not None:
            listen(sample.click, lambda: str(self.bench.sample), None, [picture])
        return Tab(picture, controls.names)

    def _prepared(self) -> list[str]:
        return prepared(self.bench.upscaler.choices())

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
            form = form_of(*fields)
        except InputError as error:
            yield [gr.update(), alert(str(error))]
            return
        for fed, said in self.bench.compare(path, form, token):
            yield [fed or gr.update(), said]

    def _several(self, token: str, files: Any, *fields: Any) -> Iterator[list[Any]]:  # noqa: ANN401
        try:
            form = form_of(*fields)
        except InputError as error:
            yield [gr.update(), alert(str(error)), ""]
            return
        for fed, said, links in self.bench.several(_paths_of(files), form, token):
            yield [fed or gr.update(), said, links]

    def _settings(self, controls: Controls, said: Any) -> None:  # noqa: ANN401
        with gr.Accordion("Settings as text", open=False):
            text = gr.Textbox(label="What “Copy settings” copied, here or elsewhere", lines=2)
            apply = gr.Button("Apply")
        listen(apply.click, self._apply, [text], [*controls.all(), said])

    def _apply(self, text: str) -> list[Any]:
        return values_of(text, self.bench.names())

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


def _paths_of(files: Any) -> list[str]:  # noqa: ANN401 - gradio's own type
    return [str(getattr(each, "name", each)) for each in files or ()]


def _pictures_of(folder: Any) -> list[Any]:  # noqa: ANN401 - gradio's own type
    """Return what the files are filled with, of all that lies in a folder, and what is said."""
    paths = _paths_of(folder)
    pictures = sorted(path for path in paths if names_a_picture(Path(path)))
    if not pictures:
        return [gr.update(), alert(f"Expected pictures, but none of {len(paths)} files is one.")]
    said = f"Of {len(pictures)} pictures the first {MOST_PICTURES} are taken, by name."
    return [pictures[:MOST_PICTURES], alert(said if len(pictures) > MOST_PICTURES else "")]


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
