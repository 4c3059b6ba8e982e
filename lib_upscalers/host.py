"""The interface that a host program offers to the library: types only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import torch

Precision = Literal["auto", "fp32", "fp16", "bf16"]
Backend = Literal["auto", "torch", "ncnn"]


class Host(Protocol):
    """A program that runs the library: a WebUI, or a process of our own."""

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
        """Return the folder for data that is stored between starts; it need not exist."""
        ...

    def device(self) -> torch.device:
        """Return the device on which networks should run."""
        ...

    def precision(self) -> Precision:
        """Return the precision that the user or the program's flags ask for."""
        ...

    def backend(self) -> str:
        """Return by what networks are computed: a `Backend`, or a Vulkan device: ``"vulkan:0"``."""
        ...

    def make_room(self) -> None:
        """Move the program's other data off the device, as far as it can be loaded again."""
        ...

    def free_memory(self, device: torch.device) -> int:
        """Return how many bytes may be allocated on `device` now."""
        ...

    def owns_process(self) -> bool:
        """Return whether the process is ours alone, so that its allocator may be tuned."""
        ...
