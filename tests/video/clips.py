"""Small clips for the tests, made by PyAV."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Clip:
    """What a test asks of a clip.

    Frames show a square on a colour that wanders; `hold` of them in a row are equal. The colour of
    a `still` clip stays, and only the square moves.
    """

    stamps: Sequence[int] = tuple(range(0, 20 * 40, 40))
    time_base: Fraction = Fraction(1, 1000)
    size: tuple[int, int] = (48, 32)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    matrix: int = 1
    transfer: int = 1
    full: bool = False
    hold: int = 1
    options: dict[str, str] = field(default_factory=lambda: {"crf": "10", "g": "8"})
    sound_offset: int | None = None
    subtitles: bool = False
    flags: int = 0
    still: bool = False
    aspect: Fraction = Fraction(1)
    cover: bytes = b""

    def write(self, path: Path) -> Path:
        """Write the clip, and all that is to be beside it."""
        import av

        with av.open(str(path), "w") as container:
            stream = self._video(container)
            sound = None if self.sound_offset is None else _sound(container)
            if self.cover:
                container.add_attachment("cover.jpg", "image/jpeg", self.cover)
            if self.subtitles:
                container.add_attachment("font.ttf", "font/ttf", b"not a font" * 20)
                container.set_chapters(
                    [
                        {
                            "id": 1,
                            "start": 0,
                            "end": 400,
                            "time_base": Fraction(1, 1000),
                            "metadata": {"title": "First"},
                        }
                    ]
                )
            container.metadata["title"] = "A clip"
            stream.metadata["language"] = "jpn"
            for number, stamp in enumerate(self.stamps):
                for packet in stream.encode(self._frame(number // self.hold, stamp)):
                    container.mux(packet)
            for packet in stream.encode(None):
                container.mux(packet)
            if sound is not None:
                _write_sound(container, sound, self.sound_offset or 0)
        return path

    def _video(self, container: Any) -> Any:
        stream = container.add_stream(self.codec, rate=25, options=self.options)
        stream.width, stream.height = self.size
        stream.pix_fmt = self.pixel_format
        context = stream.codec_context
        context.time_base = self.time_base
        context.flags |= self.flags
        context.sample_aspect_ratio = self.aspect
        context.color_range = 2 if self.full else 1
        context.colorspace = self.matrix
        context.color_primaries, context.color_trc = self.matrix, self.transfer
        return stream

    def _frame(self, number: int, stamp: int) -> Any:
        import av

        shown = picture(number, self.size, still=self.still)
        frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
        matrix = 1 if self.matrix in (2, 9) else self.matrix
        frame = frame.reformat(
            format=self.pixel_format,
            dst_colorspace=matrix,
            dst_color_range=2 if self.full else 1,
        )
        frame.pts, frame.time_base = stamp, self.time_base
        return frame


def picture(number: int, size: tuple[int, int], *, still: bool = False) -> Any:
    """Return the picture that frame `number` shows, (H, W, 3), uint8."""
    width, height = size
    pixels = np.empty((height, width, 3), np.uint8)
    step = 0 if still else number
    pixels[...] = (60 + 5 * step % 120, 107, 180 - 3 * step % 100)
    left = number * 2 % (width - 12)
    pixels[8:20, left : left + 12] = (220, 40, 90)
    return pixels


def _sound(container: Any) -> Any:
    stream = container.add_stream("aac", rate=48000)
    stream.layout = "mono"
    stream.metadata["language"] = "eng"
    return stream


def _write_sound(container: Any, stream: Any, offset: int) -> None:
    import av

    for number in range(16):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 48000
        frame.pts = offset * 48 + number * 1024
        frame.time_base = Fraction(1, 48000)
        for packet in stream.encode(frame):
            container.mux(packet)
    for packet in stream.encode(None):
        container.mux(packet)


def stamps_of(path: Path, kind: str = "video") -> list[Fraction]:
    """Return the times of a stream's packets, in seconds, ascending."""
    import av

    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        return sorted(
            packet.pts * packet.time_base
            for packet in container.demux(stream)
            if packet.size and packet.pts is not None
        )


def frames_of(path: Path) -> list[Any]:
    """Return the decoded frames of a video."""
    import av

    with av.open(str(path)) as container:
        return list(container.decode(video=0))
