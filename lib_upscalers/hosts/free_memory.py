"""Determine the free memory of devices and control groups, in bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _statistic(path: Path, name: str) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[:1] == [name]), 0)


def _groups(root: Path, membership: str) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Yield the folders of the process's groups and of all above, with their file names."""
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base = root / "memory" if controllers else root
        parts = [part for part in path.split("/") if part not in {"", ".."}]
        for depth in range(len(parts), -1, -1):
            yield base.joinpath(*parts[:depth]), _V1 if controllers else _V2


def group_memory(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int | None:
    """Return how many bytes a Linux control group (a container) has free; None without a limit.

    Cached pages of files, which the kernel drops on demand, count as free.
    """
    try:
        groups = list(_groups(root, membership.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    free: list[int] = []
    for folder, (limit_name, usage_name, cached_name) in groups:
        limit = _number(folder / limit_name)
        usage = None if limit is None else _number(folder / usage_name)
        if limit is not None and usage is not None:
            free.append(limit - usage + _statistic(folder / "memory.stat", cached_name))
    return max(0, min(free)) if free else None


def free_main_memory() -> int:
    """Return how many bytes of main memory may be allocated without swapping."""
    import psutil

    available = int(psutil.virtual_memory().available)
    limit = group_memory()
    return available if limit is None else min(available, limit)


def free_device_memory(device: torch.device) -> int:
    """Return how many bytes may be allocated on `device`, torch's own unused blocks included."""
    import torch

    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type == "mps" and hasattr(torch.mps, "recommended_max_memory"):
        limit = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        return max(0, min(limit, free_main_memory()))
    return free_main_memory()
