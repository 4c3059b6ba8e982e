"""Check that ncnn reaches a GPU by Vulkan."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from lib_upscalers.errors import InputError
from lib_upscalers.network import vulkan_number


def check_vulkan(name: str) -> None:
    """Check that ncnn reaches a device.

    Raises:
        InputError: ncnn is not installed, or the device is not there.
    """
    if importlib.util.find_spec("ncnn") is None:
        raise InputError(
            f"Expected the package ncnn for the device {name!r}, but it is not installed: run "
            "pip install ncnn, or choose another device."
        )
    ncnn: Any = importlib.import_module("ncnn")
    names = [str(ncnn.get_gpu_info(i).device_name()) for i in range(ncnn.get_gpu_count())]
    if (vulkan_number(name) or 0) >= len(names):
        listed = ", ".join(f"vulkan:{i} ({each})" for i, each in enumerate(names)) or "none"
        raise InputError(
            f"Expected a device that Vulkan knows ({listed}), but got {name!r}: choose one of "
            "these, or get the GPU's driver."
        )
