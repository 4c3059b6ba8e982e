"""A pool of workers that is this process."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import WorkerLostError
from lib_upscalers.jobs.ray_cluster import RayOptions, picklable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable

    import pytest

    from lib_upscalers.jobs.worker_proof import Proof


class LocalPool:
    """A worker of this process, to which everything travels as it would to another one."""

    size = 1

    def __init__(self, make_worker: Callable[[], Any], *, lost: set[object]) -> None:
        self._worker = pickle.loads(pickle.dumps(make_worker))()
        self._lost = lost

    def run(
        self,
        tasks: Iterable[Any],
        payload: Callable[[Any], Any],
        take: Callable[[Any, object], None],
        stopped: threading.Event,
    ) -> None:
        for task in tasks:
            if stopped.is_set():
                return
            sent = pickle.loads(pickle.dumps(payload(task)))
            take(task, pickle.loads(pickle.dumps(self._outcome(sent))))

    def _outcome(self, task: Any) -> object:  # noqa: ANN401 - of any kind of worker
        name = task.piece.number if hasattr(task, "piece") else task.job.source.name
        if name in self._lost:
            return WorkerLostError("Expected a worker to do this, but 4 have ended over it.")
        try:
            return self._worker.do(task)
        except Exception as error:  # noqa: BLE001 - an outcome
            return picklable(error)


def use_local_pool(monkeypatch: pytest.MonkeyPatch) -> set[object]:
    """Use a `LocalPool` for --ray; names of pictures and numbers of pieces in the set are lost."""
    lost: set[object] = set()

    @contextmanager
    def opened(
        options: RayOptions, make_worker: Callable[[], Any], proof: Proof
    ) -> Generator[LocalPool]:
        assert proof.marker.is_file()
        yield LocalPool(make_worker, lost=lost)

    monkeypatch.setattr("lib_upscalers.jobs.ray_cluster.opened_pool", opened)
    return lost
