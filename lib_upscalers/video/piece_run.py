"""Enlarge one piece of a video."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from lib_upscalers.errors import Cancelled, OutputError
from lib_upscalers.jobs.pipeline import Pipeline
from lib_upscalers.video.changed_tiles import ChangedTiles
from lib_upscalers.video.decoding import Decoder
from lib_upscalers.video.encoding import PieceWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lib_upscalers.geometry import Size
    from lib_upscalers.jobs.method import Method
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.video.changed_tiles import Reuse
    from lib_upscalers.video.decoding import VideoFrame
    from lib_upscalers.video.encoding import Encoding
    from lib_upscalers.video.pieces import Piece, Trim
    from lib_upscalers.video.video_facts import VideoFacts


@dataclass(frozen=True)
class VideoJob:
    """A video to enlarge.

    Attributes:
        facts: Of the source.
        pieces: Its pieces.
        trim: The part of it.
        size: Of the result's frames.
        output: The result.
        method: How frames are enlarged; its fingerprint covers the encoding, too.
        encoding: How they are encoded.
        overwrite: Whether a file of the result's name is replaced.
        resume: Whether pieces of earlier runs count.
        reuse: How only the tiles of a frame that changed are enlarged; None: whole frames.
    """

    facts: VideoFacts
    pieces: Sequence[Piece]
    trim: Trim
    size: Size
    output: Path
    method: Method
    encoding: Encoding
    overwrite: bool = False
    resume: bool = True
    reuse: Reuse | None = None

    @property
    def folder(self) -> Path:
        """Where the pieces lie until the result is whole."""
        return pieces_folder(self.output)


def pieces_folder(output: Path) -> Path:
    """Return where the pieces of a result lie until it is whole."""
    return output.with_name(f"{output.name}.pieces")


@dataclass
class VideoTally:
    """The counts of a run.

    Attributes:
        total: All frames.
        before: Frames in pieces that an earlier or another run has done.
        enlarged: Frames that went through the upscaler.
        reused: Frames that show the same as the one before.
        damaged: The times of frames that could not be decoded, or only in part, in seconds.
        spared: How many frames' work was spared, as the tiles that changed were enlarged alone.
        idle: Seconds that the run has waited for its user.
    """

    total: int
    before: int = 0
    enlarged: int = 0
    reused: int = 0
    damaged: list[float] = field(default_factory=list[float])
    spared: float = 0.0
    idle: float = 0.0
    _begun: float = field(default_factory=time.monotonic)
    _ended: float | None = None

    @property
    def done(self) -> int:
        """Frames that are ready."""
        return self.before + self.enlarged + self.reused

    @property
    def seconds(self) -> float:
        """Since the run has begun, until its end, without those in which it waited for its user."""
        return (self._ended or time.monotonic()) - self._begun - self.idle

    def end(self) -> None:
        """Note that the run has ended, so that its speed stays as it was."""
        self._ended = time.monotonic()

    def seconds_left(self) -> float | None:
        """Return how long the rest takes at this run's speed; None before there is one."""
        now = self.enlarged + self.reused
        return (self.total - self.done) * self.seconds / now if now else None

    def add(self, other: VideoTally) -> None:
        """Add the counts of a piece that a worker has done."""
        self.enlarged += other.enlarged
        self.reused += other.reused
        self.damaged.extend(other.damaged)
        self.spared += other.spared

    def in_words(self) -> str:
        """Return a line for people, without a full stop."""
        now = self.enlarged + self.reused
        parts = [f"{self.done} of {self.total} frames"]
        if self.before:
            parts.append(f"{self.before} before")
        if self.reused:
            parts.append(f"{self.reused} like the frame before them and not enlarged again")
        if self.spared and self.enlarged:
            share = self.spared / self.enlarged
            parts.append(f"{share:.0%} of the others taken from the frame before")
        if now:
            parts.append(f"{now / max(self.seconds, 1e-6):.2f} frames/s")
        return ", ".join(parts)

    def report(self, piece: Piece, job: VideoJob, progress: Progress) -> None:
        """Update a progress with what is done, and with the piece that is in work."""
        text = f"piece {piece.number} of {len(job.pieces)}, {self.in_words()}"
        progress.update(self.done, self.total, text)


@dataclass(frozen=True)
class _Made:
    """A frame on its way to the encoder; `planes` are None where nothing changed."""

    stamp: int
    pixels: NDArray[Any] | None


class PieceRun:
    """Decodes, enlarges and encodes one piece, each in a thread of its own.

    Args:
        job: The video.
        piece: The piece of it.
        file: Where it is written.
        tally: Counts the frames.
        progress: Updated after every frame; can end the run within a tile.
    """

    def __init__(
        self, job: VideoJob, piece: Piece, file: BinaryIO, tally: VideoTally, progress: Progress
    ) -> None:
        self._job = job
        self._piece = piece
        self._file = file
        self._tally = tally
        self._progress = progress
        self._decoder = Decoder(job.facts, piece)
        self._planes: NDArray[Any] | None = None
        self._changed = None if job.reuse is None else ChangedTiles(job.reuse)

        self.written = 0
        """How many frames the file holds, also where the run was stopped."""

    def run(self) -> None:
        """Do the piece.

        Raises:
            UpscalerError: It cannot be done.
            Cancelled: The progress raises it. The file then holds the frames until there.
            KeyboardInterrupt: Likewise.
        """
        stop = self._encode()
        if stop is not None:
            raise stop
        tally, base = self._tally, self._job.facts.time_base
        tally.damaged.extend(float(stamp * base) for stamp in self._decoder.damaged)
        if self.written != len(self._piece.stamps):
            raise OutputError(
                f"Expected {len(self._piece.stamps)} frames in piece {self._piece.number}, but "
                f"{self.written} were written: do it again with --no-resume."
            )

    def _encode(self) -> BaseException | None:
        """Write the file; return what has stopped it early, if anything has."""
        job, stop = self._job, None
        with PieceWriter(self._file, job.facts, job.size, job.encoding) as writer:
            stages: Pipeline[VideoFrame, VideoFrame, _Made] = Pipeline(
                read=lambda frame: frame,
                make=self._make,
                write=lambda made: self._write(made, writer),
                bytes_read=lambda frame: _bytes_of(frame.picture),
                bytes_made=self._bytes_made,
            )
            try:
                stages.run(self._decoder.frames(), threading.Event())
            except (Cancelled, KeyboardInterrupt) as error:
                stop = error
            self.written = writer.count
        return stop

    def _bytes_made(self, frame: VideoFrame) -> int:
        if frame.picture is None:
            return 0
        return self._job.size.area * 3 * frame.picture.pixels.dtype.itemsize

    def _make(self, frame: VideoFrame) -> _Made:
        tally = self._tally
        self._progress.check_cancelled()
        pixels = None if frame.picture is None else self._enlarge(frame.picture)
        if pixels is None:
            tally.reused += 1
        else:
            tally.enlarged += 1
            tally.report(self._piece, self._job, self._progress)
        return _Made(frame.stamp, pixels)

    def _enlarge(self, picture: Picture) -> NDArray[Any] | None:
        """Return the pixels of the result; None if they are those of the frame before."""
        progress = _Silent(self._progress)
        if self._changed is None:
            method = self._job.method
            return method.run(picture, method.target(picture.size), progress).picture.pixels
        renewed = self._changed.run(picture, progress)
        if renewed.pixels is not None:
            self._tally.spared += 1.0 - renewed.share
        return renewed.pixels

    def _write(self, made: _Made, writer: PieceWriter) -> None:
        if made.pixels is not None:
            self._planes = writer.planes(made.pixels)
        if self._planes is not None:
            writer.write(self._planes, made.stamp)


@dataclass(frozen=True)
class _Silent:
    """Lets a frame be cancelled and shows none of its tiles."""

    progress: Progress

    def update(self, step: int, total: int, text: str = "") -> None:
        """Do nothing."""

    def check_cancelled(self) -> None:
        self.progress.check_cancelled()


def _bytes_of(picture: Picture | None) -> int:
    return 0 if picture is None else picture.pixels.nbytes
