"""Register Upscaler Lab with the WebUI: upscalers, latent modes, settings, axes, API."""

from __future__ import annotations

from typing import Any

from modules import ui_components

from lib_upscalers.hosts.webui import callbacks, comparison_services
from lib_upscalers.hosts.webui.latents import mode_alike
from lib_upscalers.hosts.webui.start import extension, start
from lib_upscalers.ui import hires_line
from lib_upscalers.ui.gradio_compat import page_is_built
from lib_upscalers.ui.webui_controls import setting_components
from lib_upscalers.ui.webui_fit import FitDoor
from lib_upscalers.ui.webui_lists import HIRES_REFRESH

start(setting_components())

_found: dict[str, Any] = {}


def _after_component(component: Any, **kwargs: Any) -> None:
    """Add a button beside the Hires. fix dropdown, and a line after the first row."""
    elem_id = kwargs.get("elem_id") if page_is_built() else None
    if elem_id == hires_line.RESULT and "follow" in _found:
        _found.pop("follow")(component)
    if elem_id not in (hires_line.OPENED, *hires_line.INPUTS):
        return
    _found[elem_id] = component
    if elem_id == hires_line.INPUTS[0]:
        # The tab, which is built last, connects it with every menu.
        tooltip = "Look for new files, for all menus"
        ui_components.ToolButton("\U0001f504", elem_id=HIRES_REFRESH, tooltip=tooltip)
    if elem_id == hires_line.INPUTS[1]:
        fetch = extension().tiny_fetching.fetch
        _found["note"] = hires_line.put_note(_fit_door(), fetch, comparison_services.store)
    if elem_id == hires_line.INPUTS[-1] and {*hires_line.INPUTS, "note"} <= _found.keys():
        inputs = [_found[name] for name in hires_line.INPUTS]
        fitting, tiny = extension().fitting, extension().tiny_fetching.offer
        knowledge = hires_line.Knowledge(
            *(_outlook, _prospect, fitting.minutes, fitting.is_running, tiny, mode_alike)
        )
        opened = [_found[name] for name in (hires_line.OPENED,) if name in _found]
        _found["follow"] = hires_line.connect(_found.pop("note"), inputs, knowledge, opened)


def _outlook(mode: str) -> Any:
    return extension().latents.outlook(mode)


def _fit_door() -> FitDoor:
    fitting = extension().fitting
    return FitDoor(fitting.run, fitting.cancel, fitting.accept, fitting.minutes)


def _prospect(name: str) -> Any:
    return extension().networks.prospect(name)


callbacks.register({"on_after_component": _after_component})
