"""The script "Upscaler Lab" in the Extras tab."""

from __future__ import annotations

from functools import partial
from typing import Any

from modules import scripts_postprocessing, ui_common, ui_components
from modules.ui_components import InputAccordion

from lib_upscalers.hosts.webui.extras import NAME, SIZES, WAYS, enlarge, job_of
from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.models.architectures.private import lacking
from lib_upscalers.ui.webui_controls import extras
from lib_upscalers.ui.webui_lists import EXTRAS_REFRESH


class UpscalerLabPostprocessing(scripts_postprocessing.ScriptPostprocessing):
    """Upscalers one after another, or two of them mixed, to any size."""

    name = NAME
    order = 1100

    def ui(self) -> dict[str, Any]:
        # The WebUI can show this in txt2img and img2img, too, and then sets no file name; its
        # accordion finds its check box by the elem_id.
        ids = self.filename is not None
        name = "upscaler_lab_extras" if ids else None
        with InputAccordion(value=False, label=NAME, elem_id=name) as enable:
            refresh = partial(_refresh_button, elem_id=EXTRAS_REFRESH if ids else None)
            controls = extras(extension().choices, refresh, WAYS, SIZES, lacking(), ids=ids)
        return {"enable": enable, **controls}

    def process(self, pp: Any, **args: Any) -> None:
        if args.pop("enable", None):
            pp.image, infotext = enlarge(extension().engine, pp.image, job_of(args))
            pp.info.update(infotext)


def _refresh_button(dropdowns: list[Any], elem_id: str | None) -> Any:
    if elem_id:
        # The tab, which is built last, connects it with every menu.
        tooltip = "Look for new files, for all menus"
        return ui_components.ToolButton("\U0001f504", elem_id=elem_id, tooltip=tooltip)
    return ui_common.create_refresh_button(
        dropdowns,
        extension().networks.refresh,
        lambda: {"choices": ["None", *extension().choices()]},
        elem_id,
    )
