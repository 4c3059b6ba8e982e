"""Fill every menu of upscalers in a WebUI's page when any refresh button is pressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.ui.gradio_compat import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HIRES_REFRESH = "upscaler_lab_hires_refresh"
EXTRAS_REFRESH = "upscaler_lab_refresh"
TAB_REFRESH = "upscaler_lab_tab_refresh"
# Ours; Forge Neo's in the Extras tab; that of our setting with a menu.
_BUTTONS = (
    *(HIRES_REFRESH, EXTRAS_REFRESH, TAB_REFRESH),
    *("refresh_upscaler", "refresh_upscaler_lab_round_trip"),
)
# Menus by what they list. Not the radio buttons of "SD upscale": Gradio 3 knows them by position.
_HIRES = ("txt2img_hr_upscaler",)
_WEBUIS = ("extras_upscaler_1", "extras_upscaler_2", "setting_upscaler_for_img2img")
_OURS = ("upscaler_lab_upscaler_1", "upscaler_lab_upscaler_2", "upscaler_lab_upscaler_3")
_ROUND_TRIP = ("setting_upscaler_lab_round_trip",)


@dataclass(frozen=True)
class Menus:
    """What the menus of the page list.

    Attributes:
        refresh: Looks for new files.
        listed: Returns the names that the menu of "Hires. fix" or "Extras" lists.
        ours: Returns the names of all upscalers of this library.
        tab: Returns the names that can be compared.
    """

    refresh: Callable[[], None]
    listed: Callable[[str], list[str]]
    ours: Callable[[], list[str]]
    tab: Callable[[], list[str]]

    def by_component(self) -> dict[str, list[str]]:
        """Return the names in each menu, by its elem_id."""
        ours = self.ours()
        return {
            **dict.fromkeys(_HIRES, self.listed("Hires. fix")),
            **dict.fromkeys(_WEBUIS, self.listed("Extras")),
            **{name: ["None", *ours] for name in _OURS},
            **dict.fromkeys(_ROUND_TRIP, ours),
            "upscaler-lab-names": self.tab(),
        }


def connect(found: Mapping[str, Any], menus: Menus) -> None:
    """Have every refresh button that is in the page fill every menu that is in it.

    Args:
        found: The page's components by their elem_ids.
        menus: What they list.
    """
    import gradio as gr

    names = [name for name in menus.by_component() if name in found]

    def refresh() -> Any:  # noqa: ANN401 - gradio's updates
        menus.refresh()
        listed = menus.by_component()
        updates: list[Any] = []
        for name in names:
            # What a page that is opened later begins with.
            found[name].choices = _like(found[name].choices, listed[name])
            updates.append(gr.update(choices=listed[name]))
        return updates if len(updates) > 1 else updates[0]

    for button in (found[name] for name in _BUTTONS if name in found):
        listen(button.click, refresh, None, [found[name] for name in names])


def arrange(component: Any, elem_id: str, listed: Callable[[str], list[str]]) -> None:  # noqa: ANN401
    """Put a menu of the WebUI's that is being built into the order that refreshes give it.

    Args:
        component: Any component of the page.
        elem_id: Its id.
        listed: As `Menus.listed`.
    """
    if elem_id not in (*_HIRES, *_WEBUIS) or not component.choices:
        return
    names = listed("Hires. fix" if elem_id in _HIRES else "Extras")
    # A value that is no choice would blank the menu.
    kept = [component.value] if component.value and component.value not in names else []
    component.choices = _like(component.choices, [*kept, *names])


def _like(choices: Sequence[Any], names: list[str]) -> list[Any]:
    """Return names as a component holds its choices: pairs from Gradio 3.41 on, or texts."""
    pairs = not choices or isinstance(choices[0], tuple)
    return [(name, name) for name in names] if pairs else list(names)
