"""Gradio controls for the engine's settings, made from their descriptions.

A form is either the only place where its user sets them, or one that can override a page of
settings: then each control has a choice that leaves the setting as that page has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.upscaling.settings import AS_IN_SETTINGS, ENGINE_SETTINGS, OFF, ON

if TYPE_CHECKING:
    from lib_upscalers.upscaling.settings import EngineSetting

_IN_A_ROW = 3


def overriding_label(setting: EngineSetting) -> str:
    """Return the label of a setting in a form that can override a page of settings."""
    return f"{setting.label} (0: as in the settings)" if setting.kind == "number" else setting.label


def overriding_controls() -> dict[str, Any]:
    """Put in controls that override a page of settings, short ones where there are any.

    Returns:
        By the names that `chosen` takes.
    """
    import gradio as gr

    controls: dict[str, Any] = {}
    long = [setting for setting in ENGINE_SETTINGS if setting.shortcut is None]
    for start in range(0, len(long), _IN_A_ROW):
        with gr.Row():
            for setting in long[start : start + _IN_A_ROW]:
                controls[setting.name] = _overriding(setting)
    with gr.Row():
        for setting in ENGINE_SETTINGS:
            if setting.shortcut is not None:
                controls[setting.shortcut.name] = gr.Checkbox(
                    value=setting.default == setting.shortcut.ticked, label=setting.shortcut.label
                )
    return controls


def _overriding(setting: EngineSetting) -> Any:  # noqa: ANN401 - gradio's own types
    import gradio as gr

    label = overriding_label(setting)
    if setting.kind == "number":
        most, step = setting.slider
        return gr.Slider(0, most, 0, step=step, label=label)
    choices = (ON, OFF) if setting.kind == "flag" else setting.choices()
    # An automatic value is as in the settings already.
    first = () if setting.automatic else (AS_IN_SETTINGS,)
    value = str(setting.default) if setting.automatic else AS_IN_SETTINGS
    return gr.Dropdown(label=label, choices=[*first, *choices], value=value)
