"""Build the page Models, for the app and for WebUIs: gradio 3.41, 4.40 and 6.

Imports gradio, so nothing imports this module before a page is built.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.errors import UpscalerError
from lib_upscalers.models.catalogue.catalogue_settings import CatalogueSettings, write_settings
from lib_upscalers.ui.gradio_compat import (
    accepted_arguments,
    leave_out_of_ui_config,
    listen,
    return_paths,
)

if TYPE_CHECKING:
    from gradio.components import Component

    from lib_upscalers.ui.compare_actions import CompareActions
    from lib_upscalers.ui.compare_tab import Tab
    from lib_upscalers.ui.model_actions import ModelActions

FEED = "upscaler-lab-models-feed"
_HIDDEN = "upscaler-lab-hidden"
_WITH_NAMES = "(_, names) => [globalThis.upscalerLab?.message() ?? '', names]"
_PLAIN = ("refresh", "hash", "get", "try", "keep", "discard", "close", "cancel", "mark", "remove")


def _place(html: str, elem_id: str, *, hidden: bool = False) -> Any:  # noqa: ANN401 - gradio's type
    more = accepted_arguments(gr.HTML, {"apply_default_css": False, "padding": False})
    return gr.HTML(html, elem_id=elem_id, elem_classes=[_HIDDEN] if hidden else [], **more)


class ModelsPage:
    """Builds the page inside the container that is open.

    Args:
        actions: What its buttons do.
        comparing: The comparison beside it, whose menu shows new networks.
        tab: The controls of that comparison.
    """

    def __init__(self, actions: ModelActions, comparing: CompareActions, tab: Tab) -> None:
        self._actions = actions
        self._comparing = comparing
        self._tab = tab

    def build(self, opened: Any) -> None:  # noqa: ANN401 - a gradio tab
        """Build it.

        Args:
            opened: The tab that shows it; nothing is fetched before it is selected.
        """
        feed = _place("", FEED, hidden=True)
        lists = self._comparing.refresh_id
        markup = f'<upscaler-lab-models feed="{FEED}" lists="{lists}"></upscaler-lab-models>'
        _place(markup, "upscaler-lab-models")
        file = gr.File(
            label="Drop a network file here: its SHA-256 shows which model it is",
            elem_id="upscaler-lab-drop",
        )
        return_paths(file, self._comparing.store.new_file)
        self._settings(feed)
        with gr.Column(elem_classes=[_HIDDEN]):
            message = gr.Textbox(label="Message of the models")
            buttons = {name: self._button(name) for name in (*_PLAIN, "poll", "compare")}
        listen(opened.select, self._open, None, [feed])
        listen(file.upload, self._drop, [file, self._tab.names], [feed, self._tab.names])
        for name, press in buttons.items():
            chosen = [message, self._tab.names]
            act = self._compare if name == "compare" else self._act(name)
            listen(press.click, act, chosen, [feed, self._tab.names], js=_WITH_NAMES)

    def _button(self, name: str) -> Any:  # noqa: ANN401 - gradio's type
        return gr.Button(name, elem_id=f"{FEED}-{name}")

    def _open(self) -> str:
        return self._actions.open()

    def _act(self, name: str) -> Any:  # noqa: ANN401 - a function for gradio
        def act(message: str, names: list[str]) -> list[Any]:
            fed = self._actions.act(name, message)
            return [fed, self._menu(message, names)]

        return act

    def _menu(self, message: str, names: list[str]) -> Any:  # noqa: ANN401 - what gradio takes
        """Return an update of the comparison's menu where the page has an older list."""
        if f'"version":{self._actions.version}}}' in message.replace(" ", ""):
            return gr.update()
        return self._tab.refresh(self._comparing, names or [])

    def _compare(self, message: str, names: list[str]) -> list[Any]:
        name = self._actions.trial_name(message)
        there = self._comparing.names()
        chosen = [each for each in names or [] if each in there and each != name]
        value = [*chosen, name] if name else chosen
        return [self._actions.feed(), gr.update(choices=there, value=value)]

    def _drop(self, paths: list[str] | None, names: list[str]) -> list[Any]:
        path = paths[0] if paths else None
        fed = self._actions.drop(path, Path(path).name if path else "")
        return [fed, self._tab.refresh(self._comparing, names or [])]

    def _settings(self, feed: Any) -> None:  # noqa: ANN401 - gradio's type
        now = self._actions.library.settings()
        with gr.Accordion("Catalogue settings", open=False):
            enabled = gr.Checkbox(value=now.enabled, label="Fetch from the internet")
            convert = gr.Checkbox(value=now.convert, label="Store pickles as .safetensors")
            with gr.Row():
                address = gr.Textbox(value=now.address, label="Address of the catalogue")
                mirror = gr.Textbox(value=now.mirror, label="Mirror, asked where that fails")
            with gr.Row():
                proxy = gr.Textbox(value=now.proxy, label="HTTP proxy (empty: that of the system)")
                timeout = gr.Number(value=now.timeout_seconds, label="Timeout in seconds")
            save = gr.Button("Save the settings")
        inputs: list[Component] = [enabled, address, mirror, proxy, timeout, convert]
        leave_out_of_ui_config(inputs)
        listen(save.click, self._save, inputs, [feed])

    def _save(self, *values: object) -> str:
        names = list(asdict(CatalogueSettings()))
        try:
            self._actions.check_leave()
            settings = CatalogueSettings(**dict(zip(names, values, strict=True)))  # type: ignore[arg-type]
            write_settings(self._comparing.host.data_folder(), settings)
        except (UpscalerError, TypeError) as error:
            return self._actions.feed(str(error))
        return self._actions.feed("The settings are saved.")
