"""The script "Upscaler Lab" in the Extras tab."""

from __future__ import annotations

from typing import Any

from modules import scripts_postprocessing, ui_common
from modules.ui_components import InputAccordion

from lib_upscalers.hosts.webui.extras import NAME, SIZES, WAYS, enlarge, job_of
from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.models.architectures.private import lacking
from lib_upscalers.ui.webui_controls import extras


class UpscalerLabPostprocessing(scripts_postprocessing.ScriptPostprocessing):
    """Upscalers one after another, or two of them mixed, to any size."""

    name = NAME
    order = 1100

    def ui(self) -> dict[str, Any]:
        with InputAccordion(value=False, label=NAME, elem_id="upscaler_lab_extras") as enable:
            controls = extras(extension().choices, _refresh_button, WAYS, SIZES, lacking())
        return {"enable": enable, **controls}

    def process(self, pp: Any, **args: Any) -> None:
        if args.pop("enable", None):
            pp.image, said = enlarge(extension().engine, pp.image, job_of(args))
            pp.info.update(said)


def _refresh_button(dropdowns: list[Any]) -> Any:
    return ui_common.create_refresh_button(
        dropdowns,
        extension().networks.refresh,
        lambda: {"choices": ["None", *extension().choices()]},
        "upscaler_lab_refresh",
    )
