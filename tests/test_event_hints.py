"""Gradio 3.41 resolves the type hints of every function that it calls (its utils.py, 775)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.checks import ROOT
from tests.offenders import fail_for

# In a process of its own, for gradio leaves an event loop open.
_SCRIPT = """
import inspect, typing
import gradio as gr
from lib_upscalers.ui import extras_order, hires_line, webui_controls, webui_fit, webui_lists

door = webui_fit.FitDoor(None, None, None, lambda: 20)

with gr.Blocks() as page:
    upscaler = gr.Dropdown(choices=["Lanczos"])
    none = lambda *_: None
    knowledge = hires_line.Knowledge(none, none, door.minutes, bool, none, none)
    made = hires_line.put_note(door, list, lambda: None)
    inputs = [upscaler, *[gr.Slider()] * 4]
    hires_line.connect(made, inputs, knowledge, [gr.Checkbox()])(gr.Gallery())
    webui_fit.build_fit(door, None)
    menus = webui_lists.Menus(lambda: None, lambda _: [], lambda: [], lambda: [])
    listed = {"txt2img_hr_upscaler": upscaler, webui_lists.TAB_REFRESH: gr.Button()}
    webui_lists.connect(listed, menus)
    webui_controls.latent_resize()
    webui_controls.latent_resize(gr.Radio(["a", "b", "c", "d"], type="index"))
    found = {name: gr.Textbox() for name in (*extras_order.INPUTS, extras_order.NOTE)}
    extras_order.connect(found, lambda *_: None, lambda: False)
    webui_controls.extras(lambda: [], lambda _: gr.Button(), ("blend",), ("scale", "size"))
functions = [each.fn for each in page.fns.values() if each.fn is not None]
assert functions
for function in functions:
    try:
        typing.get_type_hints(inspect.unwrap(function))
    except NameError as error:
        print(f"{function.__qualname__}: {error}")
"""


@pytest.mark.slow
def test_the_hints_of_event_functions_can_be_resolved() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    fail_for(
        done.stdout.splitlines(),
        "Expected hints that can be resolved: import what they name at run time, too",
    )
