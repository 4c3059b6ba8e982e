"""Networks whose exact answer is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch.nn.functional import avg_pool2d, pad

from lib_upscalers.network import Forward, NetworkTraits, Profile


def traits(**changes: object) -> NetworkTraits:
    return replace(NetworkTraits("fake", "Fake", 2, 3), **changes)  # type: ignore[arg-type]


@dataclass
class FakeNetwork:
    """Copies each pixel scale x scale times, and checks that it is fed what its traits ask."""

    traits: NetworkTraits = field(default_factory=traits)
    profile: Profile = field(default_factory=Profile)
    calls: list[tuple[int, ...]] = field(default_factory=list)
    placed: list[tuple[str, torch.dtype]] = field(default_factory=list)

    def place(self, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> None:
        del channels_last
        self.placed.append((device.type, dtype))

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        traits = self.traits
        assert batch.dtype == self.placed[-1][1]
        assert batch.shape[1] == traits.channels
        for side in batch.shape[2:]:
            assert side >= traits.minimum
            assert side % traits.multiple_of == 0
        if traits.square:
            assert batch.shape[2] == batch.shape[3]
        assert batch.min() >= 0
        assert batch.max() <= 1
        self.calls.append(tuple(batch.shape))
        return self.enlarge(self.look(batch))

    def by_ncnn(self, vulkan: int | None) -> Forward | None:
        return None

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        return batch

    def enlarge(self, batch: torch.Tensor) -> torch.Tensor:
        scale = self.traits.scale
        return batch.repeat_interleave(scale, -1).repeat_interleave(scale, -2)


@dataclass
class LookingNetwork(FakeNetwork):
    """Mixes in a pixel `distance` away on each side; outside it sees black, as zero padding."""

    distance: int = 3

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        d = self.distance
        around = pad(batch, (d, d, d, d))
        h, w = batch.shape[-2:]
        corners = [around[..., y : y + h, x : x + w] for y in (0, 2 * d) for x in (0, 2 * d)]
        return batch * 0.6 + sum(corners) * 0.1


@dataclass
class AveragingNetwork(FakeNetwork):
    """Moves every pixel toward the mean of all it sees: no halo makes tiles agree."""

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        return batch * 0.5 + batch.mean(dim=(-1, -2), keepdim=True) * 0.5


@dataclass
class MedianNetwork(FakeNetwork):
    """Moves every pixel toward the median of all it sees, which tiles cannot share."""

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        middle = batch.flatten(2).median(dim=-1).values[..., None, None]
        return batch * 0.5 + middle * 0.5


@dataclass
class MarkingNetwork(FakeNetwork):
    """Gives each channel another brightness, so that their order can be told."""

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        return batch * torch.linspace(1.0, 0.2, batch.shape[1], dtype=batch.dtype)[:, None, None]


@dataclass
class WindowNetwork(FakeNetwork):
    """Replaces every pixel by the mean of its window on a fixed grid, so that origin matters."""

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        window = self.traits.alignment
        pooled = avg_pool2d(batch, window)
        return pooled.repeat_interleave(window, -1).repeat_interleave(window, -2)


@dataclass
class HungryNetwork(LookingNetwork):
    """Says that memory is out, at chosen calls or above a number of pixels."""

    fails_at: frozenset[int] = frozenset()
    most_pixels: int = 10**9
    only_on: str = ""
    error: Exception = field(
        default_factory=lambda: RuntimeError("DefaultCPUAllocator: not enough memory: you tried")
    )
    attempts: int = 0

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        self.attempts += 1
        pixels = batch.shape[0] * batch.shape[-1] * batch.shape[-2]
        if self.attempts - 1 in self.fails_at or pixels > self.most_pixels:
            raise self.error
        return super().__call__(batch)


@dataclass
class OverflowingNetwork(FakeNetwork):
    """Gives NaN below fp32 wherever the picture is bright."""

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        if batch.dtype == torch.float32:
            return batch
        return torch.where(batch > 0.9, torch.full_like(batch, float("nan")), batch)
