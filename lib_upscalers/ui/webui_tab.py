"""Build the tab "Upscaler Lab" in a WebUI: the comparison, connected to the other tabs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lib_upscalers.ui.compare_actions import CompareActions
from lib_upscalers.ui.gradio_compat import file_url, listen, upload_folder
from lib_upscalers.ui.webui_finished import PICTURE, SHOW
from lib_upscalers.ui.webui_finished import TITLE as SCRIPT
from lib_upscalers.ui.webui_lists import TAB_REFRESH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from lib_upscalers.compare.candidate import Candidate
    from lib_upscalers.compare.store import Store
    from lib_upscalers.host import Host
    from lib_upscalers.models.catalogue.library import ModelLibrary
    from lib_upscalers.ui.compare_tab import Tab
    from lib_upscalers.ui.first_look import FirstLook
    from lib_upscalers.ui.guide_actions import GuideActions
    from lib_upscalers.ui.result_use import Use
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Upscaler

ELEM_ID = "upscaler_lab"
_PLACES = (
    ("txt2img → Hires. fix", "latent modes and networks, in the list of upscalers"),
    ("img2img → Resize mode", "“Just resize (latent upscale)” has latent modes"),
    (
        "Extras → Upscaler Lab",
        "up to three upscalers in a row, exact sizes, whole folders",
    ),
    ("Script → X/Y/Z plot", "axes that begin with [Upscaler Lab]"),
    ("Which one?, Models", "advice; networks to get, above this page"),
    ("Settings → Upscaler Lab", "folders with networks, tiles, latent modes"),
)
_OPENING = """
    const buttons = [...gradioApp().querySelectorAll("#tabs button")];
    const names = ["Upscaler Lab", "Lab"];
    buttons.find((each) => names.includes(each.textContent.trim()))?.click();
"""
_OPEN = f"() => {{{_OPENING} return []; }}"
# The WebUI's own function selects the picture that is shown large.
_SEND = f"(gallery) => {{{_OPENING} return extract_image_from_gallery(gallery); }}"
_BEGIN = "(gallery) => { switch_to_txt2img(); return extract_image_from_gallery(gallery); }"
_SHOW_SCRIPT = f"""() => {{
    const show = () => document.querySelector("#{PICTURE}")?.scrollIntoView({{block: "center"}});
    setTimeout(show, 400);
    return [];
}}"""
TO_TAB, TO_SCRIPT = "_send_to_upscaler_lab", "_compare_in_hires_fix"
_SCRIPTS = "script_list"


@dataclass
class HostComponents:
    """The WebUI's own components that the tab is connected to, collected as they are made.

    Attributes:
        found: By their elem_id.
        senders: Our buttons below galleries, with the elem_id of the gallery.
        starters: Likewise those that begin Hires. fix with a picture.
    """

    found: dict[str, Any] = field(default_factory=dict[str, Any])
    senders: list[tuple[Any, str]] = field(default_factory=list[tuple[Any, str]])
    starters: list[tuple[Any, str]] = field(default_factory=list[tuple[Any, str]])

    def note(self, component: Any, elem_id: str, button: Callable[[str], Any]) -> None:  # noqa: ANN401
        """Record a component.

        Args:
            component: The new component.
            elem_id: Its name in the page.
            button: Makes a small button of that elem_id at this place of the page.
        """
        if elem_id == _SCRIPTS and _SCRIPTS in self.found:
            return  # That of img2img, which is made after that of txt2img and has the same elem_id.
        self.found[elem_id] = component
        if elem_id.endswith("_send_to_extras"):
            name = elem_id.removesuffix("_send_to_extras")
            self.senders.append((button(f"{name}{TO_TAB}"), f"{name}_gallery"))
            if name in ("txt2img", "img2img"):
                self.starters.append((button(f"{name}{TO_SCRIPT}"), f"{name}_gallery"))

    def join(self, tab: Tab, read: Callable[..., Any], latest: Callable[[], str]) -> None:
        """Let our buttons send pictures, and finished ones, to the tab.

        Args:
            tab: The tab.
            read: Makes an image of the value of the page's script.
            latest: Returns the name of the last session of finished pictures.
        """
        import gradio as gr

        if SHOW in self.found:

            def show() -> Any:  # noqa: ANN401 - what gradio takes
                return tab.restore(latest()) or gr.update()

            listen(self.found[SHOW].click, show, None, [tab.feed], js=_OPEN)
        for button, gallery in self.senders:
            if gallery in self.found:
                listen(button.click, read, [self.found[gallery]], [tab.picture], js=_SEND)
        self.senders.clear()

    def join_script(self, store_picture: Callable[..., str]) -> None:
        """Let our buttons send pictures to the script "Compare upscalers in Hires. fix".

        Args:
            store_picture: Writes a copy of the picture of the page's script; returns its path.
        """
        import gradio as gr

        def begin(value: Any) -> list[Any]:  # noqa: ANN401 - what the WebUI's gallery has
            return [store_picture(value), gr.update(value=SCRIPT), gr.update(open=True)]

        wanted = (PICTURE, _SCRIPTS, f"{PICTURE}_part")
        outputs = [self.found[name] for name in wanted if name in self.found]
        for button, gallery in self.starters if len(outputs) == len(wanted) else ():
            if gallery in self.found:
                done = listen(button.click, begin, [self.found[gallery]], outputs, js=_BEGIN)
                listen(done.then, None, None, None, js=_SHOW_SCRIPT)
        self.starters.clear()


@dataclass(frozen=True)
class ModelAccess:
    """What the page Models may do.

    Attributes:
        library: Gets and manages networks.
        may_change: Returns whether users of the page may get and delete networks.
        after_change: Renews the WebUI's lists.
    """

    library: ModelLibrary
    may_change: Callable[[], bool]
    after_change: Callable[[], None]


def build_tab(
    upscaler: Upscaler,
    host: Host,
    store: Store,
    candidates: Callable[[], Sequence[Candidate]],
    job: Callable[[], AbstractContextManager[Callable[[], bool]]],
    closing: Callable[[], bool],
    uses: Sequence[Use],
    settings: Callable[[], Settings],
    more: Callable[[Store, Tab, CompareActions], None],
    access: ModelAccess,
    make_guide: Callable[[CompareActions], GuideActions],
    first_look: FirstLook,
) -> Any:  # noqa: ANN401 - gradio's blocks, for the WebUI
    """Build the tab.

    Args:
        upscaler: Runs the upscalers.
        host: The WebUI.
        store: Stores the files.
        candidates: Further candidates.
        job: As `CompareActions.job`.
        closing: As `CompareActions.closing`.
        uses: As `CompareActions.uses`.
        settings: As `CompareActions.settings`.
        more: Adds further controls below the comparison, and connects the tab to the page around.
        access: The networks of the page Models.
        make_guide: Returns what the buttons of the page "Which one?" do, beside that comparison.
        first_look: The sample for new users.
    """
    import gradio as gr

    from lib_upscalers.ui import guide_page
    from lib_upscalers.ui.compare_tab import build
    from lib_upscalers.ui.model_actions import ModelActions
    from lib_upscalers.ui.models_page import ModelsPage

    models = ModelActions(
        *(access.library, upscaler, store, file_url, upload_folder),
        *(access.may_change, access.after_change),
    )

    with gr.Blocks(analytics_enabled=False) as blocks:
        actions = CompareActions(
            *(upscaler, host, store, file_url, upload_folder),
            more=lambda: [*candidates(), *models.trials()],
            uses=uses,
            job=job,
            closing=closing,
            settings=settings,
            refresh_id=TAB_REFRESH,
            first_look=first_look,
            places=_PLACES,
        )
        with gr.Tabs():
            with gr.Tab("Comparison"):
                tab = build(actions)
                more(store, tab, actions)
            with gr.Tab(guide_page.TITLE) as guide:
                guide_page.build_guide(make_guide(actions), tab, guide)
            with gr.Tab("Models") as opened:
                ModelsPage(models, actions, tab).build(opened)
    return blocks
