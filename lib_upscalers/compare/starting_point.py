"""Read what generation parameters give of a picture's first pass, to begin Hires. fix from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lib_upscalers.geometry import Size

# Every WebUI of the family writes these.
_NEEDED = ("Steps", "Sampler", "Seed")
# Latents are at an eighth of a picture's size.
_MULTIPLE = 8
_MOST_SEED = 1 << 64
_MOST_STEPS = 1000


@dataclass(frozen=True)
class Made:
    """With what a picture was made, or would be now; "" where that is not known.

    Attributes:
        model: The name of the model.
        model_hash: Its short hash.
        vae: The name of the VAE's file; "" for the one in the model.
    """

    model: str = ""
    model_hash: str = ""
    vae: str = ""


@dataclass(frozen=True)
class StartingPoint:
    """What a picture's generation parameters say of its first pass.

    Attributes:
        prompt: As it was written.
        negative_prompt: Likewise.
        seed: Of the noise.
        steps: Of the first pass.
        sampler: Its name, perhaps with that of the scheduler.
        scheduler: Its name, or "".
        cfg_scale: None where it is not said.
        size: Of the first pass, in pixels.
        subseed: Of the variation; -1: none.
        subseed_strength: 0: none.
        enlarged: Whether the picture was enlarged since, so that it is not its own first pass.
        made: With what.
    """

    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    sampler: str
    scheduler: str
    cfg_scale: float | None
    size: Size
    subseed: int = -1
    subseed_strength: float = 0.0
    enlarged: bool = False
    made: Made = Made()

    @property
    def outline(self) -> str:
        """The size, the seed and so on, on one line."""
        scale = "" if self.cfg_scale is None else f", CFG {self.cfg_scale:g}"
        sampler = f"{self.sampler} {self.scheduler}".strip()
        return f"{self.size}, seed {self.seed}, {sampler}, {self.steps} steps{scale}"


def starting_point(values: Mapping[str, Any], size: Size) -> StartingPoint | None:
    """Read generation parameters.

    Args:
        values: As the WebUI parses the text: by their names in it, and the size as "Size-1" and
            "Size-2".
        size: Of the picture.

    Returns:
        None for a text that holds no generation parameters, such as another program's.

    Raises:
        InputError: A value makes no sense, or the picture can be no first pass.
    """
    if not all(values.get(name) for name in _NEEDED):
        return None
    first = _size(values, size)
    enlarged = first != size and _was_enlarged(values)
    if not enlarged:
        check_sides(size)
    strength = _number(values, "Variation seed strength", 0.0)
    return StartingPoint(
        prompt=str(values.get("Prompt", "")),
        negative_prompt=str(values.get("Negative prompt", "")),
        seed=_whole(values, "Seed", 0, _MOST_SEED),
        steps=_whole(values, "Steps", 1, _MOST_STEPS),
        sampler=str(values["Sampler"]),
        scheduler=str(values.get("Schedule type", "")),
        cfg_scale=_number(values, "CFG scale", None),
        # A picture that was cut or shrunk since is a first pass of its own size.
        size=first if enlarged else size,
        subseed=_whole(values, "Variation seed", 0, _MOST_SEED) if strength else -1,
        subseed_strength=strength or 0.0,
        enlarged=enlarged,
        made=Made(*(str(values.get(name, "")) for name in ("Model", "Model hash", "VAE"))),
    )


def check_sides(size: Size) -> None:
    """Check that a picture can be a first pass.

    Raises:
        InputError: It cannot.
    """
    if size.width % _MULTIPLE or size.height % _MULTIPLE:
        raise InputError(
            f"Expected a picture whose sides are multiples of {_MULTIPLE}, as a first pass has "
            f"them, but got {size}: cut it, or take another one."
        )


def differences(made: Made, loaded: Made) -> tuple[str, ...]:
    """Return in sentences with what the second pass would be made instead of what was used.

    Args:
        made: With what the picture was made.
        loaded: What is loaded now.
    """
    found: list[str] = []
    if made.model_hash and loaded.model_hash:
        other = made.model_hash[:10] != loaded.model_hash[:10]
    else:
        other = bool(made.model and loaded.model) and made.model != loaded.model
    if other:
        found.append(
            f"The picture was made with the model {made.model or made.model_hash}, but "
            f"{loaded.model or loaded.model_hash} is loaded: load the first one, or the second "
            "pass is the other's."
        )
    known = made.model or made.model_hash
    if known and made.vae != loaded.vae:
        own = "the VAE of its model"
        found.append(
            f"The picture was made with {_named(made.vae) or own}, but "
            f"{_named(loaded.vae) or own} is in use."
        )
    if not known:
        found.append("The picture does not say with which model it was made.")
    return tuple(found)


def _named(vae: str) -> str:
    return f"the VAE {vae}" if vae else ""


def _was_enlarged(values: Mapping[str, Any]) -> bool:
    named = ("Hires upscale", "Hires upscaler", "Hires steps")
    resized = values.get("Hires resize-1"), values.get("Hires resize-2")
    return any(values.get(name) for name in named) or any(str(side or 0) != "0" for side in resized)


def _size(values: Mapping[str, Any], size: Size) -> Size:
    if not (values.get("Size-1") and values.get("Size-2")):
        return size
    sides = (_whole(values, f"Size-{number}", 8, 1 << 20) for number in (1, 2))
    return type(size)(*sides)


def _number(values: Mapping[str, Any], name: str, otherwise: float | None) -> float | None:
    text = values.get(name)
    if text in (None, ""):
        return otherwise
    try:
        number = float(str(text))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"Expected a number as {name} in the picture's generation parameters, but got "
            f"{str(text)[:40]!r}."
        )
    return number


def _whole(values: Mapping[str, Any], name: str, least: int, most: int) -> int:
    text = str(values.get(name, ""))
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else -1
    if not least <= number <= most:
        raise InputError(
            f"Expected a whole number from {least} on as {name} in the picture's generation "
            f"parameters, but got {text[:40]!r}."
        )
    return number
