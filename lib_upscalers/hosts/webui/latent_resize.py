"""The values of the accordion "Latent resize", attached to their img2img job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import InputError
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.latents import AXIS, LATENT_RESIZE, RESIZE, LatentResize, infotext
from lib_upscalers.latent import LATENT_MODES, Finishers
from lib_upscalers.registry import unknown_name

if TYPE_CHECKING:
    from lib_upscalers.hosts.webui.options import Option

# What `ui.webui_controls` calls the choice that leaves everything to the WebUI; `hosts` and `ui`
# do not know each other, and a test compares the two.
HOST_MODE = "The WebUI's own (bilinear)"
_PREFIX = "Latent resize"
# What infotexts call the accordion's values, in the order of its controls.
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
    """Note on a job how its latent is to be resized.

    Nothing is noted where no mode of ours is chosen, or the job does not resize its latent: it
    then goes exactly the WebUI's way, whatever the other values are. What makes no sense is
    noted, too, as an InputError: the WebUI would only log an error here and go on, so it is
    raised where the latent is made.

    Args:
        p: The job.
        mode: A name in `LATENT_MODES`; `HOST_MODE` or "" for the WebUI's own way. This and all
            others come from an API call as they are, and are None where it leaves them out.
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
    """Check values that may be anything.

    Raises:
        InputError: One makes no sense; the text names it.
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
    """Return a number in the range of the setting that means the same; 0 if it was left out."""
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
