"""Look at a video before any work: what it is, and whether it can be enlarged without loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from lib_upscalers.errors import ImageError
from lib_upscalers.geometry import Size
from lib_upscalers.video.colour import FULL, Colour
from lib_upscalers.video.pyav import fraction, opened

if TYPE_CHECKING:
    from pathlib import Path

_LOOK_FRAMES = 8
_MOST_BITS = 16
_ENCRYPTED: Final = frozenset(("encv", "enca", "drmi", "drms"))
_DOLBY_TAGS: Final = frozenset(("dvh1", "dvhe", "dva1", "dvav", "dav1"))


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video.

    Attributes:
        path: Its file.
        index: Of the video stream among all streams.
        size: Of its frames, before the display's own stretch and turn.
        codec: FFmpeg's name of its codec.
        pixel_format: FFmpeg's name of its frames' format.
        bits: Of a colour value, 8 to 16.
        chroma: How many times wider and higher a chroma value is than a pixel.
        colour: What its values mean.
        time_base: Seconds of one unit of its timestamps.
        rate: Frames a second on average; None if not known.
        aspect: Width over height of a pixel.
        rotation: By how many degrees a player turns it.
        notes: What is assumed, a sentence each.
        reordered: Whether frames are shown in another order than the file's timestamps are in,
            because it has those of decoding, as AVI does.
    """

    path: Path
    index: int
    size: Size
    codec: str
    pixel_format: str
    bits: int
    chroma: tuple[int, int]
    colour: Colour
    time_base: Fraction
    rate: Fraction | None
    aspect: Fraction
    rotation: int
    notes: tuple[str, ...] = field(default=())
    reordered: bool = False


def probe(path: Path) -> VideoFacts:
    """Return the facts of a video; its first frames are decoded.

    Raises:
        ImageError: It is no video, or one that would lose something: HDR, Dolby Vision, interlaced,
            with transparency, encrypted.
        UpscalerError: PyAV is not installed.
    """
    with opened(path) as container:
        stream = video_stream(container, path)
        _refuse_stream(stream, path)
        frames = _first_frames(container, stream, path)
        for frame in frames:
            refuse_frame(frame, path)
        return _facts(stream, frames[0], path)


def video_stream(container: Any, path: Path) -> Any:
    """Return the stream of moving pictures; cover pictures do not count.

    Raises:
        ImageError: There is none.
    """
    streams = [each for each in container.streams.video if not is_cover(each)]
    if not streams:
        raise ImageError(f"Expected a video, but {path} holds no stream of moving pictures.")
    return streams[0]


def is_cover(stream: Any) -> bool:
    """Return whether a video stream is a cover picture."""
    return "attached_pic" in str(stream.disposition.name or "").lower()


def _refuse_stream(stream: Any, path: Path) -> None:
    context = stream.codec_context
    if context is None:
        raise ImageError(f"Expected a video, but nothing here decodes the codec of {path}.")
    tag = str(context.codec_tag).lower()
    if tag in _ENCRYPTED:
        raise ImageError(f"Expected a video that can be read, but {path} is encrypted.")
    if tag in _DOLBY_TAGS:
        raise _dolby(path)
    if str(stream.metadata.get("alpha_mode", "0")) not in ("", "0"):
        raise _transparent(path)


def _first_frames(container: Any, stream: Any, path: Path) -> list[Any]:
    from av.error import FFmpegError

    frames: list[Any] = []
    reason = "it is damaged"
    for packet in container.demux(stream):
        try:
            frames.extend(packet.decode())
        except FFmpegError as error:
            reason = f"{error.strerror}: it is damaged, or encrypted"
        if len(frames) >= _LOOK_FRAMES:
            break
    if not frames:
        raise ImageError(f"Expected a video, but no frame of {path} can be decoded: {reason}.")
    return frames


def refuse_frame(frame: Any, path: Path) -> None:
    """Refuse a frame that would lose something.

    Raises:
        ImageError: It is interlaced, Dolby Vision or transparent.
    """
    if frame.interlaced_frame:
        raise ImageError(
            f"Expected whole frames, but {path} is interlaced, whose combs an upscaler would "
            "enlarge: deinterlace it first, for instance by ffmpeg's filter bwdif."
        )
    if any("DOVI" in kind for kind in map(_side_data_kind, frame.side_data)):
        raise _dolby(path)
    form = frame.format
    if form.has_palette or any(component.is_alpha for component in form.components):
        raise _transparent(path)


def _side_data_kind(side_data: Any) -> str:
    kind = getattr(side_data, "type", side_data)  # PyAV 19 lists the kinds themselves
    return str(getattr(kind, "name", kind))


def _dolby(path: Path) -> ImageError:
    return ImageError(
        f"Expected a video of standard dynamic range, but {path} is Dolby Vision, whose colours "
        "upscalers would destroy: convert it to BT.709 first."
    )


def _transparent(path: Path) -> ImageError:
    return ImageError(
        f"Expected an opaque video, but {path} has transparency, which is not enlarged: lay it on "
        "a colour first, or enlarge its frames as pictures."
    )


def _facts(stream: Any, frame: Any, path: Path) -> VideoFacts:
    context, form = stream.codec_context, frame.format
    bits = max(component.bits for component in form.components)
    if bits > _MOST_BITS:
        raise ImageError(f"Expected at most 16 bits a value, but {path} has {bits}.")
    size = Size(frame.width, frame.height)
    full = int(frame.color_range) == FULL or form.name.startswith("yuvj") or form.is_rgb
    found = Colour(
        0 if form.is_rgb else int(frame.colorspace),
        full and not form.is_rgb,
        int(frame.color_primaries),
        int(frame.color_trc),
    )
    colour = found.with_guesses(size.width, size.height)
    colour.check()
    notes: list[str] = []
    if colour.assumed:
        notes.append(
            f"The file does not name its colour matrix: {colour.name} is assumed, as players do, "
            "and written."
        )
    if form.is_rgb:
        notes.append(f"The video is RGB, and the result {colour.name}.")
    return VideoFacts(
        path=path,
        index=stream.index,
        size=size,
        codec=context.name,
        pixel_format=form.name,
        bits=max(8, bits),
        chroma=_chroma(form, size),
        colour=colour,
        time_base=fraction(stream.time_base) or Fraction(1, 1000),
        rate=fraction(stream.average_rate),
        aspect=fraction(stream.sample_aspect_ratio) or Fraction(1),
        rotation=int(frame.rotation or 0),
        notes=tuple(notes),
        reordered=bool(context.has_b_frames),
    )


def _chroma(form: Any, size: Size) -> tuple[int, int]:
    if form.is_rgb or len(form.components) < 3:
        return (1, 1)
    width, height = form.chroma_width(size.width), form.chroma_height(size.height)
    return (round(size.width / width), round(size.height / height))
