"""Describe a picture that a run has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lib_upscalers.geometry import Size
    from lib_upscalers.jobs.output_paths import FileJob
    from lib_upscalers.jobs.picture_steps import EnlargedPicture, LoadedFrames
    from lib_upscalers.upscaling.upscaler import Result


@dataclass(frozen=True)
class FileDone:
    """What a listener gets of a picture that was written.

    Attributes:
        job: The picture.
        before: Its size.
        after: The result's size.
        seconds: How long reading, enlarging and writing took.
        notes: What the result does not hold, a sentence each.
        details: How it was enlarged, in a line.
        count: How many frames or pages it has.
        precision: In which precision a network ran; "" for a kernel and for frames.
    """

    job: FileJob
    before: Size
    after: Size
    seconds: float
    notes: tuple[str, ...]
    details: str
    count: int = 1
    precision: str = ""

    @classmethod
    def of_picture(cls, job: FileJob, enlarged: EnlargedPicture, name: str) -> FileDone:
        """Return what is known of a picture before it is written; `name` is the upscaler's."""
        result = enlarged.result
        details = describe_result(name, result)
        before, after = enlarged.before, result.picture.size
        return cls(job, before, after, 0.0, (), details, precision=result.precision)

    @classmethod
    def of_frames(cls, job: FileJob, loaded: LoadedFrames, name: str) -> FileDone:
        """Return what is known of frames before they are written; `name` is the upscaler's."""
        frames = loaded.frames
        details = f"{name}, {frames.count} frames"
        return cls(job, frames.size, loaded.size, 0.0, (), details, frames.count)


def describe_result(name: str, result: Result) -> str:
    """Return in a line how a picture was enlarged."""
    parts = [
        name,
        f"passes {result.passes}",
        f"tiles {result.tiles}",
        f"loading {result.load_seconds:.2f} s",
        f"running {result.run_seconds:.2f} s",
        result.precision,
        result.tiling,
    ]
    return ", ".join(part for part in parts if part)
