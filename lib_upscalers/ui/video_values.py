"""Read the values of the app's form for a video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import InputError
from lib_upscalers.targets import Target
from lib_upscalers.video.encoding import Encoding, even_size
from lib_upscalers.video.joining import FORMATS
from lib_upscalers.video.pieces import Trim
from lib_upscalers.video.video_planning import VideoOrder

if TYPE_CHECKING:
    from lib_upscalers.geometry import Size
    from lib_upscalers.upscaling.upscaler import Upscaler
    from lib_upscalers.video.video_facts import VideoFacts

OWN_QUALITY = -1
"""The value of `VideoForm.crf` that takes the codec's own."""
_SUFFIXES = (*FORMATS, ".avi", ".ts", ".m2ts", ".wmv", ".mpg", ".mpeg", ".flv", ".ogv")
_MOST_LISTED = 200


@dataclass(frozen=True)
class VideoForm:
    """What the user filled in; the defaults are those of the first start.

    Attributes:
        source: The video, or a folder of videos.
        output: The result.
        upscaler: Its name.
        scale: How many times as large.
        codec: How the result is encoded.
        crf: Its quality, or `OWN_QUALITY`.
        part: Of the video, as the command line has it; "" takes all.
        tiles: Whether only tiles that changed are enlarged.
        levels: By how many levels of 255 a tile may differ and still count as equal.
    """

    source: str = ""
    output: str = ""
    upscaler: str = ""
    scale: float = 2.0
    codec: str = "h264"
    crf: float = OWN_QUALITY
    part: str = ""
    tiles: bool = False
    levels: float = 0

    @classmethod
    def of(cls, *values: object) -> VideoForm:
        """Return a form of values that come from a request, in the order of the attributes.

        Raises:
            InputError: One is of another kind.
        """
        number = (int, float)
        kinds = (str, str, str, number, str, number, str, bool, number)
        if len(values) != len(kinds) or not all(map(isinstance, values, kinds)):
            raise InputError("Expected a video, a result, an upscaler and a scale: fill them in.")
        form = cls(*cast("Any", values))
        Target(scale=float(form.scale))
        for each in (form.crf, form.levels):
            if not float(each).is_integer():
                raise InputError(f"Expected a whole number, but got {each}: correct it.")
        return form

    def source_path(self) -> Path:
        """Return the video's path.

        Raises:
            InputError: None is named.
        """
        return path_of(self.source, "the name of a video")

    def order(self, upscaler: Upscaler) -> VideoOrder:
        """Return what the form asks for.

        Raises:
            UpscalerError: A value is of no use.
        """
        crf = None if self.crf == OWN_QUALITY else int(self.crf)
        encoding = Encoding.named(self.codec, crf)
        return VideoOrder(
            source=self.source_path(),
            output=path_of(self.output, "a name for the result"),
            choice=upscaler.find(self.upscaler),
            size_of=lambda facts: self._size(facts, encoding),
            encoding=encoding,
            trim=Trim.parse(self.part) if self.part.strip() else Trim(),
            changed=int(self.levels) if self.tiles else None,
        )

    def _size(self, facts: VideoFacts, encoding: Encoding) -> Size:
        return even_size(Target(scale=float(self.scale)).resolve(facts.size), facts, encoding)


def path_of(text: str, what: str) -> Path:
    """Return the path that a user has written, quotes and ~ as a shell has them.

    Raises:
        InputError: It is none.
    """
    bare = text.strip().strip("\"'").strip()
    if not bare or "\0" in bare:
        raise InputError(f"Expected {what}: fill it in.")
    try:
        return Path(bare).expanduser()
    except RuntimeError as error:
        raise InputError(f"Expected {what}, but got {bare}: write the whole path.") from error


def videos_in(folder: Path) -> list[str]:
    """Return the videos of a folder by their endings, sorted, the first two hundred."""
    found = (each for each in folder.iterdir() if each.suffix.lower() in _SUFFIXES)
    return sorted(str(each) for each in found if each.is_file())[:_MOST_LISTED]


def suggested_output(source: Path, scale: float) -> str:
    """Return a name beside the video that is not in use."""
    for number in range(1, 1000):
        more = "" if number == 1 else f"-{number}"
        path = source.with_name(f"{source.stem}-{scale:g}x{more}.mkv")
        if not path.exists():
            return str(path)
    return ""
