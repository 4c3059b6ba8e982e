"""Choose the builds of torch and torchvision that fit a machine; standard library only."""

from __future__ import annotations

import os
import platform
import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

TORCH = ("2.14.1", "0.29.1")
TORCH_ARM_LINUX = ("2.9.1", "0.24.1")
TORCH_INTEL_MAC = ("2.2.2", "0.17.2")
TORCH_LOCKS: Mapping[tuple[str, str], str] = {
    TORCH: "torch.txt",
    TORCH_ARM_LINUX: "torch-arm-linux.txt",
    TORCH_INTEL_MAC: "torch-intel-mac.txt",
}


class Machine(NamedTuple):
    """The facts of the machine that decide which builds fit."""

    system: str
    processor: str
    gpu: str


def find_gpu(exists: Callable[[str], bool], which: Callable[[str], str | None]) -> str:
    """Return "nvidia", "amd" or "none", by files of the driver."""
    nvidia = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/nvidia-smi")
    if any(exists(path) for path in nvidia) or which("nvidia-smi"):
        return "nvidia"
    return "amd" if exists("/dev/kfd") or which("rocminfo") else "none"


def this_machine() -> Machine:
    """Return the facts of this machine, in next to no time."""
    gpu = find_gpu(os.path.exists, shutil.which)
    return Machine(platform.system(), platform.machine().lower(), gpu)


def version_key(version: str) -> tuple[int, ...]:
    """Return a key that orders versions; a local part such as "+cpu" does not count."""
    return tuple(int(part) for part in version.split("+", maxsplit=1)[0].split("."))


def cpu_pair(torch: Iterable[str], torchvision: Iterable[str]) -> tuple[str, str] | None:
    """Return the newest CPU builds on offer that match each other, up to the pinned version.

    A CPU torch beside another build of torchvision fails when it is first imported, so a CPU build
    of only one of them is not used. torch 2.14.1 goes with torchvision 0.29.1, and so on.
    """
    offered = set(torchvision)
    known = [version for version in torch if re.fullmatch(r"2\.\d+\.\d+\+cpu", version)]
    for version in sorted(known, key=version_key, reverse=True):
        _, minor, patch = version_key(version)
        partner = f"0.{minor + 15}.{patch}+cpu"
        if version_key(version) <= version_key(TORCH[0]) and partner in offered:
            return version, partner
    return None


def choose_torch(machine: Machine, offered: Callable[[str], list[str]]) -> tuple[str, str]:
    """Return the versions of torch and torchvision for a machine.

    Args:
        machine: What it is.
        offered: Returns all versions of a package that the index offers; called only on Linux
            without an NVIDIA GPU, because elsewhere the default builds fit.
    """
    if machine.system == "Darwin" and machine.processor == "x86_64":
        return TORCH_INTEL_MAC
    if machine.system != "Linux" or machine.gpu == "nvidia":
        return TORCH
    if machine.processor in ("aarch64", "arm64"):
        return TORCH_ARM_LINUX
    return cpu_pair(offered("torch"), offered("torchvision")) or TORCH


def parse_versions(output: str) -> list[str]:
    """Read what `pip index versions` prints."""
    found = re.search(r"^Available versions:\s*(.+)$", output, re.MULTILINE)
    return [part.strip() for part in found.group(1).split(",")] if found else []
