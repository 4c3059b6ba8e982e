"""Run batches of tiles through a network on a device, in the first precision that works."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, TypeVar

from lib_upscalers.errors import ModelError
from lib_upscalers.geometry import Region, Size
from lib_upscalers.pictures.picture import from_tensor, to_tensor
from lib_upscalers.tiling.blend import written_region
from lib_upscalers.tiling.padding import read_source
from lib_upscalers.tiling.precision import dtype_name, place_key

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import Any

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from lib_upscalers.geometry import Border
    from lib_upscalers.network import Forward, Network, StatisticSite
    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.plan import Tile
    from lib_upscalers.tiling.resuming import Resumption, Trace
    from lib_upscalers.tiling.statistics import Parts, Statistics

_Result = TypeVar("_Result")
_log = logging.getLogger("lib_upscalers")

# Winograd convolutions unfold their input: 1.0 to 4.7 times as much was measured.
_NCNN_MEMORY = 5.0
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
    """The device lacks memory for a batch; the loop then makes batch or tile smaller."""


class Executor:
    """Runs tiles on one device, in the first precision of a ladder that gives numbers.

    Args:
        network: What runs.
        device: Where.
        ladder: The dtypes to use, best first; the last one's results are taken as they are.
        progress: Can stop a forward between its operators.
        other: Computes the same by ncnn, in fp32.
        place: Where that does so, if not on the device.
    """

    def __init__(
        self,
        network: Network,
        device: torch.device,
        ladder: Sequence[torch.dtype],
        progress: Progress | None = None,
        other: Forward | None = None,
        place: str = "",
    ) -> None:
        self.network = network
        self.device = device
        self._ladder = list(ladder)
        self._progress = progress
        self._other = other
        self._place = place

    @property
    def by_ncnn(self) -> bool:
        """Whether forwards without statistics run by ncnn."""
        return self._other is not None

    @property
    def place_name(self) -> str:
        """Where forwards run."""
        return (self.by_ncnn and self._place) or str(self.device)

    @property
    def precision(self) -> str:
        """What a person reads of how it runs."""
        name = dtype_name(self.dtype)
        return f"{name}, ncnn" if self.by_ncnn else name

    @property
    def memory_factor(self) -> float:
        """How many times the memory of torch's forward it needs."""
        return _NCNN_MEMORY if self.by_ncnn else 1.0

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
        known: Statistics | None = None,
        trace: Trace | None = None,
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
            known: Statistics of the whole picture, which replace the tiles' own.
            trace: What the one tile's forwards have done so far.

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
                output = self._forward(self._read(tiles, pixels, border), known, trace)
            return [
                from_tensor(self._cut(output[i], tile, band), dtype) for i, tile in enumerate(tiles)
            ]

    def gather(
        self,
        tile: Tile,
        pixels: NDArray[Any],
        border: Border,
        sites: Sequence[StatisticSite],
        known: Statistics,
        trace: Trace | None = None,
    ) -> Parts:
        """Run a tile as far as is needed for its part of the picture's statistics.

        Args:
            tile: What to run.
            pixels: The picture, shape (H, W, C), C as the network has it.
            border: What lies beyond the picture.
            sites: Which statistics.
            known: Those that are known so far.
            trace: What the tile's last forward has done; this one goes on there, and notes where
                it stops. None: it begins anew.

        Raises:
            OutOfMemory: The device has no room for it.
        """
        with memory_signal():
            while True:
                self.place()
                batch = self._read([tile], pixels, border)
                parts = self._parts_of(batch, tile, sites, known, trace)
                if all(bool(part.isfinite().all()) for part, _ in parts.values()):
                    return parts
                if not self._take_next_precision():
                    raise self._not_finite_error()
                if trace is not None:
                    trace.clear()

    def _parts_of(
        self,
        batch: torch.Tensor,
        tile: Tile,
        sites: Sequence[StatisticSite],
        known: Statistics,
        trace: Trace | None,
    ) -> Parts:
        from lib_upscalers.tiling.statistics import Enough, Frame, Gatherer

        fed = Size(batch.shape[-1], batch.shape[-2])
        core = tile.core.shifted(-tile.source.x, -tile.source.y)
        right = fed.width if tile.core.right == tile.source.right else core.right
        bottom = fed.height if tile.core.bottom == tile.source.bottom else core.bottom
        frame = Frame(fed, Region.between(core.x, core.y, right, bottom))
        found: Parts = {}

        def gather(resumption: Resumption | None) -> None:
            gatherer = Gatherer(sites, self._on_device(known), frame, resumption=resumption)
            with contextlib.suppress(Enough), self.cancellable(), gatherer:
                self.network(batch)
            found.update(gatherer.parts)

        self._resume(gather, trace)
        return found

    def _resume(self, run: Callable[[Resumption | None], _Result], trace: Trace | None) -> _Result:
        """Run a forward where a trace ends; from its start where that cannot be done."""
        from lib_upscalers.tiling.resuming import CannotResumeError, Resumption

        if trace is None:
            return run(None)
        try:
            return run(Resumption(trace, self.device))
        except CannotResumeError:
            trace.clear()
        return run(Resumption(trace, self.device))

    def _on_device(self, known: Statistics) -> Statistics:
        return {key: value.to(self.device) for key, value in known.items()}

    def cancellable(self) -> contextlib.AbstractContextManager[object]:
        """Let the user cancel a forward between its operators."""
        if self._progress is None or self.device.type not in ("cpu", "cuda"):
            return contextlib.nullcontext()
        from lib_upscalers.tiling.watch import CancelBetweenOperators, queue_mark

        return CancelBetweenOperators(self._progress, queue_mark(self.device))

    def _read(self, tiles: Sequence[Tile], pixels: NDArray[Any], border: Border) -> torch.Tensor:
        import torch

        traits = self.network.traits
        sources = [read_source(pixels, tile.source, traits, border) for tile in tiles]
        parts = [to_tensor(source, self.device, self.dtype) for source in sources]
        return parts[0][None] if len(parts) == 1 else torch.stack(parts)

    def _forward(
        self, batch: torch.Tensor, known: Statistics | None, trace: Trace | None
    ) -> torch.Tensor | None:
        from lib_upscalers.tiling.statistics import Replay

        def forward(resumption: Resumption | None) -> torch.Tensor:
            shared = self._on_device(known) if known else None
            replay = Replay(shared, resumption) if shared else contextlib.nullcontext()
            run = self.network if shared or resumption else self._other or self.network
            with self.cancellable(), replay:
                return run(batch)

        output = self._resume(forward, trace)
        if output.float().sum().isfinite():
            return output
        if self._other is not None:
            self._other = None
            return None
        if self._take_next_precision():
            if trace is not None:
                trace.clear()
            return None
        raise self._not_finite_error()

    def _not_finite_error(self) -> ModelError:
        return ModelError(
            f"Expected a picture from {self.network.traits.name}, but it gives values that "
            "are no numbers (NaN or infinite), even in fp32: its weights are damaged or do "
            "not suit this picture; get the file again or choose another network."
        )

    def _take_next_precision(self) -> bool:
        """Drop the precision that failed; return False if it was the last one."""
        if len(self._ladder) == 1:
            return False
        failed = self._ladder.pop(0)
        self.network.profile.unstable.add(place_key(self.device, failed))
        _log.warning(
            "%s gave numbers that are none in %s on %s: it goes on in %s.",
            self.network.traits.name,
            dtype_name(failed),
            self.device,
            dtype_name(self.dtype),
        )
        return True

    def _cut(self, output: torch.Tensor, tile: Tile, band: int) -> torch.Tensor:
        inner = written_region(tile, band).shifted(-tile.source.x, -tile.source.y)
        region = inner.scaled(self.network.traits.scale)
        return output[:, region.rows, region.columns]


class memory_signal:  # noqa: N801 - used as a function is
    """Turns every error by which torch reports a lack of memory into `OutOfMemory`.

    A context manager that holds no reference to the failed call's frames, because they hold the
    tensors that have to be freed.
    """

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise `OutOfMemory` instead of an error that means it."""
        if error is not None and _means_out_of_memory(error):
            text = str(error).split("\n", 1)[0]
            error.__traceback__ = None
            raise OutOfMemory(text) from None


@contextlib.contextmanager
def measuring(executor: Executor) -> Generator[None, None, None]:
    """Let the user cancel a measurement, and go without it where memory runs out."""
    with contextlib.suppress(OutOfMemory), memory_signal(), executor.cancellable():
        yield


def _means_out_of_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _MEMORY_SIGNS)
