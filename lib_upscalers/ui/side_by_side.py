"""The page of the app: one picture, three upscalers, their results in a row.

Imports gradio, so nothing imports this module before the app is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence  # noqa: TC003 - gradio reads annotations
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.errors import InputError, UpscalerError
from lib_upscalers.targets import Target
from lib_upscalers.ui.cells import Idle, alert, render
from lib_upscalers.ui.gradio_compat import file_url, hand_on_the_file
from lib_upscalers.ui.work import RowWork, explain

if TYPE_CHECKING:
    from lib_upscalers.choices import Choice
    from lib_upscalers.ui.cells import State
    from lib_upscalers.ui.results import ResultFolder
    from lib_upscalers.upscale import Upscaler

PLACES = 3
_INTRODUCTION = (
    "# Upscaler Lab\n"
    "Enlarge a picture in several ways at once and compare the results: side by side, lossless, "
    "pixel by pixel. Everything happens on this computer."
)


def label_of(choice: Choice) -> str:
    """Return what a menu shows for an upscaler: its name, and a network's scale if that lacks."""
    scale = f"{choice.scale}x"
    if choice.kind == "pixel" or scale in choice.name.casefold():
        return choice.name
    return f"{choice.name} ({scale})"


def prepared(choices: Sequence[Choice]) -> list[str]:
    """Return the upscalers that the places start with: two kernels and the first network."""
    networks = [choice.name for choice in choices if choice.kind == "network"]
    return ["Nearest", "Lanczos", networks[0] if networks else "Mitchell"]


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
        f"{table}<p>Put network files (.safetensors, .pth, .pt, .ckpt) into one of these folders, "
        f"then press “Look again”:</p><ul>{places}</ul>"
    )


def _changes(shown: Sequence[State], states: Sequence[State]) -> list[Any]:
    """Return what each place has to show anew; a result stays as it is, and where it scrolled."""
    before = [*shown, *[None] * (len(states) - len(shown))]
    return [
        gr.skip() if old == new else render(new) for old, new in zip(before, states, strict=True)
    ]


@dataclass
class Page:
    """Builds the page and answers it.

    Attributes:
        upscaler: Runs the upscalers.
        folders: Where the user's networks lie.
        results: Takes the files of results.
        sample: The file of the sample picture.
    """

    upscaler: Upscaler
    folders: Sequence[Path]
    results: ResultFolder
    sample: Path
    _running: dict[str, threading.Event] = field(
        default_factory=dict[str, threading.Event], init=False
    )

    def build(self) -> gr.Blocks:
        """Return the page, ready to be launched."""
        choices = self.upscaler.choices()
        options = [(label_of(choice), choice.name) for choice in choices]
        with gr.Blocks(title="Upscaler Lab", fill_width=True, analytics_enabled=False) as page:
            gr.Markdown(_INTRODUCTION, elem_classes="lab-head")
            with gr.Row(elem_classes="lab-top"):
                picture = self._build_picture()
                with gr.Column(scale=1, min_width=280):
                    sample = gr.Button("Sample picture", size="md")
                    scale = gr.Slider(
                        1, 8, value=2, step=0.5, label="Scale", info="How many times as large"
                    )
                    view = gr.Radio(
                        ["Actual size", "Fit"],
                        value="Actual size",
                        label="View",
                        info="Results scroll together",
                    )
                    with gr.Row():
                        start = gr.Button("Upscale", variant="primary", min_width=120)
                        stop = gr.Button("Cancel", variant="stop", interactive=False, min_width=120)
            message = gr.HTML(
                alert(""), elem_id="lab-message", elem_classes="lab-place", apply_default_css=False
            )
            menus, cells = self._build_row(options, prepared(choices))
            with gr.Accordion("Networks", open=False):
                table = gr.HTML(
                    network_table(choices, self.folders),
                    elem_id="lab-networks",
                    apply_default_css=False,
                )
                refresh = gr.Button("Look again", size="sm")
            self._connect_work(picture, scale, menus, start, stop, [message, *cells])
            sample.click(
                lambda: str(self.sample), None, picture, queue=False, api_visibility="private"
            )
            refresh.click(
                self._look_again, menus, [table, *menus], queue=False, api_visibility="private"
            )
            page.unload(self._cancel)
            view.change(None, view, None, js="(view) => window.labShow(view)")
        return page

    def _build_picture(self) -> gr.Image:
        picture = gr.Image(
            type="filepath",
            format="png",
            image_mode=None,
            sources=["upload", "clipboard"],
            label="Picture",
            height=280,
            scale=2,
            min_width=280,
            buttons=[],
            elem_id="lab-picture",
        )
        hand_on_the_file(picture)
        return picture

    def _build_row(
        self, options: list[tuple[str, str]], chosen: Sequence[str]
    ) -> tuple[list[gr.Dropdown], list[gr.HTML]]:
        menus: list[gr.Dropdown] = []
        cells: list[gr.HTML] = []
        with gr.Row(elem_classes="lab-row"):
            for index, name in enumerate(chosen):
                with gr.Column(min_width=280):
                    menus.append(
                        gr.Dropdown(
                            options, value=name, label=f"Upscaler {index + 1}", filterable=True
                        )
                    )
                    cells.append(
                        gr.HTML(
                            render(Idle()),
                            elem_id=f"lab-cell-{index + 1}",
                            elem_classes="lab-place",
                            apply_default_css=False,
                        )
                    )
        return menus, cells

    def _connect_work(
        self,
        picture: gr.Image,
        scale: gr.Slider,
        menus: list[gr.Dropdown],
        start: gr.Button,
        stop: gr.Button,
        shown: list[gr.HTML],
    ) -> None:
        busy = start.click(
            lambda: (gr.Button(interactive=False), gr.Button(interactive=True)),
            None,
            [start, stop],
            queue=False,
            api_visibility="private",
        )
        work = busy.then(
            self._upscale,
            [picture, scale, *menus],
            shown,
            show_progress="hidden",
            api_visibility="private",
        )
        work.then(
            lambda: (gr.Button(interactive=True), gr.Button(interactive=False)),
            None,
            [start, stop],
            queue=False,
            api_visibility="private",
        )
        stop.click(self._cancel, None, None, queue=False, api_visibility="private")

    def _upscale(
        self,
        path: str | None,
        scale: float,
        first: str,
        second: str,
        third: str,
        request: gr.Request,
    ) -> Iterator[list[Any]]:
        work = RowWork(self.upscaler, self.results, file_url)
        session = request.session_hash or ""
        self._running[session] = work.cancelled
        shown: tuple[State, ...] = ()
        try:
            if path is None:
                raise InputError("There is no picture yet: drop one, or press “Sample picture”.")
            for states in work.run(Path(path), (first, second, third), Target(scale=scale)):
                yield [alert(""), *_changes(shown, states)]
                shown = states
        except UpscalerError as error:
            # Where the upload was put is of no use to anybody.
            text = explain(error).replace(str(path), Path(path or "").name)
            yield [alert(text), *[render(Idle())] * PLACES]
        finally:
            work.cancelled.set()
            self._running.pop(session, None)

    def _cancel(self, request: gr.Request) -> None:
        event = self._running.get(request.session_hash or "")
        if event is not None:
            event.set()

    def _look_again(self, *chosen: str) -> list[Any]:
        choices = self.upscaler.choices()
        options = [(label_of(choice), choice.name) for choice in choices]
        known = {choice.name for choice in choices}
        start = prepared(choices)
        values = [name if name in known else start[i] for i, name in enumerate(chosen)]
        table = network_table(choices, self.folders)
        return [table, *(gr.Dropdown(choices=options, value=value) for value in values)]
