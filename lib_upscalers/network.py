"""A network as the engine sees it: traits, a call per batch, measurements."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

Forward: TypeAlias = "Callable[[torch.Tensor], torch.Tensor]"
"""From a batch as `Network` takes it to one as it returns it."""
Tiling = Literal["supported", "discouraged", "internal"]


@dataclass(frozen=True)
class NetworkTraits:
    """Facts of a network, all from its file and none from its name.

    Attributes:
        name: Its name in menus and texts.
        architecture: The architecture's name, such as ``"ESRGAN"``.
        scale: Output pixels an input pixel, on each side; 1 for restoration.
        channels: Input channels: 1 (grey), 3 (RGB) or 4 (RGBA).
        supports_fp16: Whether its results in fp16 can be trusted.
        supports_bf16: The same for bf16.
        minimum: The least width and height that it accepts.
        multiple_of: Width and height must be multiples of this.
        square: Whether width and height must be equal.
        tiling: Whether its result may be assembled from tiles.
        alignment: Tiles should begin at multiples of this: the size of attention windows, which
            else have another place in a tile than in the whole picture.
        output_channels: Output channels; 0: as many as `channels`.
    """

    name: str
    architecture: str
    scale: int
    channels: int
    supports_fp16: bool = False
    supports_bf16: bool = False
    minimum: int = 0
    multiple_of: int = 1
    square: bool = False
    tiling: Tiling = "supported"
    alignment: int = 1
    output_channels: int = 0

    @property
    def result_channels(self) -> int:
        """Output channels."""
        return self.output_channels or self.channels


@dataclass(frozen=True)
class MemoryUse:
    """The memory that one forward allocates, in bytes an input pixel.

    Attributes:
        peak: All tensors that are alive at once, at the worst moment.
        largest: The largest single tensor.
    """

    peak: float
    largest: float


@dataclass(frozen=True)
class MapAxis:
    """How one dimension of a network's inner tensor corresponds to the picture.

    Attributes:
        dim: Which dimension.
        along: Which side of the picture it follows: "y", "x", or "yx" for all positions in rows.
        ratio: Positions an input pixel, along one side.
        margin: Input pixels by which the tensor extends over the picture's edges.
    """

    dim: int
    along: Literal["y", "x", "yx"]
    ratio: float
    margin: float = 0.0


@dataclass(frozen=True)
class StatisticSite:
    """A place in a network where numbers for the whole picture are computed.

    Attributes:
        operator: The name of torch's operator.
        number: Which call of that operator in a forward, from 0.
        axes: How each tensor that it reduces corresponds to the picture; empty if that is unknown.
    """

    operator: str
    number: int
    axes: tuple[tuple[MapAxis, ...], ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """The operator and its number."""
        return self.operator, self.number


@dataclass(frozen=True)
class Reach:
    """How far the influence of a cut reaches.

    Attributes:
        halo: Pixels of context after which the cut's influence ends, or falls no more.
        seam: The largest difference there, in 8-bit levels.
        by_distance: The largest difference at each distance from a cut, in 8-bit levels; empty
            where that was not measured.
        sites: Where the network computes numbers for the whole picture; they were shared when
            the rest was measured.
        alignment: Tiles have to begin at multiples of this beside the traits' alignment: the
            network halves the picture inside.
    """

    halo: int
    seam: float
    by_distance: tuple[float, ...] = field(default=(), repr=False, compare=False)
    sites: tuple[StatisticSite, ...] = ()
    alignment: int = 1

    def seam_at(self, halo: int) -> float:
        """Return the largest difference at the end of a halo of that many pixels."""
        if halo >= self.halo or not self.by_distance:
            return self.seam
        return max(self.by_distance[halo:])


@dataclass(frozen=True)
class SpeedTrial:
    """Another way to compute a network on a CPU, beside torch in fp32, on a small picture.

    Attributes:
        speed: How many times as fast it is.
        error: The mean difference of the results, in 8-bit levels.
    """

    speed: float
    error: float


@dataclass
class Profile:
    """Measurements of a network in this process, so that each is made once.

    The keys name a device and a dtype, as in ``"cuda:0/float16"``.

    Attributes:
        reach: How far a cut has an influence; it depends on the weights alone.
        memory: The memory that a forward allocates, by key.
        channels_last: Whether that layout is the faster one, by key.
        slowest: Seconds that the slowest operator takes an input pixel, by key; 0: not known.
        unstable: Keys under which a result held NaN or Inf: not to be used again.
        half: What bf16 makes of it on a CPU, by key.
        ncnn: What ncnn makes of it on a CPU, by key.
        raised: Tiles that were too small for the reach, which was logged.
    """

    reach: Reach | None = None
    memory: dict[str, MemoryUse] = field(default_factory=dict[str, MemoryUse])
    channels_last: dict[str, bool] = field(default_factory=dict[str, bool])
    slowest: dict[str, float] = field(default_factory=dict[str, float])
    unstable: set[str] = field(default_factory=set[str])
    half: dict[str, SpeedTrial] = field(default_factory=dict[str, SpeedTrial])
    ncnn: dict[str, SpeedTrial] = field(default_factory=dict[str, SpeedTrial])
    raised: set[int] = field(default_factory=set[int])


class Network(Protocol):
    """A network that the engine can run; the loader makes them, tests fake them."""

    @property
    def traits(self) -> NetworkTraits:
        """Its facts."""
        ...

    @property
    def profile(self) -> Profile:
        """Its measurements so far, made by the engine."""
        ...

    def place(self, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> None:
        """Move the weights to that device, dtype and memory layout; fast if they are there."""
        ...

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Run the network.

        Args:
            batch: Shape (N, C, H, W), on the device and of the dtype of the last `place`, values in
                [0, 1], C and the size as the traits require.

        Returns:
            Shape (N, D, H * scale, W * scale), D the traits' result channels, same device and
            dtype, values in [0, 1].
        """
        ...

    def by_ncnn(self, vulkan: int | None) -> Forward | None:
        """Return what computes the same with ncnn, in fp32; None if nothing does.

        Args:
            vulkan: On which of Vulkan's GPUs, from and to the CPU; None: on the CPU itself.
        """
        ...


def normal_vulkan(name: str) -> str:
    """Return a Vulkan device's full name, such as ``"vulkan:0"``; "" for other devices."""
    found = re.fullmatch(r"vulkan(?::(\d{1,3}))?", name)
    return f"vulkan:{int(found[1] or 0)}" if found else ""


def vulkan_number(name: str) -> int | None:
    """Return which one a Vulkan device is, None if it is another device."""
    full = normal_vulkan(name)
    return int(full.partition(":")[2]) if full else None
