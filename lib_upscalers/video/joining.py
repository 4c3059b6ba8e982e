"""Join pieces without encoding again, and copy all that a video has beside its frames."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from lib_upscalers.errors import InputError, OutputError
from lib_upscalers.video.pyav import fraction, load_av, opened
from lib_upscalers.video.video_facts import is_cover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lib_upscalers.video.pieces import Piece, Trim
    from lib_upscalers.video.video_facts import VideoFacts

FORMATS: Final[Mapping[str, str]] = {
    ".mkv": "matroska",
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".webm": "webm",
}
_MILLI: Final = Fraction(1, 1000)
# Endings of cover pictures by their codec, and FFmpeg's number of their disposition.
_COVERS: Final[Mapping[str, str]] = {"mjpeg": "jpg", "png": "png"}
_ATTACHED_PICTURE: Final = 0x400
# What FFmpeg writes by itself, or what is no longer true of the result.
_OWN_TAGS: Final = frozenset(("encoder", "ENCODER", "DURATION", "duration", "major_brand"))
_STALE_TAGS: Final = ("_STATISTICS_", "BPS", "NUMBER_OF_", "minor_version", "compatible_brands")


def container_format(path: Path) -> str:
    """Return FFmpeg's name of the container that a file's ending asks for.

    Raises:
        InputError: There is none.
    """
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise InputError(
            f"Expected a result that ends in {', '.join(FORMATS)}, but got {path.name}."
        )
    return found


@dataclass(frozen=True)
class Joined:
    """What was written.

    Attributes:
        frames: How many frames.
        notes: What the source holds and the result does not, a sentence each.
    """

    frames: int
    notes: tuple[str, ...]


def join(
    facts: VideoFacts,
    pieces: Sequence[Piece],
    folder: Path,
    file: BinaryIO,
    form: str,
    trim: Trim,
    check_cancelled: Callable[[], None],
) -> Joined:
    """Write the result: the frames of the pieces, the rest from the source.

    Args:
        facts: Of the source.
        pieces: In their order.
        folder: Where their files lie.
        file: Takes the bytes of the result.
        form: The container, see `container_format`.
        trim: The part of the source.
        check_cancelled: Called for every packet.

    Raises:
        OutputError: A piece is not what it should be, or the container refuses the codec.
        OSError: The disk is full.
    """
    av = load_av()
    with opened(facts.path) as source, av.open(file, "w", format=form) as target:
        target.flags |= av.container.Flags.bitexact.value
        return _Joining(facts, pieces, folder, source, target, trim).run(check_cancelled)


class _Joining:
    """One result in the making."""

    def __init__(
        self,
        facts: VideoFacts,
        pieces: Sequence[Piece],
        folder: Path,
        source: Any,
        target: Any,
        trim: Trim,
    ) -> None:
        self._facts = facts
        self._pieces = pieces
        self._folder = folder
        self._source = source
        self._target = target
        self._notes: list[str] = []
        self._covers: list[tuple[Any, bytes]] = []
        base = facts.time_base
        self._shift = pieces[0].stamps[0] * base if trim.start else Fraction(0)
        self._end = (pieces[-1].stamps[-1] + _step(pieces)) * base if trim.end else None
        self._stamps = [stamp for piece in pieces for stamp in piece.stamps]

    def run(self, check_cancelled: Callable[[], None]) -> Joined:
        from av.error import FFmpegError

        video = self._video_stream()
        others = self._other_streams()
        self._copy_tags()
        packets = heapq.merge(
            self._video_packets(video), self._other_packets(others), key=lambda each: each[0]
        )
        count = 0
        try:
            self._write_covers()
            for _, packet, stream in packets:
                check_cancelled()
                packet.stream = stream
                self._target.mux(packet)
                count += stream is video
        except FFmpegError as error:
            raise _refused(error) from error
        if count != len(self._stamps):
            raise OutputError(
                f"Expected {len(self._stamps)} frames in the result, but the pieces hold {count}: "
                "do it again with --no-resume."
            )
        return Joined(count, tuple(self._notes))

    def _path(self, piece: Piece) -> Path:
        return self._folder / piece.name

    def _video_stream(self) -> Any:
        from av.error import FFmpegError

        original = self._source.streams[self._facts.index]
        with opened(self._path(self._pieces[0])) as first:
            template = first.streams.video[0]
            try:
                stream = self._target.add_stream_from_template(template, opaque=True)
            except (ValueError, FFmpegError) as error:
                raise OutputError(
                    f"Expected a container that holds {template.codec_context.name}, but "
                    f"{self._target.format.name} does not: choose another --codec, or .mkv."
                ) from error
            self._header = bytes(template.codec_context.extradata or b"")
        stream.time_base = self._facts.time_base
        # Not every codec holds it itself.
        stream.codec_context.sample_aspect_ratio = self._facts.aspect
        _describe(stream, original)
        if self._facts.rotation:
            stream.set_display_rotation(self._facts.rotation)
        return stream

    def _other_streams(self) -> dict[int, Any]:
        """Add the streams that are copied; return them by their index in the source."""
        copies: dict[int, Any] = {}
        left_out: list[str] = []
        for stream in self._source.streams:
            if stream.index == self._facts.index:
                continue
            if stream.type == "video" and is_cover(stream):
                if not self._add_cover(stream):
                    left_out.append(f"cover {_name(stream)}")
                continue
            copy = self._copy_of(stream)
            if copy is None:
                left_out.append(_name(stream))
                continue
            _describe(copy, stream)
            copies[stream.index] = copy
        if left_out:
            self._notes.append(
                f"{self._target.format.name} cannot hold {', '.join(left_out)}: left out."
            )
        return copies

    def _copy_of(self, stream: Any) -> Any:
        """Return a stream that was added to the result, None if it cannot hold one."""
        return self._added(stream) if self._holds(stream) else None

    def _added(self, stream: Any, *, opaque: bool | None = None) -> Any:
        from av.error import FFmpegError

        try:
            return self._target.add_stream_from_template(stream, opaque=opaque)
        except (ValueError, AttributeError, FFmpegError):
            return None

    def _holds(self, stream: Any) -> bool:
        if stream.type in ("attachment", "video"):
            return self._target.format.name == "matroska"
        context = stream.codec_context
        return context is not None and context.name in _codecs(self._target)

    def _add_cover(self, stream: Any) -> bool:
        """Add a cover picture as the container has it: an attached file, or a track of its own."""
        ending = _COVERS.get(stream.codec_context.name if stream.codec_context else "")
        data = _cover_data(self._facts.path, stream.index)
        if ending is None or not data or self._target.format.name not in ("matroska", "mp4"):
            return False
        if self._target.format.name == "matroska":
            name = stream.metadata.get("filename") or f"cover.{ending}"
            kind = stream.metadata.get("mimetype") or f"image/{ending.replace('jpg', 'jpeg')}"
            self._target.add_attachment(name, kind, data)
            return True
        copy = self._added(stream, opaque=True)
        if copy is None:
            return False
        copy.metadata.update(_tags(stream.metadata))
        copy.disposition = _ATTACHED_PICTURE
        self._covers.append((copy, data))
        return True

    def _write_covers(self) -> None:
        for stream, data in self._covers:
            packet = load_av().Packet(data)
            packet.pts = packet.dts = 0
            packet.time_base, packet.is_keyframe = _MILLI, True
            packet.stream = stream
            self._target.mux(packet)

    def _copy_tags(self) -> None:
        self._target.metadata.update(_tags(self._source.metadata))
        chapters = self._source.chapters()
        if chapters:
            kept = [each for each in map(self._chapter, chapters) if each is not None]
            self._target.set_chapters(kept)

    def _chapter(self, chapter: Any) -> Any:
        base = fraction(chapter["time_base"]) or _MILLI
        shift = int(self._shift / base)
        end = chapter["end"] if self._end is None else min(chapter["end"], int(self._end / base))
        start = max(chapter["start"], shift)
        if start >= end:
            return None
        return {**chapter, "start": start - shift, "end": end - shift}

    def _video_packets(self, stream: Any) -> Iterator[tuple[Fraction, Any, Any]]:
        """Yield the frames in the order of decoding, with the source's own timestamps."""
        stamps, base = self._stamps, self._facts.time_base
        shift = int(self._shift / base)
        orders = [self._order(piece) for piece in self._pieces]
        delay = max(place - rank for ranks in orders for place, rank in enumerate(ranks))
        step = _step(self._pieces)
        count = 0
        for piece, ranks in zip(self._pieces, orders, strict=True):
            first = count
            for packet, rank in zip(self._packets(piece), ranks, strict=True):
                place = first + rank
                early = (
                    stamps[count - delay]
                    if count >= delay
                    else (stamps[0] - (delay - count) * step)
                )
                after = stamps[place + 1] if place + 1 < len(stamps) else stamps[place] + step
                packet.time_base = base
                packet.pts, packet.dts = stamps[place] - shift, early - shift
                packet.duration = after - stamps[place]
                yield (early - shift) * base, packet, stream
                count += 1

    def _packets(self, piece: Piece) -> Iterator[Any]:
        with opened(self._path(piece)) as container:
            stream = container.streams.video[0]
            if bytes(stream.codec_context.extradata or b"") != self._header:
                raise OutputError(
                    f"Expected pieces of one encoder, but {self._path(piece)} has other parameters "
                    "than the first: do it again with --no-resume."
                )
            yield from (packet for packet in container.demux(stream) if packet.size)

    def _order(self, piece: Piece) -> list[int]:
        """Return for each packet of a piece, in the order of decoding, which frame it is."""
        stamps = [packet.pts for packet in self._packets(piece)]
        rank = {stamp: place for place, stamp in enumerate(sorted(stamps))}
        if len(rank) != len(piece.stamps):
            raise OutputError(
                f"Expected {len(piece.stamps)} frames in {self._path(piece)}, but it has "
                f"{len(rank)}: do it again with --no-resume."
            )
        return [rank[stamp] for stamp in stamps]

    def _other_packets(self, copies: Mapping[int, Any]) -> Iterator[tuple[Fraction, Any, Any]]:
        streams = [self._source.streams[index] for index in copies]
        streams = [each for each in streams if each.type != "attachment"]
        if not streams:
            return
        for packet in self._source.demux(streams):
            base = fraction(packet.time_base)
            stamp = packet.dts if packet.dts is not None else packet.pts
            if not packet.size or stamp is None or base is None:
                continue
            seconds = stamp * base
            # Sound may begin before the first frame, with what its decoder needs to begin.
            early = bool(self._shift) and seconds < self._shift
            if early or (self._end is not None and seconds >= self._end):
                continue
            shift = int(self._shift / base)
            for name in ("pts", "dts"):
                value = getattr(packet, name)
                setattr(packet, name, None if value is None else value - shift)
            yield seconds - self._shift, packet, copies[packet.stream_index]


def _cover_data(path: Path, index: int) -> bytes:
    with opened(path) as container:
        for packet in container.demux(container.streams[index]):
            if packet.size:
                return bytes(packet)
    return b""


def _step(pieces: Sequence[Piece]) -> int:
    """Return how long the last frame lasts: as the one before it."""
    stamps = [stamp for piece in pieces[-2:] for stamp in piece.stamps]
    return max(1, stamps[-1] - stamps[-2]) if len(stamps) > 1 else 1


def _describe(copy: Any, stream: Any) -> None:
    copy.metadata.update(_tags(stream.metadata))
    copy.disposition = stream.disposition


def _tags(metadata: Mapping[str, str]) -> dict[str, str]:
    return {
        key: value
        for key, value in metadata.items()
        if key not in _OWN_TAGS and not key.startswith(_STALE_TAGS)
    }


def _codecs(target: Any) -> set[str]:
    return set(target.supported_codecs)


def _name(stream: Any) -> str:
    codec = getattr(stream.codec_context, "name", "") if stream.type != "data" else ""
    kind = {"attachment": "attached file", "subtitle": "subtitles"}.get(stream.type, stream.type)
    named = stream.metadata.get("filename") or stream.metadata.get("title") or ""
    return " ".join(part for part in (kind, codec, named) if part)


def _refused(error: Any) -> BaseException:
    if isinstance(error, OSError) and error.errno and not isinstance(error, ValueError):
        return OSError(error.errno, error.strerror)
    return OutputError(
        f"Expected to write the result, but the container refuses it ({error.strerror}): choose "
        "another ending, such as .mkv."
    )
