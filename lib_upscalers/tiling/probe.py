"""Measure a network once, before it runs: memory, reach, memory layout.

No file states how much memory a network allocates for a pixel, how far a pixel's influence reaches,
or in which memory layout it is faster.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lib_upscalers.geometry import Region, Size
from lib_upscalers.network import MemoryUse, Reach
from lib_upscalers.tiling.padding import required_size

if TYPE_CHECKING:
    import torch

    from lib_upscalers.network import Network, NetworkTraits, StatisticSite
    from lib_upscalers.tiling.statistics import Sample, Statistics

# High and narrow, so that networks that work in strips of rows allocate as much a pixel as on a
# large picture.
_MEMORY_PROBE = Size(16, 256)
_MEMORY_PROBE_GPU = Size(256, 256)
_LAYOUT_PROBE = Size(64, 64)
LAYOUT_PROBE_PIXELS = _LAYOUT_PROBE.area

_STRIP = 32
_CUT = 48
FARTHEST = 64
_FARTHEST_OF_ALL = 160
_FALLING = 0.7
_STRIDE = 8
_STEPS = (1, 2, 3, 4, 6, 8, 12)
_QUIET = 0.25
SEAM = 0.5
_FEATHER = 16
_SQUARE_HALO = 16
# A layout that took so many times as long is the slower one, whatever else the device did.
_CLEARLY = 1.3


def measure_memory(network: Network, device: torch.device, dtype: torch.dtype) -> MemoryUse:
    """Run a small forward and return what it allocates, in bytes an input pixel.

    On a CUDA device the allocator is asked. Elsewhere every tensor that an operator makes is
    counted until it dies; scratch memory inside an operator is not seen.

    Args:
        network: Placed on `device` in `dtype`.
        device: Where it runs.
        dtype: In which precision.
    """
    import torch

    cuda = device.type == "cuda"
    batch = _noise(network.traits, _MEMORY_PROBE_GPU if cuda else _MEMORY_PROBE, device, dtype)
    pixels = batch.shape[-1] * batch.shape[-2]
    if not cuda:
        from lib_upscalers.tiling.tensor_memory import LiveMemory

        with LiveMemory() as live:
            network(batch)
        return MemoryUse(live.peak / pixels, live.largest / pixels)
    network(batch)
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    network(batch)
    peak = (torch.cuda.max_memory_allocated(device) - before) / pixels
    return MemoryUse(peak, peak)


def measure_reach(network: Network, device: torch.device) -> Reach:
    """Measure how far the network looks, with two small forwards.

    The same picture runs whole, and with its left part cut off; the two results differ as far as
    the cut has an influence. The halo is the farthest place at which they differ by more than a
    quarter of an 8-bit level, and a third more, because another picture may reach further. If the
    difference is still falling at 64 pixels, the measurement extends to 160.

    Where the network computes numbers for the whole picture, the cut one runs with those of the
    whole one, unless that makes it no better. If it halves the picture inside, a few more forwards
    determine at which multiples a cut has to lie. For a network that still differs everywhere, the
    halo ends where the difference no longer falls; the rest of it is the seam.

    Args:
        network: Placed on `device` in fp32, in which nothing but the cut makes a difference; it
            stays there.
        device: Where it runs.

    Returns:
        The halo, in input pixels, is at most 160 and a bit.
    """
    import torch

    if network.traits.square:
        return Reach(_SQUARE_HALO, 0.0)
    network.place(device, torch.float32, channels_last=True)
    watched = _Watched(network, device)
    reach, sites = _reach_with(watched, ()), _find_sites(watched) if watched.reduces else ()
    if sites:
        shared = _reach_with(watched, sites)
        helps = shared.seam <= SEAM or 2 * shared.seam <= reach.seam
        reach, sites = (shared, sites) if helps else (reach, ())
    alignment = _measure_alignment(watched, sites) if watched.strided else 1
    return replace(reach, sites=sites, alignment=alignment)


class _Watched:
    """A network on a device, whose forwards show whether they reduce the picture to numbers.

    Attributes:
        traits: The network's.
        device: Where it runs.
        strided: Whether one of its operators moves in steps of more than one pixel.
        reduces: Whether it may compute numbers for the whole picture.
    """

    def __init__(self, network: Network, device: torch.device) -> None:
        self._network = network
        self.traits = network.traits
        self.device = device
        self.strided = False
        self.reduces = False

    def picture(self, width: int, height: int) -> torch.Tensor:
        return draw_probe(self.traits, Size(width, height), self.device)

    def record(self, picture: torch.Tensor) -> tuple[torch.Tensor, Sample]:
        from lib_upscalers.tiling.statistics import Sample
        from lib_upscalers.tiling.watch import ShapeRecorder

        with ShapeRecorder() as recorder:
            output = self._network(picture)
        self.strided |= recorder.strided
        return output, Sample(Size(picture.shape[-1], picture.shape[-2]), recorder.shapes)

    def run_whole(
        self, picture: torch.Tensor, sites: tuple[StatisticSite, ...]
    ) -> tuple[torch.Tensor, Sample | Statistics]:
        """Run a picture; return also what its parts are to be run with."""
        if not sites:
            return self.record(picture)
        from lib_upscalers.tiling.statistics import Combination, Frame, Gatherer

        size = Size(picture.shape[-1], picture.shape[-2])
        gatherer = Gatherer(sites, {}, Frame(size, Region.whole(size)), stops=False)
        with gatherer:
            output = self._network(picture)
        combination = Combination()
        combination.add(gatherer.parts)
        found = combination.averages()
        return output, {key: value.to(self.device) for key, value in found.items()}

    def run_part(self, part: torch.Tensor, whole: Sample | Statistics) -> torch.Tensor:
        """Run a part of a picture of the same height, with the statistics of the whole one."""
        from lib_upscalers.tiling.statistics import Replay, Sample, find_sites

        if isinstance(whole, Sample):
            output, sample = self.record(part.contiguous())
            self.reduces |= bool(find_sites(whole, sample))
            return output
        with Replay(whole):
            return self._network(part.contiguous())


def _find_sites(watched: _Watched) -> tuple[StatisticSite, ...]:
    """Return where numbers for the whole picture are computed, and how tensors lie over it."""
    from lib_upscalers.tiling.statistics import find_sites

    traits = watched.traits
    step = math.lcm(traits.alignment, _STRIDE)
    least = _round_up(max(_STRIP, traits.minimum), step)
    _, first = watched.record(watched.picture(least, least))
    _, second = watched.record(watched.picture(least + 3 * step, least + 2 * step))
    return find_sites(first, second)


def _reach_with(watched: _Watched, sites: tuple[StatisticSite, ...]) -> Reach:
    """Return the halo and the seam, with statistics shared at `sites`."""
    by_distance = _differences(watched, sites, FARTHEST)
    if _still_falls(by_distance):
        by_distance = _differences(watched, sites, _FARTHEST_OF_ALL)
    return _reach_from(by_distance)


def _differences(watched: _Watched, sites: tuple[StatisticSite, ...], farthest: int) -> list[float]:
    """Return the largest difference that a cut makes at each distance from it, in levels."""
    traits = watched.traits
    cut = _round_up(_CUT, traits.alignment)
    height = _round_up(max(_STRIP, traits.minimum), traits.alignment)
    width = cut + _round_up(max(farthest + _FEATHER, traits.minimum), traits.alignment)
    picture = watched.picture(width, height)
    whole, found = watched.run_whole(picture, sites)
    part = watched.run_part(picture[..., cut:], found)
    difference = (whole[..., cut * traits.scale :] - part).abs().amax(dim=(0, 1, 2)) * 255
    return difference.reshape(-1, traits.scale).amax(dim=1).tolist()


def _measure_alignment(watched: _Watched, sites: tuple[StatisticSite, ...]) -> int:
    """Return the least of a few steps on which cuts have to lie to change nothing far away."""
    traits = watched.traits
    if traits.alignment > 1:
        return 1
    picture = watched.picture(
        max(_CUT + 2 * FARTHEST + _FEATHER, traits.minimum), max(_STRIP, traits.minimum)
    )
    whole, known = watched.run_whole(picture, sites)
    found: dict[int, float] = {}
    for step in _STEPS:
        cut = _CUT + step
        part = watched.run_part(picture[..., cut:], known)
        difference = (whole[..., cut * traits.scale :] - part).abs() * 255
        # As far from the cut as from the right end, where another width may be padded differently.
        away_from_edges = slice(
            FARTHEST * traits.scale, (FARTHEST + _FEATHER - step) * traits.scale
        )
        found[step] = float(difference[..., away_from_edges].max())
        if found[step] <= _QUIET:
            return step
    return next(step for step in _STEPS if found[step] <= 1.25 * min(found.values()))


def _still_falls(by_distance: list[float]) -> bool:
    """Return whether a cut still makes a difference at the end of the measurement."""
    last, before = max(by_distance[-_FEATHER:]), max(by_distance[-2 * _FEATHER : -_FEATHER])
    return last > _QUIET / 5 and last < _FALLING * before


def _reach_from(by_distance: list[float]) -> Reach:
    """Return the reach for the largest difference at each distance from a cut."""
    farthest = len(by_distance) - _FEATHER
    rest = max(by_distance[farthest:])
    quiet = max(_QUIET, 1.5 * rest)
    seen = [i + 1 for i, error in enumerate(by_distance[:farthest]) if error > quiet]
    last = max(seen, default=0)
    seam = max(by_distance[last:])
    halo = last + math.ceil(last / 3) + 2
    halo = halo + _FEATHER // 2 if seam > SEAM else halo
    return Reach(halo, seam, tuple(by_distance))


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def feather(seam: float, halo: int) -> int:
    """Return over how many pixels tiles are blended to hide a seam.

    Args:
        seam: The largest difference that is left, in 8-bit levels.
        halo: How much context tiles have: no more can be blended.
    """
    return min(_FEATHER, halo) if seam > SEAM else 0


class Layout(NamedTuple):
    """How a network runs fastest, and how long it then cannot be cancelled.

    Attributes:
        channels_last: Whether that memory layout is the faster one.
        slowest: Seconds that the slowest operator takes an input pixel; 0 on a GPU, where that is
            not measured.
    """

    channels_last: bool
    slowest: float


def measure_layout(network: Network, device: torch.device, dtype: torch.dtype) -> Layout:
    """Run small forwards in both memory layouts by turns.

    The network stays in the faster layout.
    """
    batch = _noise(network.traits, _LAYOUT_PROBE, device, dtype)
    best = {True: float("inf"), False: float("inf")}
    shares: dict[bool, float] = {}
    for _ in range(2):
        if _CLEARLY * min(best.values()) < max(best.values()) < float("inf"):
            break
        for channels_last in (True, False):
            network.place(device, dtype, channels_last=channels_last)
            shares[channels_last] = _slowest_share(network, batch)
            _wait(device)
            start = time.perf_counter()
            network(batch)
            _wait(device)
            best[channels_last] = min(best[channels_last], time.perf_counter() - start)
    winner = best[True] <= best[False]
    network.place(device, dtype, channels_last=winner)
    pixels = batch.shape[-1] * batch.shape[-2]
    slowest = shares[winner] * best[winner] / pixels if device.type == "cpu" else 0.0
    return Layout(winner, slowest)


def _slowest_share(network: Network, batch: torch.Tensor) -> float:
    """Run a forward; return the share of its slowest operator."""
    from lib_upscalers.tiling.watch import OperatorTimer

    with OperatorTimer() as timer:
        network(batch)
    return timer.longest / timer.total if timer.total else 0.0


def _wait(device: torch.device) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _noise(
    traits: NetworkTraits, size: Size, device: torch.device, dtype: torch.dtype
) -> torch.Tensor:
    import torch

    size = required_size(size, traits)
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(1, traits.channels, size.height, size.width, generator=generator)
    return batch.to(device, dtype)


def draw_probe(traits: NetworkTraits, size: Size, device: torch.device) -> torch.Tensor:
    """Draw edges, flats, waves and grain, on which a trained network reaches far.

    Returns:
        Shape (1, C, H, W) in fp32, the size raised to what the network requires.
    """
    import torch

    size = required_size(size, traits)
    generator = torch.Generator().manual_seed(0)
    shape = (traits.channels, size.height, size.width)
    x = torch.arange(size.width, dtype=torch.float32)
    y = torch.arange(size.height, dtype=torch.float32)[:, None]
    picture = 0.5 + 0.2 * torch.sin(x * 0.7 + y * 0.3) + torch.zeros(shape)
    for _ in range(60):
        left, top, w, h = torch.rand(4, generator=generator).tolist()
        left, top = int(left * size.width), int(top * size.height)
        colour = torch.rand((traits.channels, 1, 1), generator=generator)
        picture[:, top : top + 2 + int(h * 12), left : left + 1 + int(w * 20)] = colour
    picture += 0.05 * torch.randn(shape, generator=generator)
    return picture.clamp_(0, 1)[None].to(device)
