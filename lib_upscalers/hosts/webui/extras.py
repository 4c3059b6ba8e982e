"""Run jobs of the script in the Extras tab and of the API: chains, blends, sizes, infotexts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import Cancelled, InputError
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.fault_log import faults_logged
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.scaler import resize_when_stopped
from lib_upscalers.pictures.picture import from_pil, to_pil
from lib_upscalers.registry import unknown_name
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.combine import longest_side, match_colours, run_blend, run_chain
from lib_upscalers.upscaling.settings import ENGINE_SETTINGS, chosen, form_names
from lib_upscalers.upscaling.upscaler import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.combine import Runner
    from lib_upscalers.upscaling.settings import Settings

NAME = "Upscaler Lab"
NONE = "None"
SIZES = ("Scale", "Exact size", "Longest side")
_WHOLE = "whole picture"
WAYS = ("One after another", "Blend of the first two")


@dataclass(frozen=True)
class ExtrasJob:
    """One job; the defaults are the initial values of the script's controls.

    Attributes:
        upscalers: Names, in order; without one, nothing is done.
        way: One of `WAYS`.
        share: Of the second one in a blend.
        size_by: One of `SIZES`.
        scale: For "Scale".
        width: For "Exact size".
        height: For "Exact size".
        longest: For "Longest side".
        match_colours: Whether the result gets the broad colours of the original.
        engine: The engine's settings that it chooses, by name; others are the settings page's.
        journal: Whether "Batch from Directory" keeps a journal and goes on.
    """

    upscalers: tuple[str, ...]
    way: str = WAYS[0]
    share: float = 0.5
    size_by: str = SIZES[0]
    scale: float = 2.0
    width: int = 1024
    height: int = 1024
    longest: int = 2048
    match_colours: bool = False
    engine: Mapping[str, Any] = field(default_factory=dict[str, Any])
    journal: bool = False

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
        values: By the names of the attributes, ``upscaler_1`` to ``upscaler_3`` for the names, of
            which "None" is skipped, and for the engine's settings as `chosen` takes them; None if
            an API call omits one.

    Raises:
        InputError: A setting of the engine is chosen twice.
    """
    engine = form_names()
    given = {
        name: value for name, value in values.items() if value is not None and name not in engine
    }
    names = [str(given.pop(f"upscaler_{i}", NONE)) for i in (1, 2, 3)]
    used = tuple(name for name in names if name not in {"", NONE})
    return ExtrasJob(used, **given, engine=chosen(values))


@dataclass(frozen=True)
class ExtrasPlan:
    """A job with its upscalers found and its settings resolved, for any number of pictures.

    Attributes:
        job: What the user asked for.
        choices: Its upscalers, one at least.
        settings: How they run.
    """

    job: ExtrasJob
    choices: tuple[Choice, ...]
    settings: Settings

    @property
    def title(self) -> str:
        """The title of the progress; "" for several upscalers, whose names it shows one by one."""
        return self.choices[0].name if len(self.choices) == 1 else ""

    def run(self, upscaler: Runner, picture: Picture, target: Target, progress: Progress) -> Result:
        """Enlarge a picture.

        Args:
            upscaler: Runs the upscalers.
            picture: What to enlarge.
            target: To which size, from the job's `target`.
            progress: Updated after every tile.

        Returns:
            The result, with the cost of all upscalers together.

        Raises:
            UpscalerError: It cannot be done; the text says why.
            Cancelled: `progress` raises it.
        """
        start = time.perf_counter()
        counting = _Counting(upscaler)
        result = self._run(counting, picture, target, progress)
        if self.job.match_colours:
            result = match_colours(result, picture)
        return counting.total(result, time.perf_counter() - start)

    def _run(
        self, upscaler: Runner, picture: Picture, target: Target, progress: Progress
    ) -> Picture:
        choices, settings = self.choices, self.settings
        if self.job.way == WAYS[1] and len(choices) > 1:
            pair, share = (choices[0], choices[1]), self.job.share
            return run_blend(upscaler, picture, pair, share, target, settings, progress)
        return run_chain(upscaler, picture, choices, target, settings, progress)


class _Counting:
    """Adds up the cost of upscalers. Implements `Runner`.

    Args:
        upscaler: Runs them.
    """

    def __init__(self, upscaler: Runner) -> None:
        self._upscaler = upscaler
        self._passes = self._tiles = 0
        self._load_seconds = 0.0
        self._precisions: list[str] = []
        self._devices: list[str] = []
        self._tiling: list[str] = []

    def run(
        self,
        picture: Picture,
        choice: Choice,
        target: Target,
        settings: Settings,
        progress: Progress,
    ) -> Result:
        """Run as `Upscaler.run` does."""
        result = self._upscaler.run(picture, choice, target, settings, progress)
        # Without the results' pictures, which are large.
        self._passes += result.passes
        self._tiles += result.tiles
        self._load_seconds += result.load_seconds
        self._precisions.append(result.precision)
        self._devices.append(result.device)
        self._tiling.append(result.tiling)
        return result

    def total(self, picture: Picture, seconds: float) -> Result:
        """Return the last picture with the cost of all runs.

        Args:
            picture: Their result.
            seconds: How long they took.
        """
        return Result(
            picture=picture,
            passes=self._passes,
            load_seconds=self._load_seconds,
            run_seconds=seconds - self._load_seconds,
            tiles=self._tiles,
            precision=_distinct_words(self._precisions),
            device=_distinct_words(self._devices),
            tiling=_distinct_words(self._tiling),
        )


def _distinct_words(words: list[str]) -> str:
    return ", ".join(dict.fromkeys(word for word in words if word))


def plan(engine: Engine, job: ExtrasJob) -> ExtrasPlan:
    """Look up the upscalers and settings that a job names.

    Raises:
        UnknownNameError: There is no such upscaler.
        InputError: There is no such way, or a setting has no such choice.
    """
    if job.way not in WAYS:
        raise InputError(f"Expected one of {', '.join(WAYS)}, but got {job.way!r}.")
    # Listed once, because that searches folders.
    listed = {choice.name: choice for choice in engine.upscaler.choices()}
    choices = tuple(_find_by_name(listed, name) for name in job.upscalers)
    return ExtrasPlan(job, choices, replace(options.settings(), **job.engine))


def enlarge(engine: Engine, image: Image, job: ExtrasJob) -> tuple[Image, dict[str, str]]:
    """Run a job on one image.

    Args:
        engine: Enlarges the picture.
        image: Of any mode.
        job: What to do.

    Returns:
        The result, and its parameters for the infotext; none where no upscaler was chosen. If the
        user stops the work, the image is only resized, as by the WebUI's own upscalers.

    Raises:
        UpscalerError: It cannot be done; the text says why.
    """
    if not job.upscalers:
        return image, {}
    work = plan(engine, job)
    picture = from_pil(image)
    target = job.target(picture.size)
    try:
        with faults_logged("The picture"), engine.job(work.title) as progress:
            result = work.run(engine.upscaler, picture, target, progress)
    except Cancelled:
        return resize_when_stopped(image, target.resolve(picture.size)), {}
    enlarged = to_pil(result.picture)
    enlarged.info = dict(image.info)
    return enlarged, {**infotext_of(work), **_tiles_of(result)}


def size_of_job(
    size: Size, size_by: str, scale: float, width: float, height: float, longest: float
) -> Size:
    """Return the size that the script gives a picture of `size`, from its controls.

    Raises:
        UpscalerError: It makes no sense.
    """
    sides = int(width), int(height)
    job = ExtrasJob(
        (), size_by=size_by, scale=scale, width=sides[0], height=sides[1], longest=int(longest)
    )
    return job.target(size).resolve(size)


def runs_before_upscale() -> bool:
    """Return whether our script runs before the WebUI's "Upscale", which a setting can change."""
    scripts = host_module("scripts").scripts_postproc.scripts_in_preferred_order()
    names = [str(script.name) for script in scripts]
    return NAME in names and "Upscale" in names and names.index(NAME) < names.index("Upscale")


def _find_by_name(listed: Mapping[str, Choice], name: str) -> Choice:
    """Return the upscaler of that name; a path is no name.

    Raises:
        UnknownNameError: There is none; the text suggests the nearest.
    """
    if name not in listed:
        raise unknown_name("an upscaler", name, listed)
    return listed[name]


def _tiles_of(result: Result) -> dict[str, str]:
    """Return what was decided about tiles, for whom it concerns: nothing of a picture run whole."""
    return {} if result.tiling in {"", _WHOLE} else {"Postprocess tiles": result.tiling}


def infotext_of(work: ExtrasPlan) -> dict[str, str]:
    """Return the parameters of a job for the infotext."""
    job, settings = work.job, work.settings
    infotext = {
        f"Postprocess upscaler {i + 1}" if i else "Postprocess upscaler": name
        for i, name in enumerate(job.upscalers)
    }
    if job.way == WAYS[1] and len(job.upscalers) > 1:
        infotext["Postprocess blend"] = f"{job.share:g}"
    if job.size_by == SIZES[0]:
        infotext["Postprocess upscale by"] = f"{job.scale:g}"
    elif job.size_by == SIZES[1]:
        infotext["Postprocess upscale to"] = f"{int(job.width)}x{int(job.height)}"
    else:
        infotext["Postprocess longest side"] = str(int(job.longest))
    if job.match_colours:
        infotext["Postprocess colours"] = "matched"
    for setting in ENGINE_SETTINGS:
        value = getattr(settings, setting.name)
        if setting.infotext and value != setting.default:
            infotext[f"Postprocess {setting.infotext}"] = str(value)
    return infotext
