"""The tab "Upscaler Lab": upscalers of one picture side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modules import infotext_utils, shared, ui_components

from lib_upscalers.hosts.webui import callbacks, comparison_services, options
from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.ui.gradio_compat import page_is_built
from lib_upscalers.ui.webui_fit import FitDoor, build_fit
from lib_upscalers.ui.webui_tab import ELEM_ID, TITLE, HostComponents, build_tab

if TYPE_CHECKING:
    from lib_upscalers.compare.store import Store
    from lib_upscalers.ui.compare_tab import Tab

_page = HostComponents()


def _after_component(component: Any, **kwargs: Any) -> None:
    elem_id = kwargs.get("elem_id")
    if elem_id and page_is_built():
        _page.note(component, elem_id, _send_button)


def _send_button(elem_id: str) -> Any:
    tooltip = "Send image to the tab Upscaler Lab, to compare upscalers."
    return ui_components.ToolButton("🔬", elem_id=elem_id, tooltip=tooltip)


def _set_img2img(name: str) -> None:
    shared.opts.set("upscaler_for_img2img", name)
    shared.opts.save(shared.config_filename)


def _tabs() -> list[tuple[Any, str, str]]:
    engine, fitting = extension().engine, extension().fitting

    def more(store: Store, tab: Tab) -> None:
        build_fit(FitDoor(fitting.run, fitting.cancel, fitting.accept, fitting.minutes), store)
        _page.join(tab, infotext_utils.image_from_url_text)

    blocks = build_tab(
        engine.upscaler,
        engine.host,
        comparison_services.store(),
        lambda: comparison_services.latent_candidates(engine),
        lambda: comparison_services.job(engine),
        _page.uses(_set_img2img, extension().listed),
        options.settings,
        more,
    )
    return [(blocks, TITLE, ELEM_ID)]


callbacks.register({"on_after_component": _after_component, "on_ui_tabs": _tabs})
