"""The tab "Upscaler Lab": upscalers of one picture side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modules import images, infotext_utils, shared, ui_components

from lib_upscalers.hosts.webui import callbacks, comparison_services, model_access, options
from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.ui import webui_lists, webui_uses
from lib_upscalers.ui.deep_input import accept_deep
from lib_upscalers.ui.doctor_form import build_doctor
from lib_upscalers.ui.gradio_compat import page_is_built
from lib_upscalers.ui.webui_fit import FitDoor, build_fit
from lib_upscalers.ui.webui_tab import ELEM_ID, TITLE, HostComponents, ModelAccess, build_tab

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.compare.store import Store
    from lib_upscalers.ui.compare_actions import CompareActions
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


def _uses() -> Any:
    places = webui_uses.Places(
        *(_page.found, extension().listed, _picture_of, _as_picture, _set_img2img)
    )
    return places.uses()


def _picture_of(tab: str) -> Any:
    """Return the input to which the WebUI itself sends pictures."""
    return infotext_utils.paste_fields.get(tab, {}).get("init_img")


def _as_picture(component: Any, path: Path) -> Any:
    """Return a file for an input: Forge's canvas takes a picture alone, others a path."""
    return str(path) if hasattr(component, "image_mode") else images.read(str(path))


def _tabs() -> list[tuple[Any, str, str]]:
    engine, fitting = extension().engine, extension().fitting
    refresh = extension().networks.refresh

    def more(store: Store, tab: Tab, actions: CompareActions) -> None:
        build_fit(FitDoor(fitting.run, fitting.cancel, fitting.accept, fitting.minutes), store)
        _page.join(tab, infotext_utils.image_from_url_text, lambda: extension().finished.latest)
        for place in ("extras", "img2img"):
            if hasattr(_picture_of(place), "image_mode"):
                accept_deep(_picture_of(place), store.new_file)
        menus = webui_lists.Menus(
            *(extension().networks.refresh, extension().listed, extension().choices, actions.names)
        )
        build_doctor(extension().doctor)
        webui_lists.connect({**_page.found, "upscaler-lab-names": tab.names}, menus)

    blocks = build_tab(
        engine.upscaler,
        engine.host,
        comparison_services.store(),
        lambda: comparison_services.latent_candidates(engine),
        lambda: comparison_services.job(engine),
        _uses(),
        options.settings,
        more,
        ModelAccess(model_access.model_library(engine), model_access.may_change, refresh),
    )
    return [(blocks, TITLE, ELEM_ID)]


callbacks.register({"on_after_component": _after_component, "on_ui_tabs": _tabs})
