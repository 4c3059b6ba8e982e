"""Combine upscalers: in a chain, or two blended; match the result's colours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Size, row_strips
from lib_upscalers.pictures.bit_depth import peak, to_depth
from lib_upscalers.progress import NULL, SubRange
from lib_upscalers.resampling.resample import resample_pixels, resample_with_alpha
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Result

    Pixels = NDArray[Any]

# Colours that differ over fewer of the small picture's pixels than this are detail, not a cast.
_CAST_PIXELS = 16


class Runner(Protocol):
    """Runs upscalers: an `Upscaler`, or a wrapper of one."""

    def run(
        self,
        picture: Picture,
        choice: Choice,
        target: Target,
        settings: Settings,
        progress: Progress,
    ) -> Result:
        """Do what `Upscaler.run` does."""
        ...


def run_chain(
    upscaler: Runner,
    picture: Picture,
    choices: Sequence[Choice],
    target: Target,
    settings: Settings,
    progress: Progress = NULL,
) -> Picture:
    """Enlarge a picture with several upscalers, each applied to the last one's result.

    A network that is not the last enlarges by its own scale; the last upscaler brings the result to
    the target. So a network of scale 1, for restoration, has to come before one that enlarges. A
    kernel enlarges to the target at once, at any place in the chain.

    Args:
        upscaler: What runs them.
        picture: What to enlarge.
        choices: With what, in order; one at least.
        target: To which size, of `picture`.
        settings: How.
        progress: Updated after every tile; can cancel within one.

    Raises:
        InputError: There is no upscaler.
        UpscalerError: One of them cannot do it.
        Cancelled: `progress` raises it.
    """
    if not choices:
        raise InputError("Expected one upscaler at least, but got none: choose one.")
    exact = Target(size=target.resolve(picture.size))
    for i, choice in enumerate(choices):
        last = i == len(choices) - 1
        goal = exact if last or choice.scale is None else Target(scale=choice.scale)
        part = SubRange(progress, i / len(choices), (i + 1) / len(choices), _step_label(choices, i))
        picture = upscaler.run(picture, choice, goal, settings, part).picture
    return picture


def run_blend(
    upscaler: Runner,
    picture: Picture,
    choices: tuple[Choice, Choice],
    share: float,
    target: Target,
    settings: Settings,
    progress: Progress = NULL,
) -> Picture:
    """Enlarge a picture with two upscalers and mix the results.

    Args:
        upscaler: What runs them.
        picture: What to enlarge.
        choices: With what.
        share: Of the second one, from 0 to 1.
        target: To which size.
        settings: How.
        progress: Updated after every tile; can cancel within one.

    Raises:
        InputError: The share is out of its range.
        UpscalerError: One of them cannot do it.
        Cancelled: `progress` raises it.
    """
    if not 0 <= share <= 1:
        raise InputError(f"Expected a share from 0 to 1, but got {share}.")
    first, second = (
        upscaler.run(
            picture,
            choice,
            target,
            settings,
            SubRange(progress, i / 2, (i + 1) / 2, _step_label(choices, i)),
        ).picture
        for i, choice in enumerate(choices)
    )
    if first.alpha is None or second.alpha is None:
        return replace(first, pixels=_mix(first.pixels, second.pixels, share))
    return _mix_with_alpha(first, second, share)


def match_colours(result: Picture, original: Picture) -> Picture:
    """Remove colour casts from an enlarged picture: its broad colours become the original's.

    What is broader than 16 of the original's pixels is taken from the original, what is finer
    stays the result's own.

    Args:
        result: The enlarged picture.
        original: What it was made of.
    """
    coarse = Size(
        max(1, original.size.width // _CAST_PIXELS), max(1, original.size.height // _CAST_PIXELS)
    )
    broad, found = (_coarse_colours(each, coarse) for each in (original, result))
    cast = resample_pixels(broad - found + 0.5, result.size, "B-spline") - np.float32(0.5)
    pixels = to_depth(result.pixels, np.float32) + cast
    return replace(result, pixels=to_depth(np.clip(pixels, 0, 1), result.pixels.dtype))


def _coarse_colours(picture: Picture, size: Size) -> Pixels:
    """Return a small float version of a picture, to which hidden colours add nothing."""
    pixels = to_depth(picture.pixels, np.float32)
    if picture.alpha is None:
        return resample_pixels(pixels, size, "Box")
    return resample_with_alpha(pixels, to_depth(picture.alpha, np.float32), size, "Box")[0]


def longest_side(size: Size, longest: int) -> Target:
    """Return the target with a longer side of that many pixels and the aspect ratio of `size`.

    Raises:
        TargetError: It makes no sense.
    """
    scale = longest / max(size.width, size.height)
    return Target(
        size=Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))
        if longest > 0
        else Size(longest, longest)
    )


def _step_label(choices: Sequence[Choice], i: int) -> str:
    return f"{choices[i].name} ({i + 1}/{len(choices)}), " if len(choices) > 1 else ""


def _mix_with_alpha(first: Picture, second: Picture, share: float) -> Picture:
    """Mix pictures with transparency: a colour counts by how much of it is seen."""
    if first.alpha is None or second.alpha is None:
        raise InputError("Expected two pictures with transparency, but got one without.")
    pixels = np.empty_like(first.pixels)
    for rows in row_strips(len(pixels), 16 * pixels[0].size):
        weights = (
            to_depth(first.alpha[rows, :, None], np.float32) * np.float32(1 - share),
            to_depth(second.alpha[rows, :, None], np.float32) * np.float32(share),
        )
        seen = weights[0] + weights[1]
        other = np.divide(weights[1], seen, out=np.full_like(seen, share), where=seen > 0)
        colours = [to_depth(each.pixels[rows], np.float32) for each in (first, second)]
        mixed = colours[0] + other * (colours[1] - colours[0])
        pixels[rows] = to_depth(mixed, pixels.dtype)
    return replace(first, pixels=pixels, alpha=_mix(first.alpha, second.alpha, share))


def _mix(first: Pixels, second: Pixels, share: float) -> Pixels:
    """Mix pixels of one shape and dtype, in float, rounded once."""
    whole = peak(first.dtype)
    mixed = first.astype(np.float32)
    mixed += np.float32(share) * (second.astype(np.float32) - mixed)
    if whole == 1:
        return mixed
    return np.rint(mixed).astype(first.dtype)
