"""Workers that do the tasks of a run, such as those on other machines, as the run sees them.

A task is what a worker is given: paths and numbers, never pixels. An outcome is what it returns.
An exception that a task raises is an outcome, too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from lib_upscalers.file_writing import move_finished

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

Task = TypeVar("Task")


class Worker(Protocol):
    """Does tasks, one after the other or several at once in threads."""

    @property
    def fingerprint(self) -> str:
        """Of what decides the pixels, which must be that of the run."""
        ...

    def do(self, task: object) -> object:
        """Do a task. What it raises is its outcome."""
        ...


class WorkerPool(Protocol):
    """Workers that share the tasks of a run."""

    def run(
        self,
        tasks: Iterable[Task],
        payload: Callable[[Task], object],
        take: Callable[[Task, object], None],
        stopped: threading.Event,
    ) -> None:
        """Do all tasks, in any order.

        Args:
            tasks: Taken one by one in a thread of its own, only a few ahead of the workers.
            payload: Returns what a worker gets of a task.
            take: Called in this thread with a task and its outcome. What it raises ends the run.
            stopped: Set it to end the run: nothing else is handed out, and what is in work is
                abandoned.

        Raises:
            WorkerLostError: There is no worker left.
            InputError: The workers cannot do these tasks.
        """
        ...


class HandOver:
    """Leaves a file that a worker has written under its temporary name, for the run to publish.

    Give it to `file_writing.writing` as `finished`.

    Attributes:
        part: The file.
        sha256: Of the file.
    """

    def __init__(self) -> None:
        self.part = Path()
        self.sha256 = ""

    def __call__(self, part: Path) -> bool:
        """Take the file over."""
        from lib_upscalers.models.checksum import sha256_of

        self.part, self.sha256 = part, sha256_of(part)
        return True


def publish_part(
    part: Path, target: Path, enter: Callable[[Path], object], *, overwrite: bool
) -> None:
    """Give a file that a worker has left its name; remove it if that fails.

    Args:
        part: The file.
        target: Its name. A symbolic link keeps its target.
        enter: Called with the file before it takes its name.
        overwrite: Whether what has that name is replaced.

    Raises:
        OutputError: That failed.
        Exception: Whatever `enter` raises.
    """
    try:
        enter(part)
        move_finished(part, Path(os.path.realpath(target)), overwrite=overwrite)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
