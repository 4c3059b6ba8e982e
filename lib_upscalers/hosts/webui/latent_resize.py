"""What the accordion "Latent resize" says, hung on the img2img job that it is meant for."""

from __future__ import annotations

from typing import Any

from lib_upscalers.hosts.webui.latents import AXIS, LATENT_RESIZE, RESIZE, LatentResize, infotext
from lib_upscalers.latent import LATENT_MODES, Finishers

_PREFIX = "Latent resize"
# What infotexts call the accordion's values, in the order of its controls.
FIELDS = (
    _PREFIX,
    *(f"{_PREFIX} {name}" for name in ("sharpen", "match", "renoise", "blend with", "blend")),
)


def apply(
    p: Any,
    mode: str | None = None,
    sharpen: float | None = None,
    match: bool | None = None,  # noqa: FBT001
    renoise: float | None = None,
    blend_with: str | None = None,
    blend: float | None = None,
) -> None:
    """Note on a job how its latent is to be resized.

    Nothing is noted where no mode of ours is chosen, or the job does not resize its latent: it
    then goes exactly the WebUI's way. What makes no sense is noted, too: the WebUI would only log
    an error here and go on, so it is raised where the latent is made.

    Args:
        p: The job.
        mode: As all others, None where an API call leaves it out.
        sharpen: As `Finishers`' attributes, and so on.
        match: Likewise.
        renoise: Likewise.
        blend_with: Likewise, or "None".
        blend: Likewise.
    """
    mode = getattr(p, AXIS, None) or mode
    if not mode or p.resize_mode != LATENT_RESIZE or _is_hosts(mode):
        return
    second = None if not blend_with or blend_with == "None" else blend_with
    try:
        LATENT_MODES[mode]
        finishers = Finishers(
            blend_with=second,
            blend=float(blend or 0) if second else 0.0,
            sharpen=float(sharpen or 0),
            match=bool(match),
            renoise=float(renoise or 0),
        )
    except ValueError as error:
        setattr(p, RESIZE, error)
        return
    setattr(p, RESIZE, LatentResize(mode, finishers))
    p.extra_generation_params.update({_PREFIX: mode, **infotext(finishers, _PREFIX)})


def _is_hosts(mode: str) -> bool:
    return mode not in LATENT_MODES and mode.startswith("The WebUI")
