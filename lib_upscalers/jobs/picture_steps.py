"""The three steps of one picture file: read, enlarge, write."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import AlreadyExistsError, DiskFullError, OutputError, UpscalerError
from lib_upscalers.jobs.output_paths import existing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from lib_upscalers.geometry import Size
    from lib_upscalers.jobs.method import Method
    from lib_upscalers.jobs.output_paths import FileJob
    from lib_upscalers.pictures.picture import Picture
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
    """

    quality: int | None = None
    max_pixels: int | None = None
    partial: bool = False


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

    def read(self, job: FileJob) -> LoadedPicture:
        """Read a picture.

        Raises:
            UpscalerError: It cannot be read, or the target makes no sense for it.
        """
        from lib_upscalers.pictures.files import DEFAULT_MAX_PIXELS, read_picture
        from lib_upscalers.tiling.exhaustion import naming_memory

        start, options = time.perf_counter(), self.options
        limit = options.max_pixels or DEFAULT_MAX_PIXELS
        with naming_memory(lambda: f"to read {job.source}, {_pixels(job.source)}"):
            picture = read_picture(job.source, max_pixels=limit, partial=options.partial)
        size = self.method.target(picture.size).resolve(picture.size)
        return LoadedPicture(picture, size, time.perf_counter() - start)

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
        with _folders_for(job.output), naming_overwrite():
            _check(picture, loaded.size, job, overwrite=overwrite)
            result = self.method.run(picture, target, progress)
        seconds = loaded.seconds + time.perf_counter() - start
        return EnlargedPicture(picture.size, picture.notes, result, seconds)

    def write(
        self,
        job: FileJob,
        enlarged: EnlargedPicture,
        *,
        overwrite: bool,
        finished: Callable[[Path], None] | None = None,
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
                picture,
                job.output,
                quality=self.options.quality,
                overwrite=overwrite,
                protected=(job.source,),
                finished=finished,
            )
        return tuple(dict.fromkeys((*enlarged.notes, *picture.notes, *lost)))

    def difference(self, job: FileJob) -> str:
        """Return by what a file differs from the result that would be made, "" if by nothing.

        Only headers are read.
        """
        from lib_upscalers.pictures.files import picture_size

        try:
            size = picture_size(job.source)
            expected = self.method.target(size).resolve(size)
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


def _check(picture: Picture, size: Size, job: FileJob, *, overwrite: bool) -> None:
    """Raise before the work what writing the result would raise, as far as it is known."""
    from lib_upscalers.file_writing import check_target
    from lib_upscalers.pictures.files import check_output, format_for

    bands = picture.pixels.shape[2] + (picture.alpha is not None)
    check_output(
        job.output,
        size,
        channels=picture.pixels.shape[2],
        deep=picture.pixels.dtype.itemsize > 1,
        alpha=picture.alpha is not None,
    )
    uncompressed = format_for(job.output).most_bytes is not None
    needed = size.area * bands // (1 if uncompressed else _MOST_COMPRESSION)
    try:
        check_target(job.output, overwrite=overwrite, protected=(job.source,), size=needed)
    except DiskFullError as error:
        if not _has_space(job.output):
            raise
        raise OutputError(str(error)) from error  # others may still fit


def _has_space(output: Path) -> bool:
    """Return whether other pictures may still fit on the disk."""
    try:
        return shutil.disk_usage(existing(output.parent)).free > _FULL_BYTES
    except OSError:
        return False


@contextmanager
def _folders_for(output: Path) -> Generator[None]:
    """Make the folders of a file; remove those that are new if the block fails."""
    new = [each for each in (output.parent, *output.parent.parents) if not each.exists()]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        for folder in new:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise OutputError(
                f"Expected to make the folder {output.parent}, but that failed ({error.strerror}): "
                "choose another one."
            ) from error
        raise


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
