"""Attach the values of the accordion "Latent resize" to their img2img job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import InputError
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.latents import AXIS, LATENT_RESIZE, RESIZE, LatentResize, infotext
from lib_upscalers.latent import LATENT_MODES, Finishers
from lib_upscalers.registry import unknown_name

if TYPE_CHECKING:
    from lib_upscalers.hosts.webui.options import Option

# The name in `ui.webui_controls` of the choice that changes nothing; `hosts` and `ui` do not import
# each other, and a test compares the two.
HOST_MODE = "The WebUI's own (bilinear)"
_PREFIX = "Latent resize"
# The names of the accordion's values in infotexts, in the order of its controls.
FIELDS = (
    _PREFIX,
    *(f"{_PREFIX} {name}" for name in ("sharpen", "match", "renoise", "blend with", "blend")),
)


def apply(
    p: Any,
    mode: object = None,
    sharpen: object = None,
    match: object = None,
    renoise: object = None,
    blend_with: object = None,
    blend: object = None,
) -> None:
    """Store on a job how its latent is to be resized.

    Nothing is stored if no mode of ours is chosen, or the job does not resize its latent: the WebUI
    then does what it does without us, whatever the other values are. An invalid value is stored as
    an InputError: the WebUI would only log an error raised here and continue, so it is raised where
    the latent is made.

    Args:
        p: The job.
        mode: A name in `LATENT_MODES`; `HOST_MODE` or "" for the WebUI's own way. This and all
            others may come from an API call without a check, and are None if it omits them.
        sharpen: A number, as `Finishers`' attribute.
        match: True or False, likewise.
        renoise: A number, likewise.
        blend_with: A name in `LATENT_MODES`; "None" or "" for nothing.
        blend: A number, its share.
    """
    mode = getattr(p, AXIS, None) or mode
    if p.resize_mode != LATENT_RESIZE or mode in (None, "", HOST_MODE):
        return
    try:
        resize = LatentResize(
            _mode("mode", mode), _finishers(sharpen, match, renoise, blend_with, blend)
        )
    except InputError as error:
        setattr(p, RESIZE, error)
        return
    setattr(p, RESIZE, resize)
    p.extra_generation_params.update({_PREFIX: resize.mode, **infotext(resize.finishers, _PREFIX)})


def _finishers(
    sharpen: object, match: object, renoise: object, blend_with: object, blend: object
) -> Finishers:
    """Check values of any type.

    Raises:
        InputError: One is invalid; the text names it.
    """
    nothing = blend_with in (None, "", options.NO_MODE)
    second = None if nothing else _mode("blend with", blend_with)
    share = _number("the share of the blend", blend, options.BLEND)
    return Finishers(
        blend_with=second,
        blend=share if second else 0.0,
        sharpen=_number("sharpen", sharpen, options.SHARPEN),
        match=_flag("match", match),
        renoise=_number("renoise", renoise, options.RENOISE),
    )


def _mode(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(
            f"Expected the name of a latent mode for {name} of {_PREFIX}, but got {value!r}: give "
            f"one such as {next(iter(LATENT_MODES))!r}, or leave it out."
        )
    if value not in LATENT_MODES:
        raise unknown_name(f"a latent mode for {name} of {_PREFIX}", value, LATENT_MODES)
    return value


def _number(name: str, value: object, like: Option) -> float:
    """Return a number in the range of the setting of the same meaning; 0 if it was omitted."""
    if value in (None, ""):
        return 0.0
    least, most, _ = like.limits
    number = _as_float(value)
    if number is None or not least <= number <= most:
        raise InputError(
            f"Expected a number from {least:g} to {most:g} for {name} of {_PREFIX}, but got "
            f"{value!r}: give one, or leave it out."
        )
    return number


def _as_float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _flag(name: str, value: object) -> bool:
    if value not in (None, "", False, True):
        raise InputError(
            f"Expected true or false for {name} of {_PREFIX}, but got {value!r}: give one of them, "
            "or leave it out."
        )
    return bool(value)
