"""Show in Extras what two ticked upscaling scripts do together: their order, the final size."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from lib_upscalers.errors import UpscalerError
from lib_upscalers.geometry import Size
from lib_upscalers.ui.gradio_compat import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOTE, PAGE = "upscaler_lab_extras_order", "upscaler_lab_extras_page"
_NONE = ("None", "", None)
# The WebUI's controls, then ours, in the order of the fields of `Choices`; the last is filled by
# the page: the chosen tab of the WebUI's size, and the picture's size.
INPUTS = (
    *("extras_upscale-checkbox", "extras_upscaler_1", "extras_upscaling_resize"),
    *("extras_upscale_max_side_length", "extras_upscaling_resize_w", "extras_upscaling_resize_h"),
    *("extras_upscaling_crop", "upscaler_lab_extras-checkbox", "upscaler_lab_upscaler_1"),
    *("upscaler_lab_upscaler_2", "upscaler_lab_upscaler_3", "upscaler_lab_size_by"),
    *("upscaler_lab_scale", "upscaler_lab_width", "upscaler_lab_height", "upscaler_lab_longest"),
    PAGE,
)
# Changes of these are no changes of an input.
_MORE = ("extras_image", "extras_scale_by_tab", "extras_scale_to_tab")
# Gradio hands over the inputs and then the outputs, and calls before it shows a change
# (Blocks.svelte of 3.41 and 4.40); a picture has its size when it is decoded.
READ_PAGE = """async (...values) => {
    await new Promise((shown) => setTimeout(shown));
    const picture = document.querySelector("#extras_image img");
    await picture?.decode().catch(() => {});
    const tabs = [...document.querySelectorAll("#extras_resize_mode > .tab-nav > button")];
    const tab = Math.max(0, tabs.findIndex((each) => each.classList.contains("selected")));
    const size = picture ? `${picture.naturalWidth} ${picture.naturalHeight}` : "0 0";
    return [...values.slice(0, COUNT), `${tab} ${size}`];
}""".replace("COUNT", str(len(INPUTS) - 1))
_STEP = 8
_BOTH = "Both scripts are ticked:"
_HINT = "One of them usually suffices: untick the other."


class Choices(NamedTuple):
    """The values of `INPUTS`."""

    theirs: bool
    upscaler: str
    scale: float
    most: float
    width: float
    height: float
    crop: bool
    ours: bool
    upscaler_1: str
    upscaler_2: str
    upscaler_3: str
    size_by: str
    our_scale: float
    our_width: float
    our_height: float
    longest: float
    page: str

    @property
    def both(self) -> bool:
        """Whether both scripts will enlarge the picture."""
        names = (self.upscaler_1, self.upscaler_2, self.upscaler_3)
        used = any(name not in _NONE for name in names)
        return bool(self.theirs and self.ours and self.upscaler not in _NONE and used)

    def seen(self) -> tuple[bool, Size | None]:
        """Return whether the WebUI's size is exact, and the picture's size if there is one."""
        parts = [int(part) for part in str(self.page).split() if part.isdecimal()]
        tab, width, height = parts if len(parts) == 3 else (0, 0, 0)
        return tab == 1, Size(width, height) if width and height else None

    def by_webui(self, size: Size, *, exact: bool) -> Size:
        """Return the size that the WebUI's script gives (postprocessing_upscale.py:90-122)."""
        if exact:
            target = Size(int(self.width), int(self.height))
            if self.crop:
                return target
            return _scaled(size, max(target.width / size.width, target.height / size.height))
        longest = max(size.width, size.height)
        limited = bool(self.most) and longest * self.scale > self.most
        return _scaled(size, self.most / longest if limited else self.scale)


def _scaled(size: Size, scale: float) -> Size:
    """Return a size as the WebUI's upscalers make it: in whole multiples of 8 (upscaler.py:56)."""
    sides = (int(side * scale // _STEP * _STEP) for side in (size.width, size.height))
    return Size(*sides)


def describe(
    choices: Choices,
    target: Callable[[Size, str, float, float, float, float], Size],
    *,
    ours_first: bool,
) -> str:
    """Return a line of HTML on what both do together; "" unless both are ticked and do something.

    Args:
        choices: The values of the controls.
        target: Returns the size that our script gives, from a picture's size and its own controls.
        ours_first: Whether our script runs before the WebUI's.
    """
    if not choices.both:
        return ""
    exact, size = choices.seen()

    def ours(before: Size) -> Size:
        numbers = (choices.our_scale, choices.our_width, choices.our_height, choices.longest)
        return target(before, choices.size_by, *numbers)

    def theirs(before: Size) -> Size:
        return choices.by_webui(before, exact=exact)

    steps = [("Upscale", theirs), ("Upscaler Lab", ours)]
    parts = [] if size is None else [_words(size)]
    try:
        for name, step in reversed(steps) if ours_first else steps:
            size = None if size is None else step(size)
            parts.append(name if size is None else f"{name} → {_words(size)}")
    except UpscalerError as error:
        parts.append(escape(str(error)))
    return f"<small><b><span>{_BOTH}</span></b> {' → '.join(parts)}. <span>{_HINT}</span></small>"


def _words(size: Size) -> str:
    return f"{size.width} x {size.height}"


def connect(
    found: Mapping[str, Any],
    target: Callable[[Size, str, float, float, float, float], Size],
    ours_first: Callable[[], bool],
) -> None:
    """Have the line follow the controls, where the page has them all.

    Args:
        found: The page's components by their elem_ids.
        target: As in `describe`.
        ours_first: Returns whether our script runs before the WebUI's.
    """
    if not all(name in found for name in (*INPUTS, NOTE)):
        return
    inputs = [found[name] for name in INPUTS]

    def show(*values: Any) -> str:  # noqa: ANN401 - of the controls
        return describe(Choices(*values), target, ours_first=ours_first())

    for name in (*INPUTS[:-1], *_MORE):
        component = found.get(name)
        event = getattr(component, "change", None) or getattr(component, "select", None)
        if event is not None:
            listen(event, show, inputs, [found[NOTE]], js=READ_PAGE)
