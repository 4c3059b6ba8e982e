"""Do one picture of a run in another process, and describe the result in a row.

The result stays under a temporary name beside its own; the run enters it into the journal and
renames it. So a worker that is lost leaves nothing but a temporary file.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from lib_upscalers.jobs.file_done import FileDone
from lib_upscalers.jobs.method import import_heavy
from lib_upscalers.jobs.picture_steps import LoadedFrames
from lib_upscalers.jobs.worker_pool import HandOver
from lib_upscalers.progress import NullProgress

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.jobs.output_paths import FileJob
    from lib_upscalers.jobs.picture_steps import PictureSteps


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
        done: What it became.
    """

    part: Path
    sha256: str
    done: FileDone


class PictureWorker:
    """Does pictures; threads may share it: one reads or writes while another enlarges.

    Args:
        steps: What is done to each picture.
    """

    def __init__(self, steps: PictureSteps) -> None:
        import_heavy()
        self._steps = steps
        self._network = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Of what decides the pixels."""
        return self._steps.method.fingerprint

    def do(self, task: object) -> PictureRow:
        """Do a `PictureTask`; raises what `PictureSteps` raises."""
        task = cast("PictureTask", task)
        start = time.perf_counter()
        hand_over = HandOver()
        done, notes = self._do(task, hand_over)
        seconds = time.perf_counter() - start
        done = replace(done, notes=notes, seconds=seconds)
        return PictureRow(hand_over.part, hand_over.sha256, done)

    def _do(self, task: PictureTask, hand_over: HandOver) -> tuple[FileDone, tuple[str, ...]]:
        steps, job, overwrite = self._steps, task.job, task.overwrite
        name, silent = steps.method.name, NullProgress()
        loaded = steps.read(job)
        if isinstance(loaded, LoadedFrames):
            with self._network:
                notes = steps.do_frames(
                    job, loaded, silent, overwrite=overwrite, finished=hand_over
                )
            return FileDone.of_frames(job, loaded, name), notes
        with self._network:
            enlarged = steps.enlarge(job, loaded, silent, overwrite=overwrite)
        notes = steps.write(job, enlarged, overwrite=overwrite, finished=hand_over)
        return FileDone.of_picture(job, enlarged, name), notes
