"""Build the tab "Upscaler Lab" in a WebUI: the comparison, connected to the other tabs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import InputError
from lib_upscalers.ui.compare_actions import CompareActions, Use
from lib_upscalers.ui.gradio_compat import file_url, listen, upload_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from contextlib import AbstractContextManager

    from lib_upscalers.compare.candidate import Candidate
    from lib_upscalers.compare.store import Store
    from lib_upscalers.host import Host
    from lib_upscalers.ui.compare_tab import Tab
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Upscaler

TITLE, ELEM_ID = "Upscaler Lab", "upscaler_lab"
# The WebUI's own function selects the picture that is shown large.
_SEND = """(gallery) => {
    const buttons = [...gradioApp().querySelectorAll("#tabs button")];
    buttons.find((each) => each.textContent.trim() === "Upscaler Lab")?.click();
    return extract_image_from_gallery(gallery);
}"""


@dataclass
class HostComponents:
    """The WebUI's own components that the tab is connected to, collected as they are made.

    Attributes:
        found: By their elem_id.
        senders: Our buttons below galleries, with the elem_id of the gallery.
    """

    found: dict[str, Any] = field(default_factory=dict[str, Any])
    senders: list[tuple[Any, str]] = field(default_factory=list[tuple[Any, str]])

    def note(self, component: Any, elem_id: str, button: Callable[[str], Any]) -> None:  # noqa: ANN401
        """Record a component.

        Args:
            component: The new component.
            elem_id: Its name in the page.
            button: Makes a small button of that elem_id at this place of the page.
        """
        self.found[elem_id] = component
        if elem_id.endswith("_send_to_extras"):
            name = elem_id.removesuffix("_send_to_extras")
            self.senders.append((button(f"{name}_send_to_upscaler_lab"), f"{name}_gallery"))

    def uses(
        self, set_img2img: Callable[[str], None], listed: Callable[[str], Collection[str]]
    ) -> list[Use]:
        """Return the other uses of a compared upscaler in the WebUI.

        Args:
            set_img2img: Sets and saves the upscaler of img2img.
            listed: Returns the names that the menu of "Extras", "Hires. fix" or "img2img" lists.
        """

        def checked(place: str, name: str) -> str:
            # A name that is not listed would blank the menu, and the next job would fail.
            if name not in listed(place):
                raise InputError(
                    f"Expected an upscaler that {place} lists, but {name!r} is none here: use "
                    "another one, or the script Upscaler Lab of the Extras tab."
                )
            return name

        def extras(name: str, scale: float) -> list[Any]:
            return [checked("Extras", name), scale]

        def hires(name: str, scale: float) -> list[Any]:
            return [checked("Hires. fix", name), scale]

        def img2img(name: str, scale: float) -> list[Any]:
            set_img2img(checked("img2img", name))
            return [scale]

        places = [
            ("Extras", ["extras_upscaler_1", "extras_upscaling_resize"], extras, "extras"),
            ("Hires. fix", ["txt2img_hr_upscaler", "txt2img_hr_scale"], hires, "txt2img"),
            ("img2img (saves its setting)", ["img2img_scale"], img2img, "img2img"),
        ]
        return [
            Use(label, [self.found[name] for name in names], fill, f"() => switch_to_{tab}()")
            for label, names, fill, tab in places
            if all(name in self.found for name in names)
        ]

    def join(self, tab: Tab, read: Callable[..., Any]) -> None:
        """Let our buttons below the galleries send pictures to the tab.

        Args:
            tab: The tab.
            read: Makes an image of the value of the page's script.
        """
        for button, gallery in self.senders:
            if gallery in self.found:
                listen(button.click, read, [self.found[gallery]], [tab.picture], js=_SEND)
        self.senders.clear()


def build_tab(
    upscaler: Upscaler,
    host: Host,
    store: Store,
    candidates: Callable[[], Sequence[Candidate]],
    job: Callable[[], AbstractContextManager[Callable[[], bool]]],
    uses: Sequence[Use],
    settings: Callable[[], Settings],
    more: Callable[[Store, Tab], None],
) -> Any:  # noqa: ANN401 - gradio's blocks, for the WebUI
    """Build the tab.

    Args:
        upscaler: Runs the upscalers.
        host: The WebUI.
        store: Stores the files.
        candidates: Further candidates.
        job: As `CompareActions.job`.
        uses: As `CompareActions.uses`.
        settings: As `CompareActions.settings`.
        more: Adds further controls below the comparison, and connects the tab to the page around.
    """
    import gradio as gr

    from lib_upscalers.ui.compare_tab import build

    with gr.Blocks(analytics_enabled=False) as blocks:
        actions = CompareActions(
            *(upscaler, host, store, file_url, upload_folder),
            more=candidates,
            uses=uses,
            job=job,
            settings=settings,
        )
        more(store, build(actions))
    return blocks
