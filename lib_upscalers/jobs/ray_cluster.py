"""Start workers on the machines of a Ray cluster, an optional package.

Only tasks and rows travel: paths, numbers and texts.

Source: Moritz and others, "Ray: A Distributed Framework for Emerging AI Applications", 2018,
https://www.usenix.org/conference/osdi18/presentation/moritz.
"""

from __future__ import annotations

import logging
import os
import pickle
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import InputError, UpscalerError
from lib_upscalers.jobs.ray_pool import RayPool, Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from types import ModuleType

    from lib_upscalers.jobs.worker_pool import Worker
    from lib_upscalers.jobs.worker_proof import Proof

_log = logging.getLogger("lib_upscalers")

_OBJECT_BYTES = 100 << 20
# A local cluster is for this machine: nothing listens beyond it, and nothing is reported.
_LOCAL: Mapping[str, str] = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_CORES = 4


@dataclass(frozen=True)
class RayOptions:
    """Where and how a pool works.

    Attributes:
        address: Of a cluster that runs; "" starts one on this machine alone.
        cores: So many of a CPU's cores has each worker; 0: four, or as many as a machine has.
        on_gpu: Whether workers are one a GPU where the cluster has GPUs.
        at_once: How many tasks a worker has at once, in threads.
    """

    address: str = ""
    cores: int = 0
    on_gpu: bool = True
    at_once: int = 1


@contextmanager
def opened_pool(
    options: RayOptions, make_worker: Callable[[], Worker], proof: Proof
) -> Generator[RayPool]:
    """Connect to a cluster, or start one, and start workers on all of its machines.

    Args:
        options: Where.
        make_worker: Returns a worker; called in each worker's process.
        proof: What must hold there.

    Raises:
        InputError: Ray is not installed, the cluster does not answer, or a machine differs.
    """
    ray = _connect(options.address)
    try:
        yield RayPool(ray, _seats(ray, options, make_worker, proof), options.at_once)
    finally:
        ray.shutdown()


def _connect(address: str) -> ModuleType:
    if not address:
        os.environ.update(_LOCAL)
    try:
        ray = import_module("ray")
    except ImportError as error:
        raise InputError(
            "Expected the package ray for --ray, but it is not installed: run pip install "
            "'upscaler-lab[distributed]' (or pip install ray)."
        ) from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init("local", include_dashboard=False, object_store_memory=_OBJECT_BYTES, **quiet)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"Expected a Ray cluster at {address or 'this machine'}, but it cannot be used "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}): look whether "
            "it runs with `ray status`."
        ) from error
    if not address:
        _require_loopback(ray)
    return ray


def _require_loopback(ray: ModuleType) -> None:
    """Refuse a cluster of our own that other machines can reach."""
    if all(each["NodeManagerAddress"].startswith("127.") for each in ray.nodes()):
        return
    ray.shutdown()
    raise InputError(
        "Expected a cluster that this machine alone can reach, but this version of Ray, or its "
        "import before, made another one: start a cluster with `ray start` and name its address."
    )


def _seats(
    ray: ModuleType, options: RayOptions, make_worker: Callable[[], Worker], proof: Proof
) -> list[Seat]:
    """Start the workers and check each.

    Raises:
        InputError: There is no room for any, or a machine differs.
    """
    kind = ray.remote(_Actor)
    seats: list[Seat] = []
    for cores, gpus in _shares(ray.nodes(), options):
        placed = kind.options(num_cpus=cores, num_gpus=gpus, max_concurrency=options.at_once)
        start = partial(placed.remote, make_worker, proof, cores)
        seats.append(Seat(start, start()))
    if not seats:
        raise InputError(
            "Expected a cluster with free cores, but this one has none: wait, or add machines."
        )
    for outcome in ray.get([seat.actor.check.remote() for seat in seats]):
        if isinstance(outcome, Exception):
            raise outcome
        _log.info("A worker is ready on %s.", outcome)
    return seats


def _shares(
    nodes: Iterable[Mapping[str, Any]], options: RayOptions
) -> Generator[tuple[int, int], None, None]:
    """Yield cores and GPUs of each worker, by the machines of a cluster."""
    machines = [each["Resources"] for each in nodes if each["Alive"]]
    on_gpu = options.on_gpu and any(machine.get("GPU", 0) >= 1 for machine in machines)
    for machine in machines:
        cores, gpus = int(machine.get("CPU", 0)), int(machine.get("GPU", 0))
        if on_gpu:
            for _ in range(min(gpus, cores)):
                yield max(1, cores // gpus), 1
            continue
        each = min(options.cores or _CORES, cores)
        for _ in range(cores // each if each else 0):
            yield each, 0


class _Actor:
    """A worker in a process of its own; errors are values."""

    def __init__(self, make_worker: Callable[[], Worker], proof: Proof, cores: int) -> None:
        os.environ["OMP_NUM_THREADS"] = str(cores)
        self._make_worker = make_worker
        self._proof = proof
        self._cores = cores
        self._lock = threading.Lock()
        self._worker: Worker | None = None

    def check(self) -> object:
        """Return the machine's name, or what differs there."""
        try:
            return self._proof.check(self._ready())
        except Exception as error:  # noqa: BLE001 - raised by the run
            return picklable(error)

    def do(self, payload: object) -> object:
        """Return the outcome of a task."""
        try:
            return self._ready().do(payload)
        except Exception as error:  # noqa: BLE001 - counted by the run
            return picklable(error)

    def _ready(self) -> Worker:
        with self._lock:
            if self._worker is None:
                import torch

                torch.set_num_threads(self._cores)
                self._worker = self._make_worker()
            return self._worker


def picklable(error: Exception) -> Exception:
    """Return the error, or one of our own with its text if it cannot travel."""
    try:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled in this line
    except Exception:  # noqa: BLE001 - whatever a foreign class does
        return UpscalerError(f"{type(error).__name__}: {error}")
    return error if isinstance(copy, type(error)) else UpscalerError(str(error))
