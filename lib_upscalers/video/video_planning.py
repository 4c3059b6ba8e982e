"""Plan how a video is enlarged: read it, cut it, decide the size and the method."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from lib_upscalers.errors import InputError
from lib_upscalers.file_writing import check_target
from lib_upscalers.jobs.method import Method, method_of
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.settings import Settings
from lib_upscalers.video.changed_tiles import Reuse
from lib_upscalers.video.joining import container_format
from lib_upscalers.video.piece_run import VideoJob
from lib_upscalers.video.pieces import Timeline, Trim, cut, read_timeline, trimmed
from lib_upscalers.video.video_facts import VideoFacts, probe
from lib_upscalers.video.video_run import remove_joined

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lib_upscalers.geometry import Size
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.upscaler import Upscaler
    from lib_upscalers.video.encoding import Encoding

MOST_LEVELS: Final = 32
"""The most levels of 255 that `VideoOrder.changed` may allow."""


@dataclass(frozen=True)
class VideoOrder:
    """What is to be done with a video.

    Attributes:
        source: The video.
        output: The result.
        choice: The upscaler.
        size_of: Returns the size of the result's frames.
        encoding: How they are encoded.
        settings: The engine's.
        trim: The part of the video.
        changed: Enlarge only the tiles in which a value differs by more than so many levels of 255
            from that which the result there was made of; None: whole frames.
        overwrite: Whether a file of the result's name is replaced.
        resume: Whether pieces of earlier runs count.

    Raises:
        InputError: There are no so many levels.
    """

    source: Path
    output: Path
    choice: Choice
    size_of: Callable[[VideoFacts], Size]
    encoding: Encoding
    settings: Settings = field(default_factory=Settings)
    trim: Trim = field(default_factory=Trim)
    changed: int | None = None
    overwrite: bool = False
    resume: bool = True

    def __post_init__(self) -> None:
        """Check the levels."""
        if self.changed is not None and not 0 <= self.changed <= MOST_LEVELS:
            raise InputError(
                f"Expected 0 to {MOST_LEVELS} levels by which tiles may differ, but got "
                f"{self.changed}."
            )

    def check(self) -> None:
        """Check the result's name, and remove what a killed run has left beside it.

        Raises:
            InputError: Its ending names no container, or it is the source.
            AlreadyExistsError: There is a file of that name, which is not to be replaced.
        """
        container_format(self.output)
        remove_joined(self.output)
        check_target(
            self.output, overwrite=self.overwrite, protected=(self.source,), make_folders=True
        )


@dataclass(frozen=True)
class VideoLook:
    """A video that was read, but for its frames."""

    facts: VideoFacts
    timeline: Timeline

    @classmethod
    def at(cls, path: Path) -> VideoLook:
        """Read a video.

        Raises:
            ImageError: It is none, or cannot be enlarged without loss.
            UpscalerError: PyAV is not installed.
        """
        facts = probe(path)
        timeline = read_timeline(facts)
        reordered = facts.reordered and timeline.ascending
        return cls(replace(facts, reordered=reordered), timeline)


def plan_video(order: VideoOrder, look: VideoLook, upscaler: Upscaler) -> VideoJob:
    """Return the work on a video.

    Raises:
        InputError: The codec cannot hold the size, its container not the codec or the shape of
            pixels, or the part holds no frame.
        ModelFileError: The network's file cannot be read.
    """
    facts, encoding = look.facts, order.encoding
    size = order.size_of(facts)
    encoding.check_size(size, facts)
    encoding.check_container(container_format(order.output), facts)
    return VideoJob(
        facts=facts,
        pieces=cut(trimmed(look.timeline, facts, order.trim), facts),
        trim=order.trim,
        size=size,
        output=order.output,
        method=_method(order, size, upscaler),
        encoding=encoding,
        overwrite=order.overwrite,
        resume=order.resume,
        reuse=_reuse(order, facts.size, size, upscaler),
    )


def _method(order: VideoOrder, size: Size, upscaler: Upscaler) -> Method:
    others = {
        "size": [size.width, size.height],
        "codec": order.encoding.codec.name,
        "crf": order.encoding.quality,
        "trim": [order.trim.start, order.trim.end],
    }
    if order.changed is not None:
        others["changed"] = order.changed
    return method_of(upscaler, order.choice, order.settings, lambda _: Target(size=size), others)


def _reuse(order: VideoOrder, source: Size, size: Size, upscaler: Upscaler) -> Reuse | None:
    if order.changed is None:
        return None
    factor = size.width // source.width
    if factor < 1 or source.scaled(factor) != size:
        raise InputError(
            f"Expected a whole scale, so that tiles can be enlarged alone, but got {source} to "
            f"{size}: choose --scale 2, 3 or 4, or leave out --changed-tiles."
        )
    run = partial(upscaler.run, choice=order.choice, settings=order.settings)
    rules = partial(upscaler.tile_rules, order.choice, Target(size=size), order.settings)
    return Reuse(
        lambda picture, target, progress: run(picture, target=target, progress=progress),
        lambda: rules(source),
        factor,
        order.changed,
    )
