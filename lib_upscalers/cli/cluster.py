"""Options for work on the machines of a Ray cluster, and the workers that they ask for."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lib_upscalers.cli.arguments import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Sequence

    from lib_upscalers.jobs.ray_pool import RayPool
    from lib_upscalers.jobs.worker_pool import Worker


class ClusterOptions(Protocol):
    """What the options of each command that can work on a cluster have."""

    @property
    def ray(self) -> str | None:
        """The address of a cluster; "" starts one on this machine; None: in this process."""
        ...

    @property
    def ray_cores(self) -> int | None:
        """The cores of each worker; None: four, or as many as a machine has."""
        ...

    @property
    def device(self) -> str:
        """As the user named it."""
        ...


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the options --ray and --ray-cores."""
    group = parser.add_argument_group(
        "many machines",
        "the package ray is needed: pip install 'upscaler-lab[distributed]';\n"
        "  each machine must see pictures, results and networks under the same paths",
    )
    group.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="work on the machines of a Ray cluster, such as --ray=10.0.0.5:6379 or --ray=auto; "
        "without an address, with several processes on this machine, which nothing else can reach",
    )
    group.add_argument(
        "--ray-cores",
        type=count,
        metavar="N",
        help="cores for each worker (default: 4, or one GPU where the cluster has GPUs)",
    )


def absolute_models(models: Sequence[Path], upscaler: str | None) -> tuple[list[Path], str | None]:
    """Return folders of networks and an upscaler's name that hold in any current folder."""
    if upscaler is not None and Path(upscaler).is_file():
        upscaler = str(Path(upscaler).absolute())
    return [each.absolute() for each in models], upscaler


@contextmanager
def opened_workers(
    options: ClusterOptions,
    make_worker: Callable[[], Worker],
    *,
    folder: Path,
    fingerprint: str,
    at_once: int,
) -> Generator[RayPool]:
    """Start the workers that the options ask for, and prove that they work as this process would.

    Args:
        options: What the user asked for.
        make_worker: Returns a worker; it travels to the workers' processes.
        folder: Where the results go.
        fingerprint: Of what decides the pixels.
        at_once: How many tasks a worker has at once, in threads.

    Raises:
        InputError: The cluster cannot be used, or one of its machines differs.
    """
    from lib_upscalers.jobs.ray_cluster import RayOptions, opened_pool
    from lib_upscalers.jobs.worker_proof import proving

    on_gpu = options.device != "cpu"
    where = RayOptions(options.ray or "", options.ray_cores or 0, on_gpu, at_once)
    with (
        redirect_stdout(sys.stderr),  # Ray prints what becomes of its processes
        proving(folder, fingerprint) as proof,
        opened_pool(where, make_worker, proof) as pool,
    ):
        yield pool
