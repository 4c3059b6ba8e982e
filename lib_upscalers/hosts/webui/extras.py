"""What our script of the Extras tab does with a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lib_upscalers.combine import longest_side, match_colours, run_blend, run_chain
from lib_upscalers.errors import Cancelled, InputError
from lib_upscalers.geometry import Size
from lib_upscalers.images import from_pil, to_pil
from lib_upscalers.registry import unknown_name
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from PIL.Image import Image

    from lib_upscalers.choices import Choice
    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.images import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.upscale import Settings

NAME = "Upscaler Lab"
NONE = "None"
SIZES = ("Scale", "Exact size", "Longest side")
WAYS = ("One after another", "Blend of the first two")


@dataclass(frozen=True)
class ExtrasJob:
    """What the user asked for; the defaults are what a script that is left alone does.

    Attributes:
        upscalers: Names, in order; "None" is skipped.
        way: One of `WAYS`.
        share: Of the second one in a blend.
        size_by: One of `SIZES`.
        scale: For "Scale".
        width: For "Exact size".
        height: For "Exact size".
        longest: For "Longest side".
        tile: The largest tile; 0: the settings page's.
        precision: "auto": the settings page's.
        seamless: Whether the picture's edges belong together.
        alpha_by_network: Whether the network enlarges transparency, too.
        kernel: The final kernel.
        match_colours: Whether the original's broad colours are kept.
    """

    upscalers: tuple[str, ...]
    way: str = WAYS[0]
    share: float = 0.5
    size_by: str = SIZES[0]
    scale: float = 2.0
    width: int = 1024
    height: int = 1024
    longest: int = 2048
    tile: int = 0
    precision: str = "auto"
    seamless: bool = False
    alpha_by_network: bool = True
    kernel: str = "Lanczos"
    match_colours: bool = False

    def target(self, size: Size) -> Target:
        """Return the target for a picture of that size.

        Raises:
            TargetError: It makes no sense.
            InputError: `size_by` is none of `SIZES`.
        """
        if self.size_by == SIZES[0]:
            return Target(scale=self.scale)
        if self.size_by == SIZES[1]:
            return Target(size=Size(int(self.width), int(self.height)))
        if self.size_by == SIZES[2]:
            return longest_side(size, int(self.longest))
        raise InputError(f"Expected one of {', '.join(SIZES)}, but got {self.size_by!r}.")


def job_of(values: Mapping[str, Any]) -> ExtrasJob:
    """Return the job that the script's controls describe.

    Args:
        values: By the names of the attributes, ``upscaler_1`` to ``upscaler_3`` for the names;
            None where an API call leaves something out.
    """
    given = {name: value for name, value in values.items() if value is not None}
    names = tuple(str(given.pop(f"upscaler_{i}", NONE)) for i in (1, 2, 3))
    return ExtrasJob(names, **given)


def enlarge(engine: Engine, image: Image, job: ExtrasJob) -> tuple[Image, dict[str, str]]:
    """Do what the user asked for.

    Args:
        engine: What does the work.
        image: Of any mode.
        job: What to do.

    Returns:
        The result, and what an infotext should say of it. `image` itself and nothing, where no
        upscaler was chosen or the user stopped the work.

    Raises:
        UpscalerError: It cannot be done; the text says why.
    """
    names = [name for name in job.upscalers if name not in {"", NONE}]
    if not names:
        return image, {}
    if job.way not in WAYS:
        raise InputError(f"Expected one of {', '.join(WAYS)}, but got {job.way!r}.")
    choices = [choose(engine, name) for name in names]
    picture = from_pil(image)
    try:
        with engine.job(names[0] if len(names) == 1 else "") as progress:
            result = _run(engine, picture, choices, job, progress)
    except Cancelled:
        return image, {}
    enlarged = to_pil(result)
    enlarged.info = dict(image.info)
    return enlarged, _infotext(names, job)


def choose(engine: Engine, name: str) -> Choice:
    """Return the upscaler of that name; never a file that is only named by its path.

    Raises:
        UnknownNameError: There is none; the text suggests the nearest.
    """
    choices = {choice.name: choice for choice in engine.upscaler.choices()}
    if name not in choices:
        raise unknown_name("an upscaler", name, choices)
    return choices[name]


def _run(
    engine: Engine, picture: Picture, choices: list[Choice], job: ExtrasJob, progress: Progress
) -> Picture:
    settings = _settings(engine, job)
    target = job.target(picture.size)
    upscaler = engine.upscaler
    if job.way == WAYS[1] and len(choices) > 1:
        pair = (choices[0], choices[1])
        result = run_blend(upscaler, picture, pair, job.share, target, settings, progress)
    else:
        result = run_chain(upscaler, picture, choices, target, settings, progress)
    return match_colours(result, picture) if job.match_colours else result


def _settings(engine: Engine, job: ExtrasJob) -> Settings:
    padding: Literal["wrap", "none"] = "wrap" if job.seamless else "none"
    alpha: Literal["network", "kernel"] = "network" if job.alpha_by_network else "kernel"
    settings = engine.settings(tile=int(job.tile) or None, precision=job.precision)
    return replace(settings, padding=padding, alpha=alpha, kernel=job.kernel)


def _infotext(names: list[str], job: ExtrasJob) -> dict[str, str]:
    said = {
        f"Postprocess upscaler {i + 1}" if i else "Postprocess upscaler": name
        for i, name in enumerate(names)
    }
    if job.way == WAYS[1] and len(names) > 1:
        said["Postprocess blend"] = f"{job.share:g}"
    if job.size_by == SIZES[0]:
        said["Postprocess upscale by"] = f"{job.scale:g}"
    elif job.size_by == SIZES[1]:
        said["Postprocess upscale to"] = f"{int(job.width)}x{int(job.height)}"
    else:
        said["Postprocess longest side"] = str(int(job.longest))
    if job.match_colours:
        said["Postprocess colours"] = "matched"
    return said
