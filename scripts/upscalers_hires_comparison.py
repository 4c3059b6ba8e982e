"""The script "Compare upscalers in Hires. fix" of txt2img."""

from __future__ import annotations

from typing import Any

from modules import scripts

from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.ui.webui_finished import finished_controls, request_of


class CompareInHiresFix(scripts.Script):
    """Makes finished pictures that differ in upscaler and denoising strength alone."""

    def title(self) -> str:
        return "Compare upscalers in Hires. fix"

    def show(self, is_img2img: bool) -> object:
        return not is_img2img

    def ui(self, is_img2img: bool) -> list[Any]:
        return finished_controls(extension().listed("Hires. fix"))

    def run(self, p: Any, *values: Any) -> Any:
        return extension().finished.run(p, request_of(*values))
