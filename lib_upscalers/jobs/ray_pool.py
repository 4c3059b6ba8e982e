"""Share the tasks of a run among workers, and do again elsewhere what is lost with one."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lib_upscalers.errors import DiskFullError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

_log = logging.getLogger("lib_upscalers")

Task = TypeVar("Task")

# So often a task may end its worker, the last times alone in it.
_MOST_LOSSES = 3
_MOST_STARTS = 100
_DESERTED_SECONDS = 120.0
_WAIT_SECONDS = 0.2


@dataclass
class Seat:
    """A place for a worker, the worker that has it, and what that has in work."""

    start: Callable[[], Any]
    actor: Any
    busy: int = 0
    alone: bool = False
    full_disk: bool = False


class RayPool:
    """Implements `worker_pool.WorkerPool`.

    Args:
        ray: The package, connected.
        seats: The workers.
        at_once: How many tasks a worker has at once.
    """

    def __init__(self, ray: ModuleType, seats: list[Seat], at_once: int) -> None:
        self._ray = ray
        self._seats = seats
        self._at_once = at_once

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._seats)

    def run(
        self,
        tasks: Iterable[Task],
        payload: Callable[[Task], object],
        take: Callable[[Task, object], None],
        stopped: threading.Event,
    ) -> None:
        """Do all tasks; as `worker_pool.WorkerPool.run`."""
        _Round(self._ray, self._seats, self._at_once, payload, take, stopped).do(tasks)


@dataclass
class _Round(Generic[Task]):
    """One run of a pool."""

    ray: ModuleType
    seats: list[Seat]
    at_once: int
    payload: Callable[[Task], object]
    take: Callable[[Task, object], None]
    stopped: threading.Event
    _next: queue.Queue[Any] = field(init=False)
    _lost: deque[tuple[Task, int]] = field(default_factory=deque[Any], init=False)
    _flying: dict[Any, tuple[Seat, Task, int]] = field(default_factory=dict[Any, Any], init=False)
    _joining: dict[Any, Seat] = field(default_factory=dict[Any, Seat], init=False)
    _starts: int = field(default=0, init=False)
    _served: float = field(default_factory=time.monotonic, init=False)
    _ended: bool = field(default=False, init=False)
    _failures: list[BaseException] = field(default_factory=list[BaseException], init=False)

    def do(self, tasks: Iterable[Task]) -> None:
        self._next = queue.Queue(maxsize=len(self.seats))
        feeder = threading.Thread(target=self._feed, args=(tasks,), name="tasks", daemon=True)
        feeder.start()
        try:
            while not self.stopped.is_set() and not self._is_over:
                self._fill()
                self._collect()
        except BaseException:
            self.stopped.set()
            raise
        finally:
            self._drain(feeder)
        if self._failures:
            raise self._failures[0]

    @property
    def _is_over(self) -> bool:
        return self._ended and not self._lost and not self._flying

    def _feed(self, tasks: Iterable[Task]) -> None:
        try:
            for task in tasks:
                if not self._offer((task, 0)):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by `do`
            self._failures.append(error)
        self._offer(None)

    def _offer(self, item: object) -> bool:
        """Put an item into the queue; return False if the run has ended meanwhile."""
        while not self.stopped.is_set():
            try:
                self._next.put(item, timeout=_WAIT_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def _drain(self, feeder: threading.Thread) -> None:
        while feeder.is_alive() and self.stopped.is_set():
            feeder.join(_WAIT_SECONDS)

    def _fill(self) -> None:
        """Hand out what can be, first to the workers that have least."""
        while any(self._hand_to(seat) for seat in sorted(self.seats, key=lambda each: each.busy)):
            pass

    def _hand_to(self, seat: Seat) -> bool:
        found = self._task_for(seat)
        if found is None:
            return False
        task, losses = found
        seat.busy += 1
        seat.alone = losses > 0
        self._flying[seat.actor.do.remote(self.payload(task))] = (seat, task, losses)
        return True

    def _task_for(self, seat: Seat) -> tuple[Task, int] | None:
        """Return a task for a worker; one that has ended a worker runs alone."""
        if seat.full_disk or (seat.alone and seat.busy):
            return None
        if self._lost and not seat.busy:
            return self._lost.popleft()
        if self._ended or seat.busy >= self.at_once:
            return None
        try:
            found = self._next.get_nowait()
        except queue.Empty:
            return None
        self._ended = found is None
        return found

    def _collect(self) -> None:
        """Take the outcomes that are there."""
        waiting = [*self._flying, *self._joining]
        if not waiting:
            self.stopped.wait(_WAIT_SECONDS)
        else:
            ready, _ = self.ray.wait(waiting, num_returns=1, timeout=_WAIT_SECONDS)
            for reference in ready:
                if reference in self._flying:
                    self._take_outcome(reference)
                else:
                    self._join(reference)
        self._refuse_to_wait_alone()

    def _take_outcome(self, reference: object) -> None:
        seat, task, losses = self._flying.pop(reference)
        seat.busy -= 1
        try:
            outcome = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            outcome = self._after_loss(seat, task, losses + 1, error)
        if isinstance(outcome, DiskFullError) and self._can_others(seat):
            self._lost.append((task, losses))
            return
        if outcome is not None:
            self.take(task, outcome)

    def _after_loss(
        self, seat: Seat, task: Task, losses: int, error: Exception
    ) -> WorkerLostError | None:
        """Start another worker; let a task be done again, or return why it is not."""
        if seat in self.seats:
            _log.warning("A worker was lost: %s", str(error).splitlines()[0])
            self.seats.remove(seat)
            self._start_another(seat)
        if losses <= _MOST_LOSSES:
            self._lost.append((task, losses))
            return None
        return WorkerLostError(
            f"Expected a worker to do this, but {losses} have ended over it: give each more memory "
            "or cores, or set a smaller tile."
        )

    def _start_another(self, seat: Seat) -> None:
        self._starts += 1
        if self._starts <= _MOST_STARTS:
            other = Seat(seat.start, seat.start())
            self._joining[other.actor.check.remote()] = other

    def _join(self, reference: object) -> None:
        """Use a worker that was started, unless it cannot be used."""
        seat = self._joining.pop(reference)
        try:
            outcome = self.ray.get(reference)
        except self.ray.exceptions.RayError:
            self._start_another(seat)
            return
        if isinstance(outcome, Exception):
            _log.warning("A new worker cannot be used: %s", outcome)
        else:
            self.seats.append(seat)

    def _refuse_to_wait_alone(self) -> None:
        now = time.monotonic()
        if self.seats:
            self._served = now
        elif not self._joining or now - self._served > _DESERTED_SECONDS:
            raise WorkerLostError(
                "Expected a worker, but all have ended and no other could be started: look at the "
                "cluster with `ray status`; the same command goes on with what is left."
            )

    def _can_others(self, seat: Seat) -> bool:
        """Return whether there is a worker whose disk is not full; this one has no space."""
        seat.full_disk = True
        return not all(each.full_disk for each in self.seats)
