"""The tab "Upscaler Lab": upscalers of one picture side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modules import infotext_utils, ui_components

from lib_upscalers.hosts.webui import callbacks, comparison_services, extras, options
from lib_upscalers.hosts.webui.model_access import may_change, model_library
from lib_upscalers.hosts.webui.picture_start import store_picture
from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.ui import (
    deep_input,
    engine_offer_line,
    extras_order,
    webui_fit,
    webui_lists,
    webui_uses,
)
from lib_upscalers.ui.doctor_form import build_doctor
from lib_upscalers.ui.first_look import FirstLook
from lib_upscalers.ui.gradio_compat import page_is_built
from lib_upscalers.ui.guide_actions import GuideActions
from lib_upscalers.ui.webui_tab import (
    ELEM_ID,
    TO_SCRIPT,
    HostComponents,
    ModelAccess,
    build_tab,
)

if TYPE_CHECKING:
    from lib_upscalers.compare.store import Store
    from lib_upscalers.ui.compare_actions import CompareActions
    from lib_upscalers.ui.compare_tab import Tab

_page = HostComponents()


def _after_component(component: Any, **kwargs: Any) -> None:
    elem_id = kwargs.get("elem_id")
    if elem_id and page_is_built():
        webui_lists.arrange(component, elem_id, extension().listed)
        _page.note(component, elem_id, _send_button)
        if elem_id == engine_offer_line.AFTER:
            offers, result = extension().networks.offer, _page.found.get(engine_offer_line.RESULT)
            ended = engine_offer_line.end_of_run(component, result)
            engine_offer_line.build_offer(ended, offers.offer, offers.accept)


def _send_button(elem_id: str) -> Any:
    icon, tooltip = "🔬", "Send image to the tab Upscaler Lab, to compare upscalers."
    if elem_id.endswith(TO_SCRIPT):
        icon, tooltip = "🧪", "Compare in Hires. fix: begin with this picture."
    return ui_components.ToolButton(icon, elem_id=elem_id, tooltip=tooltip)


def _connect(store: Store, tab: Tab, actions: CompareActions) -> None:
    ours, fit = extension(), extension().fitting
    webui_fit.build_fit(webui_fit.FitDoor(fit.run, fit.cancel, fit.accept, fit.minutes), store)
    _page.join(tab, infotext_utils.image_from_url_text, lambda: ours.finished.latest)
    _page.join_script(lambda value: store_picture(value, store.new_file))
    for component in comparison_services.inputs_of_paths("extras", "img2img"):
        deep_input.accept_deep(component, store.new_file)
    menus = webui_lists.Menus(ours.networks.refresh, ours.listed, ours.choices, actions.names)
    build_doctor(ours.doctor)
    extras_order.connect(_page.found, extras.size_of_job, extras.runs_before_upscale)
    webui_lists.connect({**_page.found, "upscaler-lab-names": tab.names}, menus)


def _guide(actions: CompareActions) -> GuideActions:
    entries = extension().usable_entries()
    return GuideActions(actions, entries.note, entries.names)


def _tabs() -> list[tuple[Any, str, str]]:
    ours, services = extension(), comparison_services
    engine, refresh, store = ours.engine, ours.networks.refresh, services.store()
    inputs = (services.picture_input, services.input_value, services.set_img2img_upscaler)
    blocks = build_tab(
        *(engine.upscaler, engine.host, store),
        lambda: services.latent_candidates(engine),
        *(lambda: services.job(engine), engine.closing.is_set),
        webui_uses.Places(_page.found, ours.listed, *inputs).uses(),
        *(options.settings, _connect),
        ModelAccess(model_library(engine), may_change, refresh),
        *(_guide, FirstLook(*services.cpu_upscaler(engine), store)),
    )
    return [(blocks, options.value(options.TAB), ELEM_ID)]


callbacks.register({"on_after_component": _after_component, "on_ui_tabs": _tabs})
