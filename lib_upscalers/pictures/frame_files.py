"""Write animations (PNG, WebP, AVIF) and multi-page TIFF files, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lib_upscalers.errors import OutputError
from lib_upscalers.file_writing import writing
from lib_upscalers.pictures.apng import write_apng
from lib_upscalers.pictures.files import encoding, fit_picture, format_for, lossy_note
from lib_upscalers.pictures.formats import (
    pillow_metadata,
    png_extras,
    with_points,
    write_tiff_pages,
)
from lib_upscalers.pictures.picture import to_pil

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import BinaryIO

    from PIL import Image

    from lib_upscalers.file_writing import Finished
    from lib_upscalers.pictures.formats import Format
    from lib_upscalers.pictures.frames import Frames
    from lib_upscalers.pictures.picture import Picture

    Write = Callable[[BinaryIO, Frames, Iterator[Picture], "int | None"], None]


def holds_frames(path: str | os.PathLike[str], frames: Frames) -> bool:
    """Return whether the format of a file to write can hold all frames or pages of another."""
    kinds = {"pages": (".tif",), "animation": (".png", ".webp", ".avif")}
    return format_for(path).suffixes[0] in kinds[frames.kind]


@dataclass
class _Fitted:
    """Yields pictures as a format holds them, and collects what it does not hold."""

    pictures: Iterable[Picture]
    chosen: Format
    notes: dict[str, None]

    def __iter__(self) -> Iterator[Picture]:
        for picture in self.pictures:
            fitting, left_out = fit_picture(picture, self.chosen)
            self.notes.update(dict.fromkeys((*picture.notes, *left_out)))
            if picture.metadata.lossless and self.chosen.lossless_from > 0:
                self.notes[lossy_note(self.chosen)] = None
            yield fitting


def write_frames(
    frames: Frames,
    pictures: Iterable[Picture],
    path: str | os.PathLike[str],
    *,
    quality: int | None = None,
    overwrite: bool = True,
    protected: Iterable[str | os.PathLike[str]] = (),
    finished: Finished | None = None,
) -> tuple[str, ...]:
    """Write an animation or a file of pages, whole or not at all.

    Args:
        frames: Kind, times and plays.
        pictures: The frames in order, taken one by one; of an animation all of one size and kind.
        path: Where, with the ending of a format for which `holds_frames`.
        quality: As in `write_picture`.
        overwrite: As there.
        protected: As there.
        finished: As there.

    Returns:
        What the file does not hold of the pictures, a sentence each.

    Raises:
        OutputError: The format cannot hold them, or the file cannot be written.
        UpscalerError: What `pictures` raises.
    """
    file = Path(path)
    chosen = format_for(file)
    write = _WRITERS.get(chosen.suffixes[0])
    if write is None or not holds_frames(file, frames):
        raise OutputError(
            f"Expected a format that holds {frames.count} frames or pages, but got "
            f"{chosen.suffixes[0]}: choose another, or one file a frame."
        )
    fitted = _Fitted(pictures, chosen, {})
    with (
        writing(file, overwrite=overwrite, protected=protected, finished=finished) as stream,
        encoding(file),
    ):
        write(stream, frames, iter(fitted), quality)
    notes = fitted.notes
    if frames.kind == "animation" and frames.plays and chosen.suffixes[0] == ".avif":
        notes["AVIF files are played without an end: the number of plays is left out."] = None
    return tuple(notes)


def _write_png(
    file: BinaryIO, frames: Frames, pictures: Iterator[Picture], quality: int | None
) -> None:
    del quality
    first = next(pictures)
    extras = png_extras(first)
    write_apng(file, _chained(first, pictures), extras, frames.milliseconds, frames.plays)


def _chained(first: Picture, rest: Iterator[Picture]) -> Iterator[Picture]:
    yield first
    yield from rest


def _write_tiff(
    file: BinaryIO, frames: Frames, pictures: Iterator[Picture], quality: int | None
) -> None:
    del frames, quality
    write_tiff_pages(file, pictures)


def _write_webp(
    file: BinaryIO, frames: Frames, pictures: Iterator[Picture], quality: int | None
) -> None:
    quality = 95 if quality is None else quality
    first = next(pictures)
    to_pil(first).save(
        file,
        "WEBP",
        save_all=True,
        append_images=[_Rest(pictures, frames.count - 1)],
        duration=[round(each) for each in frames.milliseconds],
        loop=frames.plays,
        quality=quality,
        lossless=quality == 100,
        **pillow_metadata(first.metadata),
    )


def _write_avif(
    file: BinaryIO, frames: Frames, pictures: Iterator[Picture], quality: int | None
) -> None:
    quality = 90 if quality is None else quality
    first = next(pictures)
    stream = BytesIO()
    to_pil(first).save(
        stream,
        "AVIF",
        save_all=True,
        append_images=[_Rest(pictures, frames.count - 1)],
        duration=[round(each) for each in frames.milliseconds],
        quality=quality,
        subsampling="4:4:4" if quality >= 90 else "4:2:0",
        **pillow_metadata(first.metadata),
    )
    file.write(with_points(stream.getvalue(), first.metadata.points))


class _Rest:
    """Frames that Pillow takes one by one, as if they were an image of several frames.

    Pillow would hold all of them if they were a list.
    """

    def __init__(self, pictures: Iterator[Picture], count: int) -> None:
        self.n_frames = count
        self._pictures = pictures
        self._place = -1
        self._image: Image.Image | None = None

    def seek(self, place: int) -> None:
        """Go to a frame: the one that is there, or the next one."""
        if place >= self.n_frames:
            raise EOFError
        if place > self._place:
            self._image = to_pil(next(self._pictures))
            self._place = place

    def tell(self) -> int:
        """Return the frame's number."""
        return self._place

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever Pillow's images have
        return getattr(self.__dict__["_image"], name)


_WRITERS: Final[Mapping[str, Write]] = {
    ".png": _write_png,
    ".tif": _write_tiff,
    ".webp": _write_webp,
    ".avif": _write_avif,
}
