"""The three steps of one picture file: read, enlarge, write."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.errors import (
    AlreadyExistsError,
    DiskFullError,
    ImageError,
    OutputError,
    UpscalerError,
)
from lib_upscalers.file_writing import check_target, existing_folder
from lib_upscalers.jobs.output_folders import folders_for
from lib_upscalers.pictures.files import DEFAULT_MAX_PIXELS
from lib_upscalers.pictures.frames import FrameReader, read_frames
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.progress import SubRange
from lib_upscalers.targets import stretching

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from lib_upscalers.file_writing import Finished
    from lib_upscalers.geometry import Size
    from lib_upscalers.jobs.method import Method
    from lib_upscalers.jobs.output_paths import FileJob
    from lib_upscalers.pictures.frames import Frames
    from lib_upscalers.progress import Progress
    from lib_upscalers.upscaling.upscaler import Result

# A photograph compresses to no less; a drawing that does is small in any case.
_MOST_COMPRESSION = 100
# A disk with less is full for every picture; with more, only for one that is large.
_FULL_BYTES = 1 << 20


@dataclass(frozen=True)
class FileOptions:
    """How files are read and written.

    Attributes:
        quality: Of lossy formats, 1 to 100; None: nearly lossless.
        max_pixels: Pictures with more are refused; None: the usual limit.
        partial: Whether damaged files are read as far as they go.
        all_frames: Whether animations and files of several pages are done whole, where the
            output can hold them; otherwise the first frame is taken.
        dpi: What results state as their pixels an inch, for print; None: what the picture states.
        by_frame: What names the option for one file a frame, where there is one.
    """

    quality: int | None = None
    max_pixels: int | None = None
    partial: bool = False
    all_frames: bool = True
    dpi: int | None = None
    by_frame: str = ""

    def stated(self, picture: Picture) -> Picture:
        """Return a result with the resolution that it shall state."""
        if self.dpi is None:
            return picture
        dpi = float(self.dpi), float(self.dpi)
        return replace(picture, metadata=replace(picture.metadata, dpi=dpi))

    def unstated(self, output: Path) -> tuple[str, ...]:
        """Return the note on a resolution that a file of that ending cannot state, if it should."""
        from lib_upscalers.pictures.files import format_for

        if not self.dpi or format_for(output).room.dpi:
            return ()
        return (f"A {output.suffix} file holds no resolution here: it is left out.",)


@dataclass(frozen=True)
class LoadedPicture:
    """A picture that was read.

    Attributes:
        picture: The picture.
        size: The size of its result.
        seconds: How long it took so far.
    """

    picture: Picture
    size: Size
    seconds: float


@dataclass(frozen=True)
class LoadedFrames:
    """An animation or a file of pages that is to be read frame by frame.

    Attributes:
        frames: Its frames.
        size: The size of the first result.
        seconds: How long it took so far.
    """

    frames: Frames
    size: Size
    seconds: float


@dataclass(frozen=True)
class EnlargedPicture:
    """A picture that was enlarged.

    Attributes:
        before: Its size before.
        notes: What its file held and the result does not, a sentence each.
        result: The result.
        seconds: How long it took so far.
    """

    before: Size
    notes: tuple[str, ...]
    result: Result
    seconds: float


@dataclass(frozen=True)
class PictureSteps:
    """What is done to each picture of a run.

    Attributes:
        method: How they are enlarged.
        options: How they are read and written.
    """

    method: Method
    options: FileOptions

    def read(self, job: FileJob) -> LoadedPicture | LoadedFrames:
        """Read a picture; frames that the output can hold are only found.

        Raises:
            UpscalerError: It cannot be read, or the target makes no sense for it.
        """
        from lib_upscalers.tiling.exhaustion import naming_memory

        start = time.perf_counter()
        with naming_memory(lambda: f"to read {job.source}, {_pixels(job.source)}"):
            found = self._read(job)
        size = self.method.target(found.size).resolve(found.size)
        seconds = time.perf_counter() - start
        if isinstance(found, Picture):
            return LoadedPicture(found, size, seconds)
        return LoadedFrames(found, size, seconds)

    def _read(self, job: FileJob) -> Picture | Frames:
        from lib_upscalers.pictures.files import read_picture
        from lib_upscalers.pictures.frame_files import holds_frames
        from lib_upscalers.pictures.frames import find_frames

        if job.frame is not None:
            return self._frame_reader.read(job.source, job.frame)
        limit, partial = self._most_pixels, self.options.partial
        frames = None
        if self.options.all_frames:
            try:
                frames = find_frames(job.source, max_pixels=limit)
            except ImageError:
                if not partial:
                    raise
        if frames is not None and holds_frames(job.output, frames):
            return frames
        picture = read_picture(job.source, max_pixels=limit, partial=partial)
        if frames is not None and self.options.by_frame:
            picture = replace(picture, notes=(*picture.notes, self.options.by_frame))
        return picture

    @property
    def _most_pixels(self) -> int:
        return self.options.max_pixels or DEFAULT_MAX_PIXELS

    @cached_property
    def _frame_reader(self) -> FrameReader:
        return FrameReader(self._most_pixels)

    def enlarge(
        self, job: FileJob, loaded: LoadedPicture, progress: Progress, *, overwrite: bool
    ) -> EnlargedPicture:
        """Enlarge a picture, after a look at whether its result can be written.

        Raises:
            DiskFullError: The disk is full for any picture.
            UpscalerError: It cannot be done.
            Cancelled: `progress` raises it.
        """
        start = time.perf_counter()
        picture, target = loaded.picture, self.method.target(loaded.picture.size)
        with folders_for(job.output), naming_overwrite():
            _check(_Kind.of(picture, loaded.size), job, overwrite=overwrite)
            result = self.method.run(picture, target, progress)
        seconds = loaded.seconds + time.perf_counter() - start
        return EnlargedPicture(picture.size, picture.notes, result, seconds)

    def do_frames(
        self,
        job: FileJob,
        loaded: LoadedFrames,
        progress: Progress,
        *,
        overwrite: bool,
        finished: Finished | None = None,
    ) -> tuple[str, ...]:
        """Enlarge and write all frames; equal ones in a row are enlarged once.

        Arguments, returns and exceptions as `enlarge` and `write`.
        """
        from lib_upscalers.pictures.frame_files import write_frames

        frames, size = loaded.frames, loaded.size
        kind = _Kind(size, 3, frames.alpha, deep=False, count=frames.count)
        with folders_for(job.output), naming_overwrite():
            _check(kind, job, overwrite=overwrite)
            notes = write_frames(
                frames,
                self._enlarged_frames(loaded, progress),
                job.output,
                quality=self.options.quality,
                overwrite=overwrite,
                protected=(job.source,),
                finished=finished,
            )
        what = "frames" if frames.kind == "animation" else "pages"
        notes = (*stretching(frames.size, size), *notes, *self.options.unstated(job.output))
        return (f"All {frames.count} {what}.", *notes)

    def _enlarged_frames(self, loaded: LoadedFrames, progress: Progress) -> Iterator[Picture]:
        frames = loaded.frames
        before: Picture | None = None
        after: Picture | None = None
        pictures = read_frames(frames, max_pixels=self._most_pixels)
        for number, picture in enumerate(pictures):
            if before is None or after is None or not _is_equal(before, picture):
                part = SubRange(
                    progress,
                    number / frames.count,
                    (number + 1) / frames.count,
                    f"{number + 1} of {frames.count}, ",
                )
                target = self.method.target(picture.size)
                after = self.options.stated(self.method.run(picture, target, part).picture)
            before = picture
            yield after

    def write(
        self,
        job: FileJob,
        enlarged: EnlargedPicture,
        *,
        overwrite: bool,
        finished: Finished | None = None,
    ) -> tuple[str, ...]:
        """Write a result; return what its file does not hold, a sentence each.

        Args:
            job: The picture.
            enlarged: What was made of it.
            overwrite: Whether a file of that name is replaced.
            finished: Called with the whole file before it takes its name.

        Raises:
            AlreadyExistsError: There is a file of that name, and `overwrite` is False.
            DiskFullError: The disk is full.
            OutputError: It cannot be written.
        """
        from lib_upscalers.pictures.files import write_picture
        from lib_upscalers.tiling.exhaustion import naming_memory

        picture = enlarged.result.picture
        with naming_memory(f"to write {job.output}, {picture.size}"), naming_overwrite():
            lost = write_picture(
                self.options.stated(picture),
                job.output,
                quality=self.options.quality,
                overwrite=overwrite,
                protected=(job.source,),
                finished=finished,
            )
        notes = (*stretching(enlarged.before, picture.size), *enlarged.notes, *picture.notes, *lost)
        notes = (*notes, *self.options.unstated(job.output))
        return tuple(dict.fromkeys(notes))

    def sizes(self, source: Path) -> tuple[Size, Size]:
        """Return a picture's size and that of its result; only the header is read.

        Raises:
            UpscalerError: It cannot be read, or the target makes no sense for it.
        """
        from lib_upscalers.pictures.files import picture_size

        size = picture_size(source, max_pixels=self._most_pixels)
        return size, self.method.target(size).resolve(size)

    def difference(self, job: FileJob) -> str:
        """Return by what a file differs from the result that would be made, "" if by nothing.

        Only headers are read.
        """
        from lib_upscalers.pictures.files import picture_size

        try:
            _, expected = self.sizes(job.source)
        except UpscalerError:
            return ""  # the picture could not be done anyway
        try:
            there = picture_size(job.output)
        except UpscalerError:
            return "is no picture that can be read"
        return "" if there == expected else f"is {there} and not {expected}"


def bytes_of(picture: Picture, size: Size) -> int:
    """Return how many bytes a picture of that kind and size has."""
    bands = picture.pixels.shape[2] + (picture.alpha is not None)
    return size.area * bands * picture.pixels.dtype.itemsize


@dataclass(frozen=True)
class _Kind:
    """What is known of a result before it is made."""

    size: Size
    channels: int
    alpha: bool
    deep: bool
    count: int = 1

    @classmethod
    def of(cls, picture: Picture, size: Size) -> _Kind:
        deep = picture.pixels.dtype.itemsize > 1
        return cls(size, picture.pixels.shape[2], picture.alpha is not None, deep)


def _check(kind: _Kind, job: FileJob, *, overwrite: bool) -> None:
    """Raise before the work what writing the result would raise, as far as it is known."""
    from lib_upscalers.pictures.files import check_output, format_for

    check_output(job.output, kind.size, channels=kind.channels, deep=kind.deep, alpha=kind.alpha)
    uncompressed = format_for(job.output).most_bytes is not None
    needed = kind.size.area * (kind.channels + kind.alpha) * kind.count
    needed //= 1 if uncompressed else _MOST_COMPRESSION
    try:
        check_target(job.output, overwrite=overwrite, protected=(job.source,), size=needed)
    except DiskFullError as error:
        if not _has_space(job.output):
            raise
        raise OutputError(str(error)) from error  # others may still fit


def _is_equal(first: Picture, second: Picture) -> bool:
    """Return whether two pictures have the same pixels."""
    if (first.alpha is None) != (second.alpha is None):
        return False
    alphas = first.alpha is second.alpha or np.array_equal(first.alpha, second.alpha)  # type: ignore[arg-type]
    return (
        first.pixels.dtype == second.pixels.dtype
        and alphas
        and np.array_equal(first.pixels, second.pixels)
    )


def _has_space(output: Path) -> bool:
    """Return whether other pictures may still fit on the disk."""
    try:
        return shutil.disk_usage(existing_folder(output.parent)).free > _FULL_BYTES
    except OSError:
        return False


@contextmanager
def naming_overwrite() -> Generator[None]:
    """Name the option that replaces a file where one is there or has appeared meanwhile."""
    try:
        yield
    except AlreadyExistsError as error:
        raise AlreadyExistsError(f"{error} The option for that is --overwrite.") from error


def _pixels(source: Path) -> str:
    from lib_upscalers.pictures.files import picture_size

    try:
        return str(picture_size(source))
    except (UpscalerError, MemoryError):
        return "whose size is not known"
