"""The script "Compare upscalers in Hires. fix" of txt2img."""

from __future__ import annotations

from typing import Any

from modules import scripts

from lib_upscalers.hosts.webui import comparison_services
from lib_upscalers.hosts.webui.picture_start import PictureStart
from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.ui.webui_finished import TITLE, finished_controls, request_of, uploaded


class CompareInHiresFix(scripts.Script):
    """Makes finished pictures that differ in upscaler and denoising strength alone."""

    def title(self) -> str:
        return TITLE

    def show(self, is_img2img: bool) -> object:
        return not is_img2img

    def ui(self, is_img2img: bool) -> list[Any]:
        store = comparison_services.store()
        self.pictures = PictureStart(uploaded(lambda: store.served))
        names = extension().listed("Hires. fix")
        return finished_controls(names, self.pictures.note, store.new_file)

    def run(self, p: Any, *values: Any) -> Any:
        *asked, picture = values
        request = request_of(*asked)
        return extension().finished.run(p, request, self.pictures.read(picture))
