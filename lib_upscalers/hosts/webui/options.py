"""Declare the settings section "Upscaler Lab", and read its values."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from lib_upscalers.errors import InputError
from lib_upscalers.hosts.webui.former_options import carry_over
from lib_upscalers.hosts.webui.host_modules import host_module, setting
from lib_upscalers.jobs.sources import to_path
from lib_upscalers.latent import LATENT_MODES, Finishers
from lib_upscalers.upscaling.settings import ENGINE_SETTINGS, Settings, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lib_upscalers.upscaling.settings import EngineSetting

_log = logging.getLogger("lib_upscalers")

SECTION = ("upscaler_lab", "Upscaler Lab")
_CATEGORY = "postprocessing"
NO_MODE = "None"
_TWINS = "The WebUI has these itself:"
Widget = Literal["lines", "slider", "radio", "dropdown", "check", "checks"]


@dataclass(frozen=True)
class Option:
    """One setting.

    Attributes:
        key: Its name in the WebUI's settings file.
        label: Its label on the page.
        default: Its value until the user changes it.
        widget: The kind of component.
        info: A remark, in brackets after the label.
        automatic: What 0 or "auto" means; "" if neither is special.
        infotext: Its name in infotexts; "" if it does not change the picture.
        choices: For radio, dropdown and checks.
        limits: For a slider: least, most, step.
        closed: Whether a value that is none of the choices is replaced by the default.
    """

    key: str
    label: str
    default: Any
    widget: Widget
    info: str = ""
    automatic: str = ""
    infotext: str = ""
    choices: tuple[str, ...] = ()
    limits: tuple[float, float, float] = (0, 1, 0.05)
    closed: bool = False


def _engine_option(setting: EngineSetting) -> Option:
    """Return the option of a setting of the engine; a slider's 0 is the automatic value."""
    number = setting.kind == "number"
    widgets: Mapping[str, Widget] = {"number": "slider", "flag": "check", "choice": "radio"}
    return Option(
        f"upscaler_lab_{setting.name}",
        setting.label,
        0 if number else setting.default,
        "dropdown" if setting.registry else widgets[setting.kind],
        setting.help,
        automatic=setting.automatic,
        choices=setting.choices(),
        limits=(0, *setting.slider),
        closed=True,
    )


FOLDERS = Option(
    "upscaler_lab_folders",
    "More folders with networks",
    "",
    "lines",
    "one a line; folders in them are looked through, too",
)
ENGINE: Mapping[str, Option] = MappingProxyType(
    {setting.name: _engine_option(setting) for setting in ENGINE_SETTINGS}
)
CACHE = Option(
    "upscaler_lab_cache",
    "Keep loaded networks, in MB",
    1024,
    "slider",
    "the next picture need not wait for the file",
    limits=(0, 16384, 128),
)
UNLOAD = Option(
    "upscaler_lab_unload",
    "Let go of networks after each picture",
    False,  # noqa: FBT003 - the default of a check box
    "check",
    "for little memory",
)
HOST_NETWORKS = Option(
    "upscaler_lab_host_networks",
    "Run the WebUI's own neural upscalers through this engine",
    False,  # noqa: FBT003
    "check",
    "same names and places, but faster, in RGB, with transparency; stops within a tile",
)
TAB = Option(
    "upscaler_lab_tab_name",
    "Name of the tab",
    "Upscaler Lab",
    "radio",
    "after Reload UI; the short one where many tabs stand in a row",
    choices=("Upscaler Lab", "Lab"),
    closed=True,
)
RARE_KERNELS = Option(
    "upscaler_lab_rare_kernels",
    "List rarely used kernels as upscalers, too",
    False,  # noqa: FBT003
    "check",
    "after the networks; Nearest, Bicubic, Mitchell and Lanczos are always listed",
)
RARE_MODES = Option(
    "upscaler_lab_rare_latent_modes",
    "List rarely used latent modes, too",
    False,  # noqa: FBT003
    "check",
    "in the Hires. fix dropdown, which its refresh button renews",
)
# The names that are hidden, not those that are listed: the WebUI stores every default, and a mode
# that an update adds would never be listed.
HIDDEN_MODES = Option(
    "upscaler_lab_hidden_latent_modes",
    "Latent modes to hide",
    [],
    "checks",
    "in the Hires. fix dropdown, which its refresh button renews",
    choices=tuple(LATENT_MODES),
)
FIRST_MODES = Option(
    "upscaler_lab_first_latent_modes",
    "Latent modes to list first",
    [],
    "checks",
    "your favourites, rarely used ones, too",
    choices=tuple(LATENT_MODES),
)
ROUND_TRIP = Option(
    "upscaler_lab_round_trip",
    "Upscaler of the mode Latent (TAESD)",
    "Lanczos",
    "dropdown",
    "the name of any upscaler",
)
BLEND_WITH = Option(
    "upscaler_lab_blend_with",
    "Hires. fix: blend with latent mode",
    NO_MODE,
    "dropdown",
    infotext="Latent blend with",
    choices=(NO_MODE, *LATENT_MODES),
)
BLEND = Option(
    "upscaler_lab_blend",
    "Hires. fix: share of that mode",
    0.0,
    "slider",
    infotext="Latent blend",
)
SHARPEN = Option(
    "upscaler_lab_sharpen",
    "Hires. fix: sharpen the latent",
    0.0,
    "slider",
    "amount of unsharp masking",
    infotext="Latent sharpen",
    limits=(0, 2, 0.05),
)
MATCH = Option(
    "upscaler_lab_match",
    "Hires. fix: match the small latent's mean and variance",
    False,  # noqa: FBT003
    "check",
    infotext="Latent match",
)
RENOISE = Option(
    "upscaler_lab_renoise",
    "Hires. fix: renoise the latent",
    0.0,
    "slider",
    "seeded noise in the frequencies that the small latent lacks; 0.75 is a good start",
    infotext="Latent renoise",
    limits=(0, 2, 0.05),
)
OPTIONS = (
    *(TAB, FOLDERS, *ENGINE.values(), CACHE, UNLOAD, HOST_NETWORKS, RARE_KERNELS),
    *(
        RARE_MODES,
        HIDDEN_MODES,
        FIRST_MODES,
        ROUND_TRIP,
        BLEND_WITH,
        BLEND,
        SHARPEN,
        MATCH,
        RENOISE,
    ),
)
_OF_MODES = (HIDDEN_MODES, FIRST_MODES)
FINISHERS = (BLEND_WITH, BLEND, SHARPEN, MATCH, RENOISE)


# No setting comes near; NaN, infinity and numbers of hundreds of digits are above.
_MOST = 1 << 53


def value(option: Option) -> Any:
    """Return a setting's value; if it is invalid, log that and return the default."""
    found = setting(option.key, option.default)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        fits = type(found) is type(option.default)
    else:
        number = isinstance(option.default, (int, float)) and not isinstance(option.default, bool)
        fits = number and abs(found) < _MOST
    if fits and (not option.closed or not option.choices or found in option.choices):
        return found
    _log.warning(
        "Expected the setting %r to be like %r, but got %r: %r is used instead.",
        *(option.label, option.default, found, option.default),
    )
    return option.default


def folders() -> list[Path]:
    """Return the folders that the user named."""
    lines: list[str] = [line.strip().strip('"') for line in str(value(FOLDERS)).splitlines()]
    return [to_path(line) for line in lines if line]


def settings() -> Settings:
    """Return the engine's settings for jobs that choose none."""
    return Settings(**chosen({name: value(option) for name, option in ENGINE.items()}))


def modes() -> list[str]:
    """Return the latent modes to list, in menu order: favourites first."""
    hidden, first, rare_too = value(HIDDEN_MODES), value(FIRST_MODES), value(RARE_MODES)
    listed = [
        name
        for name, mode in LATENT_MODES.items()
        if name not in hidden and (rare_too or not mode.rare or name in first)
    ]
    return sorted(listed, key=lambda name: name not in first)


def finishers() -> Finishers:
    """Return the finishers for latents that Hires. fix enlarged.

    Raises:
        InputError: A number is out of its range, or the mode to blend with does not exist.
    """
    name: str = value(BLEND_WITH)
    if name != NO_MODE and name not in LATENT_MODES:
        raise InputError(
            f"Expected the setting {BLEND_WITH.label!r} to name a latent mode, but got {name!r}; "
            "choose another in Settings, Upscaler Lab."
        )
    return Finishers(
        blend_with=None if name == NO_MODE else name,
        blend=0.0 if name == NO_MODE else float(value(BLEND)),
        sharpen=float(value(SHARPEN)),
        match=value(MATCH),
        renoise=float(value(RENOISE)),
    )


def declare(
    components: Mapping[Widget, Any],
    changed: Mapping[str, Callable[[], None]],
    more: Mapping[str, Callable[[], list[str]]],
    refresh: Callable[[], None],
    theirs: Mapping[str, str],
) -> None:
    """Add all settings to the WebUI's page of settings.

    Args:
        components: The gradio component of each kind of widget.
        changed: Functions to call when a setting was changed, by key.
        more: Functions that return the choices of those dropdowns that depend on files, by key.
        refresh: Searches for new files.
        theirs: Those of our latent modes that the WebUI has itself, with its names for them.
    """
    shared = host_module("shared")
    carry_over(shared.opts.data)
    for option in _OF_MODES:
        # A value that is no choice cannot be applied in Gradio 4.
        stored = shared.opts.data.get(option.key)
        if isinstance(stored, list):
            shared.opts.data[option.key] = [each for each in stored if each not in theirs]
    info_class = host_module("options").OptionInfo
    for option in OPTIONS:
        info = info_class(
            option.default,
            option.label,
            components[option.widget],
            _arguments(option, more.get(option.key), theirs),
            onchange=changed.get(option.key),
            section=SECTION,
            category_id=_CATEGORY,
            refresh=refresh if option.key in more else None,
            infotext=option.infotext or None,
        )
        for remark in (_remark(option), _explain_twins(theirs) if option in _OF_MODES else ""):
            if remark:
                info.info(remark)
                info.comment_after += " "
        shared.opts.add_option(option.key, info)


def _remark(option: Option) -> str:
    """Return a setting's remark, as HTML in which each text is one that a WebUI translates.

    A WebUI looks up whole text nodes, and puts the remark into brackets.
    """
    remark = f"<span>{option.info}</span>" if option.info else ""
    if option.automatic:
        automatic = "<span>auto</span>" if option.widget == "radio" else 0
        remark += f"; {automatic}: <span>{option.automatic}</span>"
    return remark


def _explain_twins(theirs: Mapping[str, str]) -> str:
    """Return a remark, as HTML, on the modes that are no choices because the WebUI has them."""
    named = ", ".join(
        name if name == other else f"{name} = {other}" for name, other in theirs.items()
    )
    return f"<span>{_TWINS}</span> {named}" if named else ""


def _arguments(
    option: Option, choices: Callable[[], list[str]] | None, theirs: Mapping[str, str]
) -> Any:
    """Return the arguments of a setting's component, or a function that makes them on demand."""
    if option in _OF_MODES:
        return {"choices": [name for name in option.choices if name not in theirs]}
    if choices is not None:
        return lambda: {"choices": choices()}
    if option.widget == "slider":
        least, most, step = option.limits
        return {"minimum": least, "maximum": most, "step": step}
    if option.widget == "lines":
        return {"lines": 3}
    return {"choices": list(option.choices)} if option.choices else {}
