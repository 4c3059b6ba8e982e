"""Register Upscaler Lab with the WebUI: upscalers, latent modes, settings, axes, API."""

from __future__ import annotations

from typing import Any

from modules import shared, ui_common

from lib_upscalers.hosts.webui import callbacks, comparing
from lib_upscalers.hosts.webui.start import extension, start
from lib_upscalers.ui.gradio_compat import page_is_built
from lib_upscalers.ui.webui_controls import hires_line, setting_components
from lib_upscalers.ui.webui_fit import FitDoor

start(setting_components())

_hires: dict[str, Any] = {}


def _after_component(component: Any, **kwargs: Any) -> None:
    """Add a line to the Hires. fix controls, after the last one of its first row."""
    elem_id = kwargs.get("elem_id") if page_is_built() else None
    if elem_id == "txt2img_hr_upscaler":
        _hires["upscaler"] = component
    if elem_id == "txt2img_denoising_strength" and "upscaler" in _hires:
        upscaler = _hires.pop("upscaler")
        hires_line(upscaler, component, _refresh_button, _outlook, _fit_door(), comparing.store)


def _refresh_button(dropdown: Any) -> Any:
    return ui_common.create_refresh_button(
        dropdown, extension().networks.refresh, _choices, "upscaler_lab_hires_refresh"
    )


def _outlook(mode: str) -> Any:
    return extension().latents.outlook(mode)


def _fit_door() -> FitDoor:
    fitting = extension().fitting
    return FitDoor(fitting.run, fitting.cancel, fitting.accept, fitting.minutes)


def _choices() -> dict[str, list[str]]:
    return {"choices": [*shared.latent_upscale_modes, *extension().networks.names()]}


callbacks.register({"on_after_component": _after_component})
