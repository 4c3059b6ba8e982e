"""AUTOMATIC1111's WebUI as the library's host; its forks override where they differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.free_memory import free_device_memory
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.scaler import Scaler, StandIn, file_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import torch

    from lib_upscalers.host import Precision

# Folders below that of models in which hosts, their extensions and other programs have networks.
_FOLDERS = (
    *("ESRGAN", "RealESRGAN", "BSRGAN", "DAT", "HAT", "SwinIR", "ScuNET", "GRL", "SPAN", "RCAN"),
    *("PLKSR", "SRFormer", "OmniSR", "COMPACT", "ATD", "DRCT", "upscale_models", "upscalers"),
)
_FOLDER_ARGUMENTS = tuple(f"{name.lower()}_models_path" for name in _FOLDERS)
_FULL_PRECISION_FLAGS = ("no_half", "all_in_fp32", "force_fp32", "upcast_sampling")


class A1111Host:
    """The WebUI as the library sees it. Implements `host.Host`."""

    def model_folders(self) -> Sequence[Path]:
        """Return the folders of networks, those named on the command line, those in settings."""
        shared = host_module("shared")
        arguments: dict[str, Any] = vars(shared.cmd_opts)
        named = [arguments.get(name) for name in _FOLDER_ARGUMENTS]
        usual = [Path(shared.models_path) / name for name in _FOLDERS]
        folders = [*usual, *(Path(name) for name in named if name), *options.folders()]
        return list(dict.fromkeys(folders))

    def known_files(self) -> Mapping[Path, str]:
        """Return the files that the WebUI lists by itself, with its names for them."""
        found: dict[Path, str] = {}
        for entry in self._entries():
            path = file_of(entry)
            if path is not None:
                found.setdefault(path, str(entry.name))
        return found

    def known_names(self) -> Collection[str]:
        """Return the names of all upscalers that the WebUI lists by itself."""
        return {str(entry.name) for entry in self._entries()}

    def _entries(self) -> list[Any]:
        entries: list[Any] = host_module("shared").sd_upscalers
        return [
            entry
            for entry in entries
            if isinstance(entry.scaler, StandIn) or not isinstance(entry.scaler, Scaler)
        ]

    def data_folder(self) -> Path:
        """Return our folder below the WebUI's folder of models."""
        return Path(host_module("shared").models_path) / "upscaler_lab"

    def device(self) -> torch.device:
        """Return the device that the WebUI has for upscalers; ``--use-cpu`` is obeyed."""
        import torch

        return torch.device(host_module("devices").device_esrgan or "cpu")

    def precision(self) -> Precision:
        """Return fp32 where a flag of the WebUI forbids half precision, else "auto"."""
        flags = host_module("shared").cmd_opts
        full = any(getattr(flags, name, False) for name in _FULL_PRECISION_FLAGS)
        return "fp32" if full else "auto"

    def backend(self) -> str:
        """Return torch: in the WebUI's process nothing else computes unless the user asks."""
        return "torch"

    def free_memory(self, device: torch.device) -> int:
        """Return how many bytes may be allocated on `device` now."""
        return free_device_memory(device)

    def make_room(self) -> None:
        """Move the WebUI's models off the device, as far as the WebUI can load them again."""
        # Not `shared.sd_model`, which would load a model where there is none yet.
        model = host_module("sd_models").model_data.sd_model
        if getattr(model, "lowvram", False):
            host_module("lowvram").send_everything_to_cpu()
        host_module("devices").torch_gc()

    def owns_process(self) -> bool:
        """Return False: the process is the WebUI's."""
        return False
