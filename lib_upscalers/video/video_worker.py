"""Do pieces of a video in another process, and describe each in a row."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lib_upscalers.file_writing import writing
from lib_upscalers.jobs.method import import_heavy
from lib_upscalers.jobs.worker_pool import HandOver
from lib_upscalers.progress import NullProgress
from lib_upscalers.video.piece_run import PieceRun, VideoTally

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.video.piece_run import VideoJob
    from lib_upscalers.video.pieces import Piece


@dataclass(frozen=True)
class PieceTask:
    """A piece to do, or a part of one."""

    piece: Piece


@dataclass(frozen=True)
class PieceRow:
    """A piece that was done.

    Attributes:
        part: Its file, under its temporary name.
        sha256: Of that file.
        tally: The counts of its frames.
        seconds: How long it took.
    """

    part: Path
    sha256: str
    tally: VideoTally
    seconds: float


class VideoWorker:
    """Does one piece after the other.

    Args:
        job: The video.
    """

    def __init__(self, job: VideoJob) -> None:
        import_heavy()
        self._job = job

    @property
    def fingerprint(self) -> str:
        """Of what decides the pixels."""
        return self._job.method.fingerprint

    def do(self, task: object) -> PieceRow:
        """Do a `PieceTask`; raises what `PieceRun.run` raises."""
        job, start, hand_over = self._job, time.perf_counter(), HandOver()
        piece = cast("PieceTask", task).piece
        tally = VideoTally(len(piece.stamps))
        with writing(job.folder / piece.name, overwrite=True, finished=hand_over) as file:
            PieceRun(job, piece, file, tally, NullProgress()).run()
        return PieceRow(hand_over.part, hand_over.sha256, tally, time.perf_counter() - start)
