"""Gradio 3.41 resolves the type hints of every function that it calls (its utils.py, 775)."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import gradio as gr

from lib_upscalers.ui import webui_controls
from tests.offenders import fail_for


def test_the_hints_of_event_functions_can_be_resolved() -> None:
    with gr.Blocks() as page:
        upscaler = gr.Dropdown(choices=["Lanczos"])
        webui_controls.hires_line(upscaler, gr.Slider(), lambda _: gr.Button(), lambda _: None)
        webui_controls.latent_resize()
        webui_controls.extras(list, lambda _: gr.Button(), ("blend",), ("scale", "size"))
    functions: list[Any] = [each.fn for each in page.fns.values() if each.fn is not None]
    offenders: list[str] = []
    for function in functions:
        try:
            typing.get_type_hints(inspect.unwrap(function))
        except NameError as error:
            offenders.append(f"{function.__qualname__}: {error}")
    assert functions
    fail_for(offenders, "Expected hints that can be resolved: import what they name at run time")
