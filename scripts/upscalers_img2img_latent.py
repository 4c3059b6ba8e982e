"""The accordion "Latent resize" in img2img."""

from __future__ import annotations

from typing import Any

from modules import scripts

from lib_upscalers.hosts.webui.latent_resize import FIELDS, apply
from lib_upscalers.hosts.webui.latents import paste_choice, paste_reader
from lib_upscalers.ui.gradio_compat import page_is_built
from lib_upscalers.ui.webui_controls import latent_resize, latent_resize_choice


class LatentResizeScript(scripts.Script):
    """Resizes the latent of an img2img job with one of our modes."""

    def __init__(self) -> None:
        self._controls: list[Any] = []
        self._resize_mode: Any = None

    def title(self) -> str:
        return "Latent resize"

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible if is_img2img else False

    def after_component(self, component: Any, **kwargs: Any) -> None:
        if kwargs.get("elem_id") == "resize_mode" and self.is_img2img and page_is_built():
            self._controls = latent_resize(component)
            self._resize_mode = component

    def ui(self, is_img2img: bool) -> list[Any]:
        # A page without the resize modes has the controls where scripts have theirs.
        controls = self._controls or latent_resize()
        self.infotext_fields = [
            (control, paste_reader(field, control.value))
            for control, field in zip(controls, FIELDS, strict=True)
        ]
        if self._resize_mode is not None:
            chosen = latent_resize_choice(self._resize_mode)
            self.infotext_fields.append((self._resize_mode, paste_choice(FIELDS[0], chosen)))
        return controls

    def before_process(self, p: Any, *values: Any) -> None:
        apply(p, *values)
