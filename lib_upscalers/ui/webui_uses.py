"""Use a compared upscaler elsewhere in a WebUI: in Extras, Hires. fix, img2img."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.latent import LATENT_MODES
from lib_upscalers.ui.result_use import Use

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from lib_upscalers.ui.result_use import Used

_MOST_HIRES_SCALE = 4.0
# The place whose menu has all upscalers of this library: our script in the Extras tab.
OURS = "Upscaler Lab"
_UNLISTED = "This WebUI does not list it there."
_SHOW = """() => {{
    switch_to_{tab}();
    for (const button of document.querySelectorAll("{buttons}")) button.click();
    setTimeout(() => document.querySelector("{place}")?.scrollIntoView({{block: "center"}}), 400);
}}"""


@dataclass(frozen=True)
class Places:
    """The WebUI's page, as far as results are used in it.

    Attributes:
        found: Its components by their elem_ids.
        listed: Returns the names that the menu of "Hires. fix", "img2img" or `OURS` lists.
        picture_of: Returns the input of a tab's picture, by the tab's name; None where it has none.
        as_picture: Returns a picture's file as such an input takes it.
        set_img2img: Makes an upscaler that of img2img, and saves this setting.
    """

    found: Mapping[str, Any]
    listed: Callable[[str], Collection[str]]
    picture_of: Callable[[str], Any]
    as_picture: Callable[[Any, Any], Any]
    set_img2img: Callable[[str], None]

    def uses(self) -> list[Use]:
        """Return the uses whose controls are in the page."""
        every = [self._extras(), self._hires(), self._img2img()]
        return [use for use in every if use is not None]

    def _found(self, *names: str) -> list[Any] | None:
        """Return components; None if one of them is not in the page."""
        return [self.found[name] for name in names] if all(map(self.found.get, names)) else None

    def _picture(self, tab: str) -> list[Any]:
        component = self.picture_of(tab)
        return [] if component is None else [component]

    def _with_picture(self, used: Used, tab: str, values: Sequence[Any]) -> list[Any]:
        component = self.picture_of(tab)
        first = [] if component is None else [self.as_picture(component, used.picture)]
        return [*first, *values]

    def _extras(self) -> Use | None:
        names = [f"upscaler_lab_upscaler_{number}" for number in (1, 2, 3)]
        size = ("upscaler_lab_size_by", "upscaler_lab_scale")
        ours = self._found("upscaler_lab_extras-checkbox", *names, *size)
        if ours is None:
            return None
        theirs = self._found("extras_upscale-checkbox") or []

        def fill(used: Used) -> list[Any]:
            values = [True, used.name, "None", "None", "Scale", used.scale]
            return self._with_picture(used, "extras", [*values, *([False] * len(theirs))])

        known: set[str] = set()

        def refuse(name: str) -> str:
            if name in LATENT_MODES:
                return "Extras enlarges pictures, not latents."
            if name not in known:
                # Searched for only then: that takes time, and each entry asks.
                known.update(self.listed(OURS))
            return "" if name in known else _UNLISTED

        js = _SHOW.format(
            tab="extras",
            buttons="#mode_extras > .tab-nav > button:first-child",
            place="#upscaler_lab_extras",
        )
        told = "Set in Extras, under Upscaler Lab: {name}, {scale}x, with the picture."
        return Use("Extras", [*self._picture("extras"), *ours, *theirs], fill, refuse, js, told)

    def _hires(self) -> Use | None:
        menu = ("txt2img_hr-checkbox", "txt2img_hr_upscaler", "txt2img_hr_scale")
        found = self._found(*menu, "txt2img_hr_resize_x", "txt2img_hr_resize_y")
        if found is None:
            return None

        second_pass = self._found("txt2img_denoising_strength", "txt2img_hires_steps") or []

        def fill(used: Used) -> list[Any]:
            import gradio as gr

            if used.strength is None:
                scale = min(max(used.scale, 1.0), _MOST_HIRES_SCALE)
                return [True, used.name, scale, 0, 0, *[gr.update() for _ in second_pass]]
            # A finished picture was made with the size that is set there.
            values = [used.strength, used.steps] if second_pass else []
            return [True, used.name, *[gr.update() for _ in range(3)], *values]

        js = _SHOW.format(tab="txt2img", buttons="#none", place="#txt2img_hr")
        told = "Set in txt2img: Hires. fix is on, with {name}, {scale}x."
        return Use(
            "Hires. fix", [*found, *second_pass], fill, self._unlisted("Hires. fix"), js, told
        )

    def _img2img(self) -> Use | None:
        found = self._found("img2img_scale")
        if found is None:
            return None

        def fill(used: Used) -> list[Any]:
            self.set_img2img(used.name)
            return self._with_picture(used, "img2img", [used.scale])

        js = _SHOW.format(
            tab="img2img",
            buttons="#img2img_tabs_resize > .tab-nav > button:nth-child(2)",
            place="#img2img_tabs_resize",
        )
        told = "Set in img2img: {scale}x, with the picture; saved as its upscaler: {name}."
        outputs = [*self._picture("img2img"), *found]
        label = "img2img (saves its setting)"
        return Use(label, outputs, fill, self._unlisted("img2img"), js, told)

    def _unlisted(self, place: str) -> Callable[[str], str]:
        def refuse(name: str) -> str:
            # A name that a menu does not list blanks it, and the next job fails.
            return "" if name in self.listed(place) else _UNLISTED

        return refuse
