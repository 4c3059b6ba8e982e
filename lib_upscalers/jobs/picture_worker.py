"""Do one picture of a run in another process, and describe the result in a row.

The result stays under a temporary name beside its own; the run enters it into the journal and
renames it. So a worker that is lost leaves nothing but a temporary file.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from lib_upscalers.jobs.method import describe_result, import_heavy
from lib_upscalers.jobs.picture_steps import LoadedFrames
from lib_upscalers.jobs.worker_pool import HandOver
from lib_upscalers.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lib_upscalers.geometry import Size
    from lib_upscalers.jobs.output_paths import FileJob
    from lib_upscalers.jobs.picture_steps import LoadedPicture, PictureSteps


@dataclass(frozen=True)
class PictureTask:
    """A picture to do.

    Attributes:
        job: Its paths, which are absolute.
        overwrite: Whether a file of the result's name may be replaced.
    """

    job: FileJob
    overwrite: bool


@dataclass(frozen=True)
class PictureRow:
    """A picture that was done.

    Attributes:
        part: The result, under its temporary name.
        sha256: Of that file.
        before: The picture's size.
        after: The result's size.
        seconds: How long it took.
        notes: What the result does not hold, a sentence each.
        details: How it was enlarged, in a line.
        count: How many frames or pages it has.
    """

    part: Path
    sha256: str
    before: Size
    after: Size
    seconds: float
    notes: tuple[str, ...]
    details: str
    count: int = 1


class PictureWorker:
    """Does pictures; threads may share it: one reads or writes while another enlarges.

    Args:
        make_steps: Returns what is done to each picture; called here, so that the network is loaded
            here.
    """

    def __init__(self, make_steps: Callable[[], PictureSteps]) -> None:
        self._make_steps = make_steps
        self._network = threading.Lock()
        self._preparation = threading.Lock()

    @cached_property
    def _steps(self) -> PictureSteps:
        import_heavy()
        return self._make_steps()

    @property
    def fingerprint(self) -> str:
        """Different for every other way to make pixels, as that of the run."""
        with self._preparation:
            return self._steps.method.fingerprint

    def do(self, task: object) -> PictureRow:
        """Do a `PictureTask`; raises what `PictureSteps` raises."""
        task = cast("PictureTask", task)
        with self._preparation:
            steps = self._steps
        start = time.perf_counter()
        hand_over = HandOver()
        loaded = steps.read(task.job)
        if isinstance(loaded, LoadedFrames):
            with self._network:
                notes = steps.do_frames(
                    task.job,
                    loaded,
                    NullProgress(),
                    overwrite=task.overwrite,
                    finished=hand_over,
                )
            details = f"{steps.method.name}, {loaded.frames.count} frames"
            found = (loaded.frames.size, loaded.size, notes, details, loaded.frames.count)
        else:
            found = self._do_picture(steps, task, loaded, hand_over)
        before, after, notes, details, count = found
        seconds = time.perf_counter() - start
        part, digest = hand_over.part, hand_over.sha256
        return PictureRow(part, digest, before, after, seconds, notes, details, count)

    def _do_picture(
        self, steps: PictureSteps, task: PictureTask, loaded: LoadedPicture, hand_over: HandOver
    ) -> tuple[Size, Size, tuple[str, ...], str, int]:
        with self._network:
            enlarged = steps.enlarge(task.job, loaded, NullProgress(), overwrite=task.overwrite)
        notes = steps.write(task.job, enlarged, overwrite=task.overwrite, finished=hand_over)
        details = describe_result(steps.method.name, enlarged.result)
        return enlarged.before, enlarged.result.picture.size, notes, details, 1
