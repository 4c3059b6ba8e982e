"""The form of the comparison tab: what is to be compared.

Imports gradio, so nothing imports this module before a page is built.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - gradio reads annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.compare.align import FACTORS, Trial
from lib_upscalers.compare.request import MOST, ComparisonRequest
from lib_upscalers.errors import InputError
from lib_upscalers.resampling.kernels import KERNELS
from lib_upscalers.ui.compare_actions import Form, alert
from lib_upscalers.ui.gradio_compat import listen

if TYPE_CHECKING:
    from gradio.components import Component

_ENLARGE, _TEST = "Enlarge it", "Test on this picture"
_ABOUT_UPSCALERS = (
    "Kernels such as Lanczos are quick; networks have learned what pictures look like."
)
_ABOUT_TESTS = "A test shrinks the picture first and measures how close each upscaler comes to it."


@dataclass(frozen=True)
class Controls:
    """The inputs of the form, in the order in which `form_of` takes them."""

    names: Any
    mode: Component
    scale: Component
    width: Component
    height: Component
    shrink: Component
    kernel: Component
    jpeg: Component

    def all(self) -> list[Component]:
        """Return all of them."""
        return [getattr(self, name) for name in self.__dataclass_fields__]


def form_of(
    names: Sequence[str],
    mode: str,
    scale: float,
    width: float | None,
    height: float | None,
    shrink: int,
    kernel: str,
    jpeg: float,
) -> Form:
    """Return what the user filled in.

    Raises:
        InputError: The test makes no sense.
    """
    trial = Trial(int(shrink), kernel, int(jpeg) or None) if mode == _TEST else None
    size = (int(width), int(height)) if width and height else None
    return Form(tuple(names or ()), float(scale), size, trial)


def _target() -> tuple[Any, Any, Any]:
    with gr.Row():
        scale = gr.Slider(1, 8, value=2, step=0.5, label="Scale", elem_id="upscaler-lab-scale")
        width = gr.Number(label="or width (0: by scale)", precision=0, value=0, minimum=0)
        height = gr.Number(label="and height", precision=0, value=0, minimum=0)
    return scale, width, height


def _trial() -> tuple[Any, Any, Any, Any]:
    with gr.Group(visible=False) as group:
        shrink = gr.Radio([str(each) for each in FACTORS], value="2", label="Shrink it by")
        with gr.Row():
            kernel = gr.Dropdown(list(KERNELS), value="Bicubic", label="Kernel")
            jpeg = gr.Slider(0, 100, value=0, step=1, label="JPEG quality (0: none)")
    return group, shrink, kernel, jpeg


def _shown_for(mode: str) -> list[Any]:
    return [gr.update(visible=mode != _TEST), gr.update(visible=mode == _TEST)]


def build_controls(names: Sequence[str], chosen: Sequence[str]) -> Controls:
    """Build the form, with the upscalers that there are and those that are chosen."""
    menu = gr.Dropdown(
        list(names),
        value=list(chosen),
        multiselect=True,
        max_choices=MOST,
        label="Upscalers (2 to 12)",
        info=_ABOUT_UPSCALERS,
        elem_id="upscaler-lab-names",
    )
    mode = gr.Radio(
        [_ENLARGE, _TEST],
        value=_ENLARGE,
        label="What to do",
        info=_ABOUT_TESTS,
    )
    with gr.Group() as target:
        scale, width, height = _target()
    group, shrink, kernel, jpeg = _trial()
    listen(
        mode.change,
        _shown_for,
        [mode],
        [target, group],
    )
    return Controls(menu, mode, scale, width, height, shrink, kernel, jpeg)


def values_of(text: str, known_names: Sequence[str]) -> list[Any]:
    """Return values for `Controls.all`, read from settings as text, and what to say of it."""
    try:
        request = ComparisonRequest.parse(text)
    except InputError as error:
        return [*[gr.update()] * 8, alert(str(error))]
    missing = [name for name in request.names if name not in known_names]
    names = [name for name in request.names if name in known_names]
    trial, size = request.trial, request.target.size
    said = f"Not there: {', '.join(missing)}." if missing else ""
    return [
        names,
        _ENLARGE if trial is None else _TEST,
        request.target.scale or 2,
        size.width if size else 0,
        size.height if size else 0,
        str(trial.factor) if trial else gr.update(),
        trial.kernel if trial else gr.update(),
        (trial.jpeg or 0) if trial else gr.update(),
        alert(said),
    ]
