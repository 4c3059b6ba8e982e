"""Build the comparison tab, for the app and for WebUIs: gradio 3.41, 4.40 and 6.

Imports gradio, so nothing imports this module before a page is built.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence  # noqa: TC003 - gradio reads annotations
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gradio as gr

from lib_upscalers.compare.align import FACTORS, Trial
from lib_upscalers.compare.request import MOST, ComparisonRequest
from lib_upscalers.errors import InputError
from lib_upscalers.pictures.names import names_a_picture
from lib_upscalers.resampling.kernels import KERNELS
from lib_upscalers.ui import form_numbers, setting_controls
from lib_upscalers.ui.compare_actions import MOST_PICTURES, CompareActions, Form
from lib_upscalers.ui.gradio_compat import (
    accepted_arguments,
    endings,
    listen,
    picture_input,
    return_paths,
)
from lib_upscalers.ui.page_moves import TO_OUTCOME, TO_VIEWER
from lib_upscalers.ui.uploads import is_inside
from lib_upscalers.ui.viewer_feed import alert, idle_feed
from lib_upscalers.ui.viewer_place import viewer_place
from lib_upscalers.upscaling.candidates import default_names
from lib_upscalers.upscaling.settings import ENGINE_SETTINGS
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from gradio.components import Component

    from lib_upscalers.ui.result_use import Use

_ENLARGE, _TEST = "Enlarge it", "Test on this picture"
_ABOUT_UPSCALERS = (
    "Kernels such as Lanczos are quick; networks have learned what pictures look like."
)
_ABOUT_TESTS = "A test shrinks the picture first and measures how close each upscaler comes to it."
_ABOUT_SIDES = "One alone is enough."
_ABOUT_PAPER = "A4 at 300 dpi: 2480 and 3508."
_log = logging.getLogger("lib_upscalers")
FEED, PICTURE = "upscaler-lab-feed", "upscaler-lab-picture"
_HIDDEN = "upscaler-lab-hidden"
_MESSAGE = "() => [globalThis.upscalerLab?.message() ?? '']"
# Run after a use's components are filled, or not. Gradio 3 fails on any value that it returns,
# `undefined` too, for there is no output to take it.
_AFTER = """(filled) => {
    if (filled !== "yes") return [];
    (%s)();
    globalThis.upscalerLab?.confirm?.();
    return [];
}"""


@dataclass(frozen=True)
class Controls:
    """The inputs of the form, in the order of the parameters of `form_of`."""

    names: Any
    mode: Component
    scale: Component
    width: Component
    height: Component
    fit: Component
    shrink: Component
    kernel: Component
    jpeg: Component
    engine: Sequence[Component]

    def all(self) -> list[Component]:
        """Return all of them."""
        *others, engine = [getattr(self, name) for name in self.__dataclass_fields__]
        return [*others, *engine]


def form_of(
    names: object,
    mode: object,
    scale: object,
    width: object,
    height: object,
    fit: object,
    shrink: object,
    kernel: object,
    jpeg: object,
    *engine: object,
) -> Form:
    """Return the form's values; fields come from a request and may have any value.

    Raises:
        InputError: A field is of the wrong kind, or the test is invalid.
    """
    if not isinstance(names, list) or not all(isinstance(n, str) for n in cast("Any", names)):
        raise InputError("Expected 1 to 12 upscalers to compare: choose some.")
    trial = None
    if mode == _TEST:
        quality = form_numbers.whole(jpeg, "a JPEG quality")
        trial = Trial(
            form_numbers.whole(shrink, "how much to shrink"), str(kernel), quality or None
        )
    sides = form_numbers.side(width, "a width"), form_numbers.side(height, "a height")
    size = sides if any(sides) else None
    number, settings = (
        form_numbers.number(scale, "a scale"),
        setting_controls.chosen_in_order(engine),
    )
    return Form(tuple(cast("list[str]", names)), number, size, bool(fit), trial, settings)


def _target() -> tuple[Any, Any, Any, Any]:
    with gr.Row():
        scale = gr.Slider(1, 8, value=2, step=0.5, label="Scale", elem_id="upscaler-lab-scale")
        width = gr.Number(label="or width (0: by scale)", info=_ABOUT_SIDES, precision=0, value=0)
        height = gr.Number(label="and height", info=_ABOUT_PAPER, precision=0, value=0)
    fit = gr.Checkbox(value=True, label="Keep the shape: fit into both sides")
    return scale, width, height, fit


def _trial() -> tuple[Any, Any, Any, Any]:
    with gr.Group(visible=False) as group:
        shrink = gr.Radio([str(each) for each in FACTORS], value="2", label="Shrink it by")
        with gr.Row():
            kernel = gr.Dropdown(list(KERNELS), value="Bicubic", label="Kernel")
            jpeg = gr.Slider(0, 100, value=0, step=1, label="JPEG quality (0: none)")
    return group, shrink, kernel, jpeg


def _visibility(mode: str) -> list[Any]:
    return [gr.update(visible=mode != _TEST), gr.update(visible=mode == _TEST)]


def build_controls(
    names: Sequence[str], chosen: Sequence[str], *, overriding: bool, refresh_id: str = ""
) -> Controls:
    """Build the form: all upscalers, and those that are chosen."""
    menu = gr.Dropdown(
        list(names),
        value=list(chosen),
        multiselect=True,
        max_choices=MOST,
        label="Upscalers (1 to 12)",
        info=_ABOUT_UPSCALERS,
        elem_id="upscaler-lab-names",
    )
    if refresh_id:
        gr.Button("Look for new files", size="sm", elem_id=refresh_id)
    mode = gr.Radio([_ENLARGE, _TEST], value=_ENLARGE, label="What to do", info=_ABOUT_TESTS)
    with gr.Group() as target:
        sides = _target()
    group, shrink, kernel, jpeg = _trial()
    listen(mode.change, _visibility, [mode], [target, group])
    engine = setting_controls.build_engine_accordion(overriding=overriding)
    return Controls(menu, mode, *sides, shrink, kernel, jpeg, engine)


def values_of(text: object, known_names: Sequence[str], *, overriding: bool) -> list[Any]:
    """Return values for `Controls.all` read from settings as text, and an alert."""
    try:
        request = ComparisonRequest.parse(text if isinstance(text, str) else "")
    except InputError as error:
        return [*[gr.update()] * (9 + len(ENGINE_SETTINGS)), alert(str(error))]
    missing = [name for name in request.names if name not in known_names]
    trial, size = request.trial, request.target.size
    return [
        [name for name in request.names if name in known_names],
        _ENLARGE if trial is None else _TEST,
        request.target.scale or 2,
        size.width if size else 0,
        size.height if size else 0,
        gr.update() if size is None else False,
        str(trial.factor) if trial else gr.update(),
        trial.kernel if trial else gr.update(),
        (trial.jpeg or 0) if trial else gr.update(),
        *setting_controls.values_in_order(request.engine, overriding=overriding),
        alert(f"Not there: {', '.join(missing)}." if missing else ""),
    ]


@dataclass(frozen=True)
class Tab:
    """The parts of the tab that a page around it uses.

    Attributes:
        picture: The input; its value is the picture to compare.
        names: The menu of upscalers.
        feed: Feeds the viewer.
        restore: Returns the feed of a stored session, or "" where it is gone.
    """

    picture: Component
    names: Component
    feed: Component
    restore: Callable[[object], str]

    def refresh(self, actions: CompareActions, chosen: Sequence[str]) -> Any:  # noqa: ANN401 - gradio's type
        """Return an update of the menu, after the list of upscalers has changed."""
        names = actions.names()
        left = [name for name in chosen if name in names]
        return gr.update(choices=names, value=left or default_names(actions.upscaler.choices()))


def _html_block(html: str, elem_id: str, *, hidden: bool = False) -> Any:  # noqa: ANN401
    more = accepted_arguments(gr.HTML, {"apply_default_css": False, "padding": False})
    classes = [_HIDDEN] if hidden else []
    return gr.HTML(html, elem_id=elem_id, elem_classes=classes, **more)


class _TabBuilder:
    """Builds the tab inside the `gr.Blocks` that is open."""

    def __init__(self, actions: CompareActions) -> None:
        self.actions = actions

    def build(self) -> Tab:
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                picture = picture_input(PICTURE, 260, self.actions.store.new_file)
                sample = gr.Button("Sample picture") if self.actions.first_look else None
            with gr.Column(scale=3, min_width=280):
                controls = build_controls(
                    *(self.actions.names(), self._default_names()),
                    overriding=self._overriding,
                    refresh_id=self.actions.refresh_id,
                )
                with gr.Row():
                    start = gr.Button("Compare", variant="primary", elem_id="upscaler-lab-compare")
                    stop = gr.Button("Cancel", variant="stop", interactive=False)
        alerts = _html_block("", "upscaler-lab-said")
        feed = _html_block(idle_feed(self._default_names()), FEED, hidden=True)
        _html_block(
            viewer_place(self.actions.uses, FEED, PICTURE, self.actions.places), "upscaler-lab-view"
        )
        links = _html_block("", "upscaler-lab-kept")
        token = gr.State("")
        form = controls.all()
        with gr.Accordion("Several pictures", open=False):
            files = gr.File(label="Up to 50 pictures to test on", file_count="multiple")
            with gr.Row():
                folder = gr.UploadButton("Take a folder", file_count="directory")
                every = gr.Button("Test on all of them")
        for each in (files, folder):
            return_paths(each, self.actions.store.new_file)
        listen(folder.upload, self._pictures_in, [folder], [files, alerts])
        self._settings(controls, alerts)
        self._connect((start, stop, token), self._compare, [picture, *form], [feed, alerts])
        self._connect((every, stop, token), self._several, [files, *form], [feed, alerts, links])
        self._buttons(feed, links, alerts)
        _html_block(f'<p class="lab-version">Upscaler Lab {VERSION}</p>', "upscaler-lab-version")
        # The button says that it tests, so it does, whatever is chosen above.
        listen(every.click, _test_mode, None, [controls.mode])
        listen(every.click, None, None, None, js=TO_VIEWER)
        listen(controls.names.change, self._idle, [controls.names], [feed])
        if sample is not None:
            listen(sample.click, self.actions.sample_picture, None, [picture])
        return Tab(picture, controls.names, feed, self.actions.restore)

    @property
    def _overriding(self) -> bool:
        return self.actions.settings is not None

    def _default_names(self) -> list[str]:
        return default_names(self.actions.upscaler.choices())

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
        listen(done.then, None, None, None, js=TO_OUTCOME)
        for ended in endings(done):
            listen(ended, _end, None, [start, stop])
        listen(stop.click, self.actions.cancel, [token], None)

    def _compare(self, token: str, path: str | None, *fields: Any) -> Iterator[list[Any]]:  # noqa: ANN401
        try:
            form = form_of(*fields)
        except InputError as error:
            yield [gr.update(), alert(str(error))]
            return
        for fed, shown in self.actions.compare(path, form, token):
            yield [fed or gr.update(), shown]

    def _several(
        self,
        token: str,
        files: list[str] | None,
        *fields: Any,  # noqa: ANN401 - of the form
    ) -> Iterator[list[Any]]:
        try:
            names, _mode, *others = fields
            form = form_of(names, _TEST, *others)
        except InputError as error:
            yield [gr.update(), alert(str(error)), ""]
            return
        for fed, shown, links in self.actions.several(files or [], form, token):
            yield [fed or gr.update(), shown, links]

    def _pictures_in(self, folder: list[str]) -> list[Any]:
        """Return the pictures of an uploaded folder, and an alert."""
        sent = [path for path in folder if is_inside(path, [self.actions.upload_folder()])]
        pictures = sorted(path for path in sent if names_a_picture(Path(path)))
        if not pictures:
            return [gr.update(), alert(f"Expected pictures, but none of {len(sent)} files is one.")]
        more = f"Of {len(pictures)} pictures the first {MOST_PICTURES} are taken, by name."
        return [pictures[:MOST_PICTURES], alert(more if len(pictures) > MOST_PICTURES else "")]

    def _settings(self, controls: Controls, alerts: Any) -> None:  # noqa: ANN401
        with gr.Accordion("Settings as text", open=False):
            text = gr.Textbox(label="What “Copy settings” copied, here or elsewhere", lines=2)
            apply = gr.Button("Apply")
        applied = listen(apply.click, self._apply, [text], [*controls.all(), alerts])
        listen(applied.then, None, None, None, js=TO_OUTCOME)

    def _apply(self, text: str) -> list[Any]:
        return values_of(text, self.actions.names(), overriding=self._overriding)

    def _buttons(self, feed: Any, links: Any, alerts: Any) -> None:  # noqa: ANN401 - gradio's types
        """Make the buttons that the viewer presses; `feed.mjs` has their ids."""
        with gr.Column(elem_classes=[_HIDDEN]):
            message, filled = gr.Textbox(label="Message"), gr.Textbox(label="Filled")
            restore, export = self._button("restore"), self._button("keep")
            picks = self._button("picks")
            uses = [self._button(f"use-{index}") for index in range(len(self.actions.uses))]
        listen(restore.click, self._restore, [message], [feed], js=_MESSAGE)
        listen(export.click, self.actions.export, [message], [links], js=_MESSAGE)
        listen(picks.click, self.actions.keep_picks, [message], [links], js=_MESSAGE)
        for use, press in zip(self.actions.uses, uses, strict=True):
            outputs = [*use.outputs, alerts, filled]
            done = listen(press.click, self._make_fill(use), [message], outputs, js=_MESSAGE)
            listen(done.then, None, [filled], None, js=_AFTER % use.js)

    def _button(self, name: str) -> Any:  # noqa: ANN401 - gradio's own type
        return gr.Button(name, elem_id=f"{FEED}-{name}")

    def _make_fill(self, use: Use) -> Any:  # noqa: ANN401 - a function for gradio
        def fill(message: str) -> list[Any]:
            try:
                return [*self.actions.fill(use, message), "", "yes"]
            except InputError as error:
                return [*[gr.update()] * len(use.outputs), alert(str(error)), ""]

        return fill

    def _restore(self, name: str) -> Any:  # noqa: ANN401 - what gradio takes
        return self.actions.restore_or_sample(name) or gr.update()


def _begin() -> list[Any]:
    return [secrets.token_urlsafe(16), gr.update(interactive=False), gr.update(interactive=True)]


def _test_mode() -> str:
    return _TEST


def _end() -> list[Any]:
    return [gr.update(interactive=True), gr.update(interactive=False)]


def build(actions: CompareActions) -> Tab:
    """Build the tab inside the `gr.Blocks` that is open.

    The page must load `javascript/upscaler_lab.mjs`, which WebUIs do by themselves.

    Args:
        actions: The actions of its buttons.
    """
    return _TabBuilder(actions).build()
