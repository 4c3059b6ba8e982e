"""Estimate how long a video will take and how large it will be, from a few of its frames."""

from __future__ import annotations

import io
import time
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lib_upscalers.progress import NULL
from lib_upscalers.video.piece_run import PieceRun, VideoTally
from lib_upscalers.video.pieces import Piece, key_before
from lib_upscalers.video.pyav import load_av

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.progress import Progress
    from lib_upscalers.video.piece_run import VideoJob
    from lib_upscalers.video.video_planning import VideoLook

_PLACES: Final = 3
# Drawn films repeat frames in twos, threes and fours: a sample holds whole groups of each.
_MOST_FRAMES, _LEAST_FRAMES = 12, 2
_PATIENCE_SECONDS: Final = 20.0
# x264 and x265 put a keyframe at least after so many frames.
_KEY_FRAMES: Final = 250


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to cost.

    Attributes:
        seconds: How long it takes, all pieces.
        size_bytes: Of the result.
        frames: From how many frames this was worked out.
    """

    seconds: float
    size_bytes: int
    frames: int


def estimate(job: VideoJob, look: VideoLook, progress: Progress = NULL) -> Estimate:
    """Enlarge and encode a few frames at three places, and work out the whole from them.

    Args:
        job: The video; nothing is written.
        look: The same video.
        progress: Can end it within a tile.

    Raises:
        UpscalerError: It cannot be done, as the run itself could not.
    """
    first = _places(job, look, 1)[0]
    # The first frame loads the network, and measures it where it is new.
    _run(job, first, progress)
    start = time.perf_counter()
    _run(job, first, progress)
    once = time.perf_counter() - start
    share = _PATIENCE_SECONDS / _PLACES / max(once, 1e-6)
    count = max(_LEAST_FRAMES, min(_MOST_FRAMES, int(share)))
    keys: list[int] = []
    others: list[int] = []
    seconds = 0.0
    for piece in _places(job, look, count):
        start = time.perf_counter()
        data = _run(job, piece, progress)
        seconds += time.perf_counter() - start
        _add_sizes(data, keys, others)
    frames, sampled = sum(len(piece.stamps) for piece in job.pieces), len(keys) + len(others)
    return Estimate(
        seconds=seconds / sampled * frames,
        size_bytes=_video_bytes(job, frames, keys, others) + _rest_bytes(look, frames),
        frames=sampled,
    )


def _places(job: VideoJob, look: VideoLook, count: int) -> list[Piece]:
    """Return frames from keyframes on, at places that are spread over the video."""
    stamps = [stamp for piece in job.pieces for stamp in piece.stamps]
    found: dict[int, Piece] = {}
    for place in range(_PLACES):
        key = key_before(look.timeline.keys, stamps[(2 * place + 1) * len(stamps) // (2 * _PLACES)])
        first = bisect_left(stamps, key)
        found[first] = Piece(1, tuple(stamps[first : first + count]), key)
    return list(found.values())


def _run(job: VideoJob, piece: Piece, progress: Progress) -> io.BytesIO:
    file = io.BytesIO()
    PieceRun(job, piece, file, VideoTally(len(piece.stamps)), progress).run()
    return file


def _add_sizes(file: io.BytesIO, keys: list[int], others: list[int]) -> None:
    file.seek(0)
    with load_av().open(file) as container:
        for packet in container.demux(video=0):
            if packet.size:
                (keys if packet.is_keyframe else others).append(packet.size)


def _video_bytes(job: VideoJob, frames: int, keys: Sequence[int], others: Sequence[int]) -> int:
    """Keyframes are many times as large as others, and far fewer in a piece than in a sample."""
    key = sum(keys) / len(keys)
    if not others:
        return round(key * frames)
    count = min(frames, len(job.pieces) + frames // _KEY_FRAMES)
    return round(key * count + sum(others) / len(others) * (frames - count))


def _rest_bytes(look: VideoLook, frames: int) -> int:
    """Return the bytes of what is copied."""
    rest = max(0, look.facts.path.stat().st_size - look.timeline.size_bytes)
    return round(rest * frames / len(look.timeline.stamps))
