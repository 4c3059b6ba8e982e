"""Cut a video into pieces of about ten seconds, at keyframes where there are some."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from lib_upscalers.errors import ImageError, InputError
from lib_upscalers.video.pyav import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from lib_upscalers.video.video_facts import VideoFacts

PIECE_SECONDS = 10.0
# Without a keyframe for so many pieces' lengths, a piece ends at any frame.
_PATIENCE = 2.0
_TIME = r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)"
_MINUTE, _HOUR = 60, 3600
_PART = re.compile(r"\d+-(\d+)-(\d+)\.mkv")


@dataclass(frozen=True)
class Trim:
    """The part of a video that is taken, in seconds from its start.

    Attributes:
        start: Of the first frame.
        end: Frames from here on are left out; None takes all.
    """

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        """Check its values.

        Raises:
            InputError: The end is not after the start.
        """
        if self.start < 0 or (self.end is not None and self.end <= self.start):
            raise InputError(
                f"Expected a part of the video whose end is after its start, but got "
                f"{self.start:g} to {self.end} seconds."
            )

    @classmethod
    def parse(cls, text: str) -> Trim:
        """Read a part of a video: ``10-20``, ``1:30-``, ``-0:05.5``.

        Raises:
            InputError: It is none.
        """
        found = re.fullmatch(rf"(?:{_TIME})?-(?:{_TIME})?", text.strip())
        if not found or text.strip() == "-":
            raise InputError(
                f"Expected a part such as 10-20, 1:30-1:40 or 1:30-, but got {text!r}."
            )
        hours, minutes, seconds, *end = found.groups()
        return cls(_seconds(hours, minutes, seconds) or 0.0, _seconds(*end))


def _seconds(hours: str | None, minutes: str | None, seconds: str | None) -> float | None:
    if seconds is None:
        return None
    return int(hours or 0) * _HOUR + int(minutes or 0) * _MINUTE + float(seconds)


@dataclass(frozen=True)
class Piece:
    """Frames of a video.

    Attributes:
        number: From 1.
        stamps: Their timestamps in units of the video's time base, ascending.
        seek: The timestamp of the keyframe from which they can be decoded.
        first: Of a part of a piece: the place of its first frame in the piece; None: the whole.
    """

    number: int
    stamps: tuple[int, ...]
    seek: int
    first: int | None = None

    @property
    def name(self) -> str:
        """The name of its file."""
        if self.first is None:
            return f"{self.number:05d}.mkv"
        return f"{self.number:05d}-{self.first}-{len(self.stamps)}.mkv"

    def part(self, start: int, count: int) -> Piece:
        """Return a part of it: so many frames from the place `start` on."""
        stamps = self.stamps[start : start + count]
        return replace(self, stamps=stamps, first=(self.first or 0) + start)


@dataclass(frozen=True)
class Timeline:
    """The timestamps of all frames of a video, as its file has them.

    Attributes:
        stamps: In units of the time base, ascending.
        keys: Of keyframes, ascending.
        size_bytes: Of all frames, as the file has them.
        ascending: Whether the file has the timestamps in this order, too.
    """

    stamps: tuple[int, ...]
    keys: tuple[int, ...]
    size_bytes: int = 0
    ascending: bool = True


def read_timeline(facts: VideoFacts) -> Timeline:
    """Read the timestamps of all frames; nothing is decoded.

    Raises:
        ImageError: Frames have no timestamp, or two have the same.
    """
    stamps: list[int] = []
    keys: list[int] = []
    size_bytes = 0
    with opened(facts.path) as container:
        stream = container.streams[facts.index]
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is None:
                raise ImageError(
                    f"Expected a timestamp for every frame, but {facts.path} has frames without "
                    "one: put it into MKV first, for instance by mkvmerge."
                )
            stamps.append(stamp)
            size_bytes += packet.size
            if packet.is_keyframe:
                keys.append(stamp)
    ascending = all(before < after for before, after in pairwise(stamps))
    stamps.sort()
    if not stamps or len(set(stamps)) != len(stamps):
        raise ImageError(
            f"Expected a timestamp of its own for every frame, but {facts.path} has "
            f"{len(stamps) - len(set(stamps))} frames that share one: put it into MKV first."
        )
    return Timeline(tuple(stamps), tuple(sorted(keys)), size_bytes, ascending)


def trimmed(timeline: Timeline, facts: VideoFacts, trim: Trim) -> Timeline:
    """Return the timestamps within a part of the video; keyframes before it stay.

    Raises:
        InputError: It holds no frame.
    """
    first = timeline.stamps[0]
    start = first + int(trim.start / facts.time_base)
    end = None if trim.end is None else first + int(trim.end / facts.time_base)
    stamps = tuple(each for each in timeline.stamps if each >= start and (not end or each < end))
    if not stamps:
        seconds = float((timeline.stamps[-1] - first) * facts.time_base)
        end = "the end" if trim.end is None else f"{trim.end:g}"
        raise InputError(
            f"Expected a part of the video, but {facts.path} has {seconds:.1f} seconds, and none "
            f"of its frames is between {trim.start:g} and {end}."
        )
    return replace(timeline, stamps=stamps)


def cut(timeline: Timeline, facts: VideoFacts, seconds: float = PIECE_SECONDS) -> list[Piece]:
    """Cut a video into pieces.

    Args:
        timeline: Its timestamps.
        facts: Its facts.
        seconds: The least length of a piece, but for the last.
    """
    span = int(seconds / facts.time_base)
    stamps, keys = timeline.stamps, set(timeline.keys)
    starts = [0]
    for place in range(1, len(stamps)):
        length = stamps[place] - stamps[starts[-1]]
        if length >= span and (stamps[place] in keys or length >= _PATIENCE * span):
            starts.append(place)
    ends = [*starts[1:], len(stamps)]
    return [
        Piece(number, stamps[start:end], key_before(timeline.keys, stamps[start]))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]


def resumed(pieces: Iterable[Piece], folder: Path, is_done: Callable[[Piece], bool]) -> list[Piece]:
    """Return the pieces, those whose beginning an earlier run has kept in two parts or more.

    Args:
        pieces: The pieces of a video.
        folder: Where their files lie.
        is_done: Returns whether the file of a piece or part is the result of this work.
    """
    return [
        part
        for piece in pieces
        for part in ([piece] if is_done(piece) else _parts(piece, folder, is_done))
    ]


def _parts(piece: Piece, folder: Path, is_done: Callable[[Piece], bool]) -> list[Piece]:
    names = (_PART.fullmatch(each.name) for each in folder.glob(f"{piece.number:05d}-*.mkv"))
    spans = sorted((int(each[1]), -int(each[2])) for each in names if each)
    parts: list[Piece] = []
    at = 0
    for start, count in spans:
        part = piece.part(start, -count)
        if start == at and len(part.stamps) == -count and is_done(part):
            parts.append(part)
            at -= count
    rest = piece.part(at, len(piece.stamps) - at) if at else piece
    return [*parts, rest] if rest.stamps else parts


def key_before(keys: Sequence[int], stamp: int) -> int:
    """Return the keyframe from which a frame can be decoded."""
    place = bisect_left(keys, stamp + 1) - 1
    return keys[place] if place >= 0 else stamp
