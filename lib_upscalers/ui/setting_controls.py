"""Make Gradio controls for the engine's settings from their descriptions.

A form is either the only place where its user sets them, or one that can override a page of
settings: then each control has a choice that means the value of that page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.upscaling.settings import AS_IN_SETTINGS, ENGINE_SETTINGS, OFF, ON, chosen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lib_upscalers.upscaling.settings import EngineSetting

_IN_A_ROW = 3


def overriding_label(setting: EngineSetting) -> str:
    """Return the label of a setting in a form that can override a page of settings."""
    return f"{setting.label} (0: as in the settings)" if setting.kind == "number" else setting.label


def overriding_controls() -> dict[str, Any]:
    """Add controls that override a page of settings, short ones if there are any.

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


def build_engine_accordion(*, overriding: bool) -> list[Any]:
    """Add an accordion with one control for each setting, in the order of `ENGINE_SETTINGS`.

    Args:
        overriding: Whether the controls override a page of settings.
    """
    import gradio as gr

    make = _overriding if overriding else _plain
    with gr.Accordion("How it is computed", open=False):
        return [make(setting) for setting in ENGINE_SETTINGS]


def chosen_in_order(values: Sequence[object]) -> dict[str, Any]:
    """Return the settings that the accordion's values choose, as `chosen`."""
    names = [setting.name for setting in ENGINE_SETTINGS]
    return chosen(dict(zip(names, values, strict=True)))


def values_in_order(engine: Mapping[str, Any], *, overriding: bool) -> list[Any]:
    """Return values for the accordion's controls; settings that are not in `engine` are reset."""
    values: list[Any] = []
    for setting in ENGINE_SETTINGS:
        reset = _reset(setting) if overriding else setting.default
        value = engine.get(setting.name, reset)
        if overriding and isinstance(value, bool):
            value = ON if value else OFF
        values.append(value or 0 if setting.kind == "number" else value)
    return values


def _plain(setting: EngineSetting) -> Any:  # noqa: ANN401 - gradio's own types
    import gradio as gr

    info = setting.help
    if setting.automatic:
        info += f"; {0 if setting.kind == 'number' else setting.default}: {setting.automatic}"
    if setting.kind == "number":
        most, step = setting.slider
        return gr.Slider(0, most, 0, step=step, label=setting.label, info=info)
    if setting.kind == "flag":
        return gr.Checkbox(value=bool(setting.default), label=setting.label, info=info)
    choices = list(setting.choices())
    return gr.Dropdown(label=setting.label, choices=choices, value=str(setting.default), info=info)


def _reset(setting: EngineSetting) -> Any:  # noqa: ANN401 - a control's value
    """Return the value that means the setting of a page of settings."""
    if setting.kind == "number":
        return 0
    return str(setting.default) if setting.automatic else AS_IN_SETTINGS


def _overriding(setting: EngineSetting) -> Any:  # noqa: ANN401 - gradio's own types
    import gradio as gr

    label = overriding_label(setting)
    if setting.kind == "number":
        most, step = setting.slider
        return gr.Slider(0, most, 0, step=step, label=label)
    choices = (ON, OFF) if setting.kind == "flag" else setting.choices()
    # For a number the automatic value means the page's setting already.
    first = () if setting.automatic else (AS_IN_SETTINGS,)
    return gr.Dropdown(label=label, choices=[*first, *choices], value=_reset(setting))
