"""The options of `upscalers upscale`, and the method that they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lib_upscalers.jobs.method import Method
    from lib_upscalers.jobs.picture_steps import PictureSteps
    from lib_upscalers.targets import SizeRequest
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Upscaler


@dataclass(frozen=True)
class UpscaleOptions:
    """The options of `upscalers upscale`, but for the engine's settings."""

    paths: Sequence[str]
    list: bool
    upscaler: str | None
    scale: float | None
    size: SizeRequest | None
    models: Sequence[Path]
    device: str
    format: str | None
    quality: int | None
    dpi: int | None
    max_pixels: int | None
    recursive: bool
    overwrite: bool
    partial: bool
    verbose: bool
    resume: bool
    retry_failed: bool
    skip_existing: bool
    dry_run: bool
    watch: bool
    json: bool
    frames: Literal["all", "first", "files"]
    ray: str | None
    ray_cores: int | None


def make_steps(options: UpscaleOptions, settings: Settings) -> PictureSteps:
    """Return what is done to each picture.

    Raises:
        UpscalerError: The upscaler cannot be used.
    """
    from lib_upscalers.jobs.picture_steps import FileOptions, PictureSteps

    files = FileOptions(
        quality=options.quality,
        max_pixels=options.max_pixels,
        partial=options.partial,
        all_frames=options.frames == "all",
        dpi=options.dpi,
        by_frame="The option for one file a frame is --frames files.",
    )
    return PictureSteps(make_method(options, settings), files)


def make_method(options: UpscaleOptions, settings: Settings) -> Method:
    """Return how pictures are enlarged.

    Raises:
        UpscalerError: The upscaler cannot be used.
    """
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.jobs.method import method_of
    from lib_upscalers.targets import target_for
    from lib_upscalers.upscaling.upscaler import Upscaler

    host = StandaloneHost(tuple(options.models), options.device)
    upscaler = Upscaler(host)
    choice = choose(upscaler, options.upscaler)
    # Refused before a picture is read; other machines may have what this one lacks.
    if choice.kind == "network" and options.ray is None:
        host.device()
    scale = options.scale if options.scale is not None else float(choice.scale or 2)
    others = {
        "size": options.size.described() if options.size else scale,
        "quality": options.quality,
        "frames": options.frames,
        **({"dpi": options.dpi} if options.dpi else {}),
    }
    return method_of(
        *(upscaler, choice, settings),
        lambda size: target_for(options.size, scale, size),
        others,
    )


def choose(upscaler: Upscaler, name: str | None) -> Choice:
    """Return the upscaler of that name; without a name, the first network there is."""
    if name is not None:
        return upscaler.find(name)
    networks = (choice for choice in upscaler.choices() if choice.kind == "network")
    return next(networks, None) or upscaler.find("Lanczos")
