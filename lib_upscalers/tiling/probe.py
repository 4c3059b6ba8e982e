"""What is measured of a network before it runs, once: memory, reach, layout.

Nothing here is known by belief: a network says neither how much memory it takes a pixel, nor how
far a pixel's influence goes, nor in which memory layout it is faster.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lib_upscalers.geometry import Size
from lib_upscalers.network import MemoryUse, Reach
from lib_upscalers.tiling.padding import required_size

if TYPE_CHECKING:
    import torch

    from lib_upscalers.network import Network, NetworkTraits

# High and narrow: networks that work in strips of rows show what they take on a large picture.
_MEMORY_PROBE = Size(16, 256)
_MEMORY_PROBE_GPU = Size(256, 256)
_LAYOUT_PROBE = Size(64, 64)
LAYOUT_PROBE_PIXELS = _LAYOUT_PROBE.area

_STRIP = 32
_CUT = 48
FARTHEST = 64
_QUIET = 0.25
_SEAM = 0.5
_FEATHER = 16
_SQUARE_HALO = 16


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
    """Find out how far the network looks, with two small forwards.

    The same picture goes through whole, and with its left part cut off. Where the two results
    differ, the cut shows; the farthest place at which they differ by more than a quarter of an
    8-bit level, and half as much again (another picture may reach further), is the halo.
    A network that averages over all that it sees differs everywhere: its halo ends where the
    difference no longer falls, and what is left is its seam.

    Args:
        network: Left on `device` in fp32, in which nothing but the cut makes a difference.
        device: Where it runs.

    Returns:
        The halo, in input pixels, is at most 64 and a bit.
    """
    import torch

    traits = network.traits
    if traits.square:
        return Reach(_SQUARE_HALO, 0.0)
    network.place(device, torch.float32, channels_last=True)
    cut = _round_up(_CUT, traits.alignment)
    height = _round_up(max(_STRIP, traits.minimum), traits.alignment)
    width = cut + _round_up(max(FARTHEST + _FEATHER, traits.minimum), traits.alignment)
    picture = _probe_picture(traits, Size(width, height), device)
    whole = network(picture)[..., cut * traits.scale :]
    part = network(picture[..., cut:].contiguous())
    difference = (whole - part).abs().amax(dim=(0, 1, 2)) * 255
    return _reach_from(difference.reshape(-1, traits.scale).amax(dim=1).tolist())


def _reach_from(by_distance: list[float]) -> Reach:
    """Return the reach for the largest difference at each distance from a cut."""
    rest = max(by_distance[FARTHEST:])
    quiet = max(_QUIET, 1.5 * rest)
    seen = [i + 1 for i, error in enumerate(by_distance[:FARTHEST]) if error > quiet]
    last = max(seen, default=0)
    seam = max(by_distance[last:])
    halo = min(FARTHEST, last + last // 2 + 2)
    return Reach(halo + _FEATHER // 2 if seam > _SEAM else halo, seam)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def feather(reach: Reach) -> int:
    """Return over how many pixels tiles are blended where a seam is left."""
    return _FEATHER if reach.seam > _SEAM else 0


def faster_channels_last(network: Network, device: torch.device, dtype: torch.dtype) -> bool:
    """Run small forwards in both memory layouts, by turns, and tell whether channels_last wins.

    The network is left in the layout that won.
    """
    best = {True: float("inf"), False: float("inf")}
    for _ in range(2):
        for channels_last in (True, False):
            network.place(device, dtype, channels_last=channels_last)
            batch = _noise(network.traits, _LAYOUT_PROBE, device, dtype)
            network(batch)
            _wait(device)
            start = time.perf_counter()
            network(batch)
            _wait(device)
            best[channels_last] = min(best[channels_last], time.perf_counter() - start)
    winner = best[True] <= best[False]
    network.place(device, dtype, channels_last=winner)
    return winner


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


def _probe_picture(traits: NetworkTraits, size: Size, device: torch.device) -> torch.Tensor:
    """Draw edges, flats, waves and grain: what makes a trained network look far."""
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
