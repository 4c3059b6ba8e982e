"""Describe the machine, the packages and the device in lines of a bug report."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING

from lib_upscalers.models.architectures import private

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from lib_upscalers.host import Host

_PACKAGES = (
    *("torch", "torchvision", "numpy", "pillow", "safetensors", "gradio", "fastapi", "pydantic"),
    *("scikit-image", "psutil", "einops", "rich", "openmodeldb", "send2trash", "pillow-heif"),
    *("pillow-jxl-plugin", "xformers"),
)
_GIGABYTE = 1 << 30


def machine_lines() -> Sequence[str]:
    """Return Python, system, cores and memory."""
    import psutil

    total = psutil.virtual_memory().total / _GIGABYTE
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return [
        f"Python {platform.python_version()} ({platform.python_implementation()}), {system}",
        f"{os.cpu_count()} cores, {total:.1f} GiB of memory",
    ]


def package_lines() -> Sequence[str]:
    """Return the versions of the packages that matter, those that are missing last."""
    found = {name: _version(name) for name in _PACKAGES}
    there = [f"{name} {version}" for name, version in found.items() if version]
    missing = [name for name, version in found.items() if not version]
    lines = [", ".join([*there, private.versions()])]
    if missing:
        lines.append(f"not installed: {', '.join(missing)}")
    lacking = private.lacking()
    return [*lines, lacking] if lacking else lines


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def device_lines(host: Host) -> Sequence[str]:
    """Return the device on which networks run, what it is, and its free memory.

    Raises:
        Exception: Whatever the driver raises.
    """
    device = host.device()
    free = host.free_memory(device) / _GIGABYTE
    return [
        f"{device}{_name_of(device)}, {free:.1f} GiB free, precision {host.precision()}",
    ]


def _name_of(device: torch.device) -> str:
    import torch

    if device.type != "cuda":
        return ""
    facts = torch.cuda.get_device_properties(device)
    total = facts.total_memory / _GIGABYTE
    runtime = torch.version.cuda or torch.version.hip
    return f": {facts.name}, {total:.1f} GiB, {facts.major}.{facts.minor}, runtime {runtime}"
