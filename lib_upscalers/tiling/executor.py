"""A network on a device: one batch of tiles in, their cores out, whatever happens between."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelError
from lib_upscalers.pictures.picture import from_tensor, to_tensor
from lib_upscalers.tiling.blend import written_region
from lib_upscalers.tiling.padding import read_source
from lib_upscalers.tiling.precision import dtype_name, place_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from lib_upscalers.geometry import Border
    from lib_upscalers.network import Network
    from lib_upscalers.tiling.plan import Tile

_log = logging.getLogger("lib_upscalers")

_MEMORY_SIGNS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "status_alloc_failed",
    "bad_alloc",
    "valid cudnn algorithm",
    "could not create a memory object",
)


class OutOfMemory(Exception):  # noqa: N818 - a signal to the loop, which always handles it
    """The device has no room for what was asked; the loop makes it smaller."""


class Executor:
    """Runs tiles on one device, in the first precision of a ladder that gives numbers.

    Args:
        network: What runs.
        device: Where.
        ladder: The dtypes to use, best first; the last one's results are taken as they are.
    """

    def __init__(
        self, network: Network, device: torch.device, ladder: Sequence[torch.dtype]
    ) -> None:
        self.network = network
        self.device = device
        self._ladder = list(ladder)

    @property
    def dtype(self) -> torch.dtype:
        """The precision in use."""
        return self._ladder[0]

    @property
    def key(self) -> str:
        """The name of this device and precision in the network's profile."""
        return place_key(self.device, self.dtype)

    def place(self) -> None:
        """Move the network to where and how it runs.

        Raises:
            OutOfMemory: The device has no room for the weights.
        """
        channels_last = self.network.profile.channels_last.get(self.key, True)
        with memory_signal():
            self.network.place(self.device, self.dtype, channels_last=channels_last)

    def run(
        self,
        tiles: Sequence[Tile],
        pixels: NDArray[Any],
        border: Border,
        band: int,
        dtype: np.dtype[Any],
    ) -> list[NDArray[Any]]:
        """Run tiles with sources of one size in one forward.

        A result with NaN or Inf is run again in the ladder's next precision, and the profile
        remembers not to try the first one again.

        Args:
            tiles: What to run.
            pixels: The picture, shape (H, W, C), C as the network has it.
            border: What lies beyond the picture.
            band: Over how many pixels tiles reach over their neighbours, to be blended.
            dtype: The type of the result: uint8, uint16 or float32.

        Returns:
            For each tile its `written_region`, enlarged, shape (h, w, C).

        Raises:
            OutOfMemory: The device has no room for it.
            ModelError: Even in fp32 a result is NaN or infinite.
        """
        with memory_signal():
            output = None
            while output is None:
                self.place()
                output = self._forward(self._read(tiles, pixels, border))
            return [
                from_tensor(self._cut(output[i], tile, band), dtype) for i, tile in enumerate(tiles)
            ]

    def _read(self, tiles: Sequence[Tile], pixels: NDArray[Any], border: Border) -> torch.Tensor:
        import torch

        traits = self.network.traits
        sources = [read_source(pixels, tile.source, traits, border) for tile in tiles]
        parts = [to_tensor(source, self.device, self.dtype) for source in sources]
        return parts[0][None] if len(parts) == 1 else torch.stack(parts)

    def _forward(self, batch: torch.Tensor) -> torch.Tensor | None:
        output = self.network(batch)
        if output.float().sum().isfinite():
            return output
        if len(self._ladder) == 1:
            raise ModelError(
                f"Expected a picture from {self.network.traits.name}, but it gives values that "
                "are no numbers (NaN or infinite), even in fp32: its weights are damaged or do "
                "not suit this picture; get the file again or choose another network."
            )
        failed = self._ladder.pop(0)
        self.network.profile.unstable.add(place_key(self.device, failed))
        _log.warning(
            "%s gave numbers that are none in %s on %s: it goes on in %s.",
            self.network.traits.name,
            dtype_name(failed),
            self.device,
            dtype_name(self.dtype),
        )
        return None

    def _cut(self, output: torch.Tensor, tile: Tile, band: int) -> torch.Tensor:
        inner = written_region(tile, band).shifted(-tile.source.x, -tile.source.y)
        region = inner.scaled(self.network.traits.scale)
        return output[:, region.rows, region.columns]


class memory_signal:  # noqa: N801 - used as a function is
    """Turns every way in which torch says that memory is out into `OutOfMemory`.

    A context manager that keeps no reference to the failed call's frames: they hold the very
    tensors that have to go.
    """

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise `OutOfMemory` in the place of an error that means it."""
        if error is not None and _means_out_of_memory(error):
            text = str(error).split("\n", 1)[0]
            error.__traceback__ = None
            raise OutOfMemory(text) from None


def _means_out_of_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _MEMORY_SIGNS)
