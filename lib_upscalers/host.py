"""The interface that a host program offers to the library: types only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import torch

Precision = Literal["auto", "fp32", "fp16", "bf16"]


class Host(Protocol):
    """A WebUI, or nothing but a process of our own."""

    def model_folders(self) -> Sequence[Path]:
        """Return the folders in which the user keeps networks; they need not exist."""
        ...

    def known_files(self) -> Mapping[Path, str]:
        """Return the network files that the program lists by itself, with its names for them."""
        ...

    def known_names(self) -> Collection[str]:
        """Return the names of all upscalers that the program lists by itself."""
        ...

    def data_folder(self) -> Path:
        """Return the folder for what is remembered between starts; it need not exist."""
        ...

    def device(self) -> torch.device:
        """Return the device on which networks should run."""
        ...

    def precision(self) -> Precision:
        """Return the precision that the user or the program's flags ask for."""
        ...

    def make_room(self) -> None:
        """Have what else the program holds on the device leave it, as far as it can come back."""
        ...

    def free_memory(self, device: torch.device) -> int:
        """Return how many bytes may be taken on `device` now."""
        ...

    def owns_process(self) -> bool:
        """Tell whether the process is ours alone, so that its allocator may be tuned."""
        ...
