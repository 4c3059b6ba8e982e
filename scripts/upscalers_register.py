"""Enters Upscaler Lab into the WebUI: upscalers, latent modes, settings, axes, API."""

from __future__ import annotations

from typing import Any

from modules import script_callbacks

from lib_upscalers.hosts.webui.start import start
from lib_upscalers.ui.webui_controls import mode_note, setting_components

start(setting_components())

_hires: dict[str, Any] = {}


def _after_component(component: Any, **kwargs: Any) -> None:
    """Put the note on the chosen mode behind the last control of the row it belongs to."""
    elem_id = kwargs.get("elem_id")
    if elem_id == "txt2img_hr_upscaler":
        _hires["upscaler"] = component
    if elem_id == "txt2img_denoising_strength" and "upscaler" in _hires:
        mode_note(_hires.pop("upscaler"), component)


script_callbacks.on_after_component(_after_component)
