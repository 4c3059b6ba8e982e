"""Workers that do the tasks of a run, such as those on other machines, as the run sees them.

A task is what a worker is given: paths and numbers, never pixels. An outcome is what it returns.
An exception that a task raises is an outcome, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

Task = TypeVar("Task")


class Worker(Protocol):
    """Does tasks, one after the other or several at once in threads."""

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
