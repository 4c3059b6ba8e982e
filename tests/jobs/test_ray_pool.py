"""The sharing of tasks among workers, with a stand-in for Ray whose workers die when told."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers.errors import DiskFullError, WorkerLostError
from lib_upscalers.jobs import ray_pool
from lib_upscalers.jobs.ray_pool import RayPool, Seat

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_pool, "_WAIT_SECONDS", 0.01)


class RayError(Exception):
    """As Ray's own."""


@dataclass
class Actor:
    """Does a task as soon as it is asked; `act` returns the outcome or raises RayError."""

    act: Any
    name: str
    dead: bool = False

    @property
    def do(self) -> SimpleNamespace:
        return SimpleNamespace(remote=lambda payload: Promise(self, payload))

    @property
    def check(self) -> SimpleNamespace:
        return SimpleNamespace(remote=lambda: Promise(self, None))

    def outcome(self, payload: int | None) -> object:
        if payload is None:
            return self.name
        if self.dead:
            raise RayError("the worker has ended")
        try:
            return self.act(self.name, payload)
        except RayError:
            self.dead = True
            raise


@dataclass(eq=False)
class Promise:
    actor: Actor
    payload: Any


@dataclass
class Cluster:
    """Stands for the package, and starts workers."""

    act: Any
    most: int = 100
    started: int = 0
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(RayError=RayError))

    def wait(
        self, promises: list[Promise], *, num_returns: int, timeout: float
    ) -> tuple[list[Promise], list[Promise]]:
        return promises[:num_returns], promises[num_returns:]

    def get(self, promise: Promise) -> object:
        return promise.actor.outcome(promise.payload)

    def start(self) -> Actor:
        self.started += 1
        if self.started > self.most:
            return Actor(lambda *_: None, "none", dead=True)
        return Actor(self.act, f"worker {self.started}")

    def pool(self, workers: int) -> RayPool:
        return RayPool(self, [Seat(self.start, self.start()) for _ in range(workers)], 3)  # type: ignore[arg-type]


def done(pool: RayPool, tasks: int, stopped: threading.Event | None = None) -> dict[int, Any]:
    """Return the outcome of each task; none has two."""
    outcomes: dict[int, Any] = {}

    def take(task: int, outcome: object) -> None:
        assert task not in outcomes
        outcomes[task] = outcome

    pool.run(range(1, tasks + 1), lambda task: task, take, stopped or threading.Event())
    return outcomes


def test_each_task_is_done_once_and_by_every_worker() -> None:
    cluster = Cluster(lambda name, task: (name, task))
    outcomes = done(cluster.pool(3), 50)
    assert sorted(task for _, task in outcomes.values()) == list(range(1, 51))
    assert len({name for name, _ in outcomes.values()}) == 3


def test_what_is_lost_with_a_worker_is_done_by_another() -> None:
    deaths = {7, 20, 21}

    def act(name: str, task: int) -> str:
        if task in deaths:
            deaths.remove(task)
            raise RayError("killed")
        return name

    cluster = Cluster(act)
    outcomes = done(cluster.pool(2), 40)
    assert sorted(outcomes) == list(range(1, 41))
    assert all(isinstance(each, str) for each in outcomes.values())
    assert cluster.started >= 5


def test_a_task_that_ends_every_worker_fails_and_harms_no_other() -> None:
    tries: Counter[int] = Counter()

    def act(name: str, task: int) -> str:
        tries[task] += 1
        if task == 9:
            raise RayError("out of memory")
        return name

    outcomes = done(Cluster(act).pool(2), 20)
    assert isinstance(outcomes.pop(9), WorkerLostError)
    assert len(outcomes) == 19
    assert all(isinstance(each, str) for each in outcomes.values())
    assert tries[9] == ray_pool._MOST_LOSSES + 1


def test_without_any_worker_left_the_run_ends() -> None:
    def act(_: str, __: int) -> str:
        raise RayError("the machine is gone")

    cluster = Cluster(act, most=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_pool, "_MOST_STARTS", 0)
        with pytest.raises(WorkerLostError, match="the same command goes on"):
            done(cluster.pool(2), 5)


def test_a_full_disk_on_one_machine_leaves_the_work_to_others() -> None:
    def act(name: str, _: int) -> object:
        return DiskFullError("full") if name == "worker 1" else name

    outcomes = done(Cluster(act).pool(2), 12)
    assert set(outcomes.values()) == {"worker 2"}
    assert len(outcomes) == 12


def test_full_disks_everywhere_are_the_outcome() -> None:
    outcomes: list[object] = []

    def take(_: int, outcome: object) -> None:
        outcomes.append(outcome)
        raise DiskFullError("full")

    pool = Cluster(lambda *_: DiskFullError("full")).pool(2)
    with pytest.raises(DiskFullError):
        pool.run(range(9), lambda task: task + 1, take, threading.Event())
    assert len(outcomes) == 1


def test_a_run_that_is_stopped_hands_out_nothing_more() -> None:
    stopped = threading.Event()

    def act(name: str, task: int) -> str:
        if task == 3:
            stopped.set()
        return name

    outcomes = done(Cluster(act).pool(1), 1000, stopped)
    assert len(outcomes) < 10


def test_what_the_source_of_tasks_raises_ends_the_run() -> None:
    def tasks() -> Iterator[int]:
        yield 1
        raise OSError("the journal is gone")

    with pytest.raises(OSError, match="journal"):
        Cluster(lambda name, _: name).pool(1).run(
            tasks(), lambda task: task, lambda *_: None, threading.Event()
        )
