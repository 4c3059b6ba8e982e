"""The accordion "Latent resize" in img2img."""

from __future__ import annotations

from typing import Any

from modules import scripts

from lib_upscalers.hosts.webui.latent_resize import FIELDS, apply
from lib_upscalers.hosts.webui.latents import paste_reader
from lib_upscalers.ui.webui_controls import latent_resize


class LatentResizeScript(scripts.Script):
    """Resizes the latent of an img2img job with one of our modes."""

    def title(self) -> str:
        return "Latent resize"

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible if is_img2img else False

    def ui(self, is_img2img: bool) -> list[Any]:
        controls = latent_resize()
        self.infotext_fields = [
            (control, paste_reader(field, control.value))
            for control, field in zip(controls, FIELDS, strict=True)
        ]
        return controls

    def before_process(self, p: Any, *values: Any) -> None:
        apply(p, *values)
