"""Decode the frames of a piece, and find those that show the same as the one before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.video.colour import FULL, LIMITED, from_rgb, full_chroma_format, to_rgb
from lib_upscalers.video.pieces import Piece, key_before
from lib_upscalers.video.pyav import opened
from lib_upscalers.video.video_facts import refuse_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lib_upscalers.video.pieces import Timeline
    from lib_upscalers.video.video_facts import VideoFacts

    Array = NDArray[Any]

# No codec delays a frame by more than so many others.
_MOST_REORDERED = 16
_DEPTHS = (8, 10, 12, 14, 16)


@dataclass(frozen=True)
class VideoFrame:
    """A frame to enlarge.

    Attributes:
        stamp: Its timestamp.
        picture: What it shows; None if that is what the frame before shows.
    """

    stamp: int
    picture: Picture | None


class Decoder:
    """Decodes the frames of one piece.

    Args:
        facts: Of the video.
        piece: Which frames.
    """

    def __init__(self, facts: VideoFacts, piece: Piece) -> None:
        self._facts = facts
        self._piece = piece
        self._before: Array | None = None
        self.damaged: list[int] = []
        """The timestamps of frames that could not be decoded so far, or only in part."""

    def frames(self) -> Iterator[VideoFrame]:
        """Yield a frame for every timestamp of the piece, in their order.

        One that cannot be decoded shows what the frame before it shows, or else the one after.

        Raises:
            ImageError: A frame is interlaced, transparent or of another size, or none can be
                decoded.
        """
        waiting = deque(self._piece.stamps)
        shown = False
        for frame in self._wanted():
            if not waiting or frame.pts < waiting[0]:
                continue  # a second one of its time
            refuse_frame(frame, self._facts.path)
            self._check_size(frame)
            if frame.is_corrupt:
                self.damaged.append(frame.pts)
            picture = self._picture(frame)
            while waiting[0] < frame.pts:
                self.damaged.append(waiting[0])
                yield VideoFrame(waiting.popleft(), None if shown else picture)
                shown = True
            yield VideoFrame(waiting.popleft(), picture)
            shown = True
        if not shown:
            raise ImageError(
                f"Expected frames, but none of the {len(waiting)} frames of piece "
                f"{self._piece.number} of {self._facts.path} can be decoded: the file is damaged."
            )
        self.damaged.extend(waiting)
        for stamp in waiting:
            yield VideoFrame(stamp, None)

    def _wanted(self) -> Iterator[Any]:
        first, last = self._piece.stamps[0], self._piece.stamps[-1]
        stamps = set(self._piece.stamps)
        frames = self._from(self._piece.seek)
        for frame in _restamped(frames) if self._facts.reordered else frames:
            if frame.pts is None or frame.pts < first:
                continue
            if frame.pts > last:
                return
            if frame.pts in stamps:
                yield frame

    def _from(self, seek: int) -> Iterator[Any]:
        """Yield frames from a keyframe on, or from an earlier one."""
        with opened(self._facts.path) as container:
            stream = container.streams[self._facts.index]
            stream.thread_type = "AUTO"
            container.seek(seek, stream=stream, backward=True, any_frame=False)
            frames = self._decoded(container, stream)
            first = next(frames, None)
            if first is not None and (first.pts is None or first.pts <= self._piece.stamps[0]):
                yield first
                yield from frames
                return
        # Formats without an index seek badly: begin at the beginning.
        with opened(self._facts.path) as container:
            yield from self._decoded(container, container.streams[self._facts.index])

    def _decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        from av.error import FFmpegError

        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except FFmpegError:
                continue  # what is missing is found by the timestamps

    def _check_size(self, frame: Any) -> None:
        size = self._facts.size
        if (frame.width, frame.height) != (size.width, size.height):
            raise ImageError(
                f"Expected frames of {size} throughout, but {self._facts.path} has one of "
                f"{frame.width}x{frame.height}: cut it there by --trim."
            )

    def _picture(self, frame: Any) -> Picture | None:
        planes, bits = planes_of(frame, self._facts)
        same = self._before is not None and np.array_equal(self._before, planes)
        self._before = planes
        return None if same else Picture(to_rgb(planes, bits, self._facts.colour))


def _restamped(frames: Iterator[Any]) -> Iterator[Any]:
    """Give frames, which are in the order of showing, their timestamps in that order, too."""
    waiting: deque[Any] = deque()
    stamps: list[int] = []
    for frame in frames:
        if frame.pts is None:
            continue
        waiting.append(frame)
        heappush(stamps, frame.pts)
        if len(waiting) > _MOST_REORDERED:
            yield _with_stamp(waiting.popleft(), heappop(stamps))
    for frame in waiting:
        yield _with_stamp(frame, heappop(stamps))


def _with_stamp(frame: Any, stamp: int) -> Any:
    frame.pts = stamp
    return frame


def decode_one(facts: VideoFacts, timeline: Timeline, stamp: int) -> Picture:
    """Return the picture of one frame.

    Raises:
        ImageError: It cannot be decoded.
    """
    piece = Piece(1, (stamp,), key_before(timeline.keys, stamp))
    picture = next(Decoder(facts, piece).frames()).picture
    if picture is None:
        raise ImageError(f"Expected a frame of {facts.path} at {stamp}, but it is damaged.")
    return picture


def planes_of(frame: Any, facts: VideoFacts) -> tuple[Array, int]:
    """Return luma and chroma of a frame at full size, (3, H, W), and the bits of a value."""
    bits = next(each for each in _DEPTHS if each >= facts.bits)
    frame_range = FULL if facts.colour.full else LIMITED
    if frame.format.is_rgb:
        pixels = frame.to_ndarray(format="rgb24" if bits == 8 else "rgb48le")
        return from_rgb(pixels, bits, facts.colour), bits
    whole = frame.reformat(
        format=full_chroma_format(bits, full=facts.colour.full),
        src_color_range=frame_range,
        dst_color_range=frame_range,
        interpolation="BICUBIC",
    )
    return _stacked(whole, bits), bits


def _stacked(frame: Any, bits: int) -> Array:
    dtype = np.uint8 if bits == 8 else np.dtype("<u2")
    planes = np.empty((3, frame.height, frame.width), dtype)
    for plane, data in zip(planes, frame.planes, strict=True):
        row = data.line_size // planes.itemsize
        values = np.frombuffer(data, dtype).reshape(-1, row)
        plane[...] = values[: frame.height, : frame.width]
    return planes
