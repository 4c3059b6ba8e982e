"""Read all frames of animations and all pages of TIFF files."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures.file_facts import read_facts
from lib_upscalers.pictures.files import DEFAULT_MAX_PIXELS, picture_size, read_page
from lib_upscalers.pictures.opening import check_readable, load, opened, quietly
from lib_upscalers.pictures.picture import Picture, from_pil, has_alpha

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from PIL import ImageFile

    from lib_upscalers.geometry import Size

_ANIMATED: Final = ("AVIF", "FLI", "GIF", "PNG", "WEBP")
_WEBP_ANIMATION = 2
_NEW_SUBFILE_TYPE, _REDUCED, _MASK = 254, 1, 4
_USUAL_MILLISECONDS, _SHORTEST_IN_GIF = 100.0, 10.0


@dataclass(frozen=True)
class Frames:
    """What a file holds of several pictures.

    Attributes:
        path: The file.
        kind: Frames of one size with times, or pages that have nothing in common.
        places: Their numbers as Pillow counts them.
        milliseconds: How long each frame is shown; 0 for pages.
        plays: How often an animation is shown; 0 without an end.
        alpha: Whether any frame is transparent somewhere; all frames then have alpha.
        size: Of the first one.
    """

    path: Path
    kind: Literal["animation", "pages"]
    places: tuple[int, ...]
    milliseconds: tuple[float, ...]
    plays: int
    alpha: bool
    size: Size

    @property
    def count(self) -> int:
        """How many there are: two at least."""
        return len(self.places)


def find_frames(
    path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Frames | None:
    """Return what a file holds of several frames or pages, None if it is one picture.

    Previews in a TIFF are no pages, nor is a PNG's still picture for programs without animation.

    Args:
        path: The file.
        max_pixels: Refuse what has more in one frame.

    Raises:
        ImageError: The file cannot be read, or a frame is damaged.
    """
    file = Path(path)
    check_readable(file)
    if not _may_have_frames(file):
        return None
    with opened(file, max_pixels) as image:
        with quietly(max_pixels):
            count = int(getattr(image, "n_frames", 1))
        if count < 2:
            return None
        size = picture_size(file, max_pixels=max_pixels)
        if image.format == "TIFF":
            places = _pages(image, count, max_pixels)
            frames = Frames(file, "pages", places, (0.0,) * len(places), 0, alpha=False, size=size)
        elif image.format in _ANIMATED:
            frames = _animation(image, file, size, count=count, max_pixels=max_pixels)
        else:
            return None
    return frames if frames.count > 1 else None


def _may_have_frames(file: Path) -> bool:
    """Return False where a file is one picture, as most PNG and JPEG files are, at little cost."""
    try:
        with file.open("rb") as stream:
            head = stream.read(32)
            if head.startswith(b"\x89PNG"):
                return _has_animation_chunk(stream)
    except OSError:
        return True
    if head.startswith(b"RIFF"):
        return head[12:16] == b"VP8X" and bool(head[20] & _WEBP_ANIMATION)
    return not head.startswith((b"\xff\xd8", b"BM"))


def _has_animation_chunk(stream: BinaryIO) -> bool:
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"acTL", b"IDAT", b"IEND"):
            return kind == b"acTL"
        stream.seek(length + 4, 1)
    return False


def _pages(image: ImageFile.ImageFile, count: int, max_pixels: int) -> tuple[int, ...]:
    places: list[int] = []
    for place in range(count):
        with quietly():
            image.seek(place)
        tags: Mapping[int, int] = getattr(image, "tag_v2", {})
        kind = tags.get(_NEW_SUBFILE_TYPE, 0)
        if image.width * image.height > max_pixels:
            raise ImageError(
                f"Expected at most {max_pixels:,} pixels a page, but page {place + 1} has "
                f"{image.width} x {image.height}: if you trust the file, raise the limit."
            )
        if not (isinstance(kind, int) and kind & (_REDUCED | _MASK)):
            places.append(place)
    return tuple(places)


def _animation(
    image: ImageFile.ImageFile, file: Path, size: Size, *, count: int, max_pixels: int
) -> Frames:
    first = 1 if image.info.get("default_image") else 0
    plays = _plays(image)
    times: list[float] = []
    alpha = False
    for place in range(first, count):
        _go_to(image, place, max_pixels)
        times.append(_time(image.info.get("duration"), is_gif=image.format == "GIF"))
        alpha = alpha or _is_transparent(image)
    places = tuple(range(first, count))
    return Frames(file, "animation", places, tuple(times), plays, alpha, size)


def _go_to(image: ImageFile.ImageFile, place: int, max_pixels: int) -> None:
    if image.format == "GIF":
        # Pillow removes a frame whose file does not say how as it has removed the one before it.
        image.disposal_method = 0  # type: ignore[attr-defined]
    with quietly(max_pixels):
        image.seek(place)
    load(image, max_pixels)


def _time(value: object, *, is_gif: bool) -> float:
    """Return milliseconds; every browser shows a GIF's times of 0 and 10 ms as 100 ms."""
    time = float(value) if isinstance(value, (int, float)) else 0.0
    return _USUAL_MILLISECONDS if is_gif and time <= _SHORTEST_IN_GIF else time


def _plays(image: ImageFile.ImageFile) -> int:
    """Return how often an animation is shown; 0 without an end.

    A GIF names how often it is repeated, and is shown once if it names nothing.
    """
    loop = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loop is None else loop + 1 if loop else 0
    return int(loop or 0)


def _is_transparent(image: ImageFile.ImageFile) -> bool:
    if image.mode in ("RGBA", "LA", "PA"):
        return bool((np.asarray(image.getchannel("A")) < 255).any())
    return has_alpha(image)


def read_frames(frames: Frames, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[Picture]:
    """Yield the frames, decoded one by one, as whole pictures.

    Frames of an animation have one size and kind: RGB of 8 bits, with alpha if any has it; the
    file's metadata come with each.

    Raises:
        ImageError: A frame is damaged.
    """
    if frames.kind == "pages":
        for place in frames.places:
            yield read_page(frames.path, place, max_pixels=max_pixels)
        return
    with opened(frames.path, max_pixels) as image:
        facts = read_facts(frames.path, image)
        for place in frames.places:
            _go_to(image, place, max_pixels)
            copy = image.copy()
            copy.format = image.format
            yield _uniform(from_pil(copy, facts), frames)


class FrameReader:
    """Reads single frames of files; one after the other costs as much as all at once.

    Args:
        max_pixels: Refuse what has more in one frame.
    """

    def __init__(self, max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._path: Path | None = None
        self._coming: Iterator[Picture] = iter(())
        self._next = 0

    def read(self, path: Path, number: int) -> Picture:
        """Return one frame or page, counted from 0.

        Raises:
            ImageError: It is damaged, or there is no such frame.
        """
        if path != self._path or number < self._next:
            frames = find_frames(path, max_pixels=self._max_pixels)
            self._path, self._next = None, 0
            self._coming = read_frames(frames, max_pixels=self._max_pixels) if frames else iter(())
        self._path = path
        for picture in self._coming:
            self._next += 1
            if self._next > number:
                return picture
        self._path = None
        raise ImageError(f"Expected {number + 1} frames, but {path} has fewer: start over.")


def _uniform(picture: Picture, frames: Frames) -> Picture:
    """Return a frame as all are; Pillow enlarges a GIF whose later frames reach beyond it."""
    inside = slice(frames.size.height), slice(frames.size.width)
    pixels = picture.pixels[inside]
    cover = None if picture.alpha is None else picture.alpha[inside]
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    if frames.alpha and cover is None:
        cover = np.full(pixels.shape[:2], 255, np.uint8)
    return replace(picture, pixels=pixels, alpha=cover if frames.alpha else None)
