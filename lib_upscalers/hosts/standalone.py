"""The host outside any WebUI: the process of the command line or of the app."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.hosts.free_memory import free_device_memory
from lib_upscalers.models.ncnn_backend.vulkan import check_vulkan
from lib_upscalers.network import normal_vulkan

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import torch

    from lib_upscalers.host import Precision

_log = logging.getLogger("lib_upscalers")
_NAME = "upscaler-lab"


def default_data_folder(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder for a user's data on a platform.

    Args:
        platform: As `sys.platform` names it.
        environ: Environment variables.
        home: The user's home folder.
    """
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / _NAME
    if platform == "darwin":
        return home / "Library" / "Application Support" / _NAME
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / _NAME


def _home() -> Path:
    """Return the user's home folder; a temporary one if there is none, as in some containers."""
    try:
        return Path.home()
    except RuntimeError:
        import tempfile

        return Path(tempfile.gettempdir(), f"{_NAME}-{os.getpid()}")


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # there is no user of that name
        return Path(name)


def _defect(device: torch.device) -> str:
    """Return why the device does not compute (its driver may be too old), or "" if it does."""
    import torch

    try:
        total = float(torch.ones(2, device=device).sum())
    except (RuntimeError, AssertionError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0][:200]
    return "" if total == 2.0 else "it computes wrongly"


def _best_device() -> torch.device:
    import torch

    found = (torch.cuda.is_available(), "cuda:0"), (torch.backends.mps.is_available(), "mps")
    for device in (torch.device(name) for there, name in found if there):
        defect = _defect(device)
        if not defect:
            return device
        _log.warning("The device %s is there but does not work: %s", device, defect)
    return torch.device("cpu")


def _named_device(name: str) -> torch.device:
    import torch

    if normal_vulkan(name):
        check_vulkan(name)
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(
            f"Expected a device such as cpu, cuda, cuda:1, mps or vulkan:0, but got {name!r}."
        ) from None
    defect = _defect(device)
    if defect:
        raise InputError(
            f"Expected a device that works here, but got {name!r} ({defect}); use cpu, or auto to "
            "have the best one chosen."
        )
    return torch.device("cuda", 0) if device == torch.device("cuda") else device


@dataclass(frozen=True)
class StandaloneHost:
    """A process of our own. Implements `host.Host`.

    Attributes:
        extra_folders: Folders with networks, searched before the usual ones.
        device_name: As torch names it; "auto" is a GPU if one works; "vulkan:0" is a GPU that ncnn
            runs networks on, while all else runs on the CPU.
        wanted_precision: For all networks.
        own_data_folder: Used instead of the platform's.
    """

    extra_folders: tuple[Path, ...] = ()
    device_name: str = "auto"
    wanted_precision: Precision = "auto"
    own_data_folder: Path | None = None

    def model_folders(self) -> Sequence[Path]:
        """Return the extra folders, those in $UPSCALER_LAB_MODELS, ./models and the user's own."""
        named = os.environ.get("UPSCALER_LAB_MODELS", "").split(os.pathsep)
        usual = [Path("models"), self.data_folder() / "models"]
        return [*self.extra_folders, *(_expanded(name) for name in named if name), *usual]

    def known_files(self) -> Mapping[Path, str]:
        """Return nothing: there is no other program's list."""
        return {}

    def known_names(self) -> Collection[str]:
        """Return nothing: there is no other program's list."""
        return ()

    def data_folder(self) -> Path:
        """Return the folder for files that outlive the process."""
        return self.own_data_folder or default_data_folder(sys.platform, os.environ, _home())

    def device(self) -> torch.device:
        """Return the device on which networks run.

        Raises:
            InputError: The device that was asked for does not exist.
        """
        return self._device

    @cached_property
    def _device(self) -> torch.device:
        return _best_device() if self.device_name == "auto" else _named_device(self.device_name)

    def precision(self) -> Precision:
        """Return the precision that was asked for."""
        return self.wanted_precision

    def backend(self) -> str:
        """Return the faster one, or the Vulkan device that was asked for."""
        return normal_vulkan(self.device_name) or "auto"

    def make_room(self) -> None:
        """Do nothing: there is nothing else on the device."""

    def free_memory(self, device: torch.device) -> int:
        """Return how many bytes may be allocated on `device` now, within a container's limit."""
        return free_device_memory(device)

    def owns_process(self) -> bool:
        """Return True: no other program shares it."""
        return True
