"""Resample along one axis; the separable engine does so twice.

Each axis is resampled by itself: an output pixel is a weighted mean of the input pixels around its
centre. Pixel centres lie at half-integers, weights are normalised, at the edges over the existing
pixels, and the kernel is stretched when shrinking, all as in Pillow, so that the results agree.

On a CPU the weights of neighbouring output pixels are put into small dense matrices along the
diagonal, so that matrix multiplication does the work: several times faster than
`torch.nn.functional.interpolate` (see benchmarks/resample.py). Other devices add one tap at a
time, because a GPU's matrix multiplication may round its input to TF32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.resampling.kernels import KERNELS

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_MOST_INTERLEAVED = 4


@dataclass(frozen=True)
class Axis:
    """How one axis is resampled; hashable, so that its weights can be cached.

    Attributes:
        source: Pixels of the input.
        target: Pixels of the output.
        kernel: A name in `KERNELS`.
        antialias: Whether the kernel is stretched when shrinking.
    """

    source: int
    target: int
    kernel: str
    antialias: bool = True


@dataclass(frozen=True)
class Taps:
    """For each output pixel the first input pixel that it depends on, and all weights.

    Attributes:
        start: Shape (target,), int64.
        weights: Shape (target, taps), float64; every row sums to 1.
    """

    start: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """Output pixels from `start` to `stop` as a matrix times input pixels `first` to `last`.

    Attributes:
        start: The first output pixel.
        stop: The one after the last.
        first: The first input pixel.
        last: The one after the last.
        matrix: Shape (stop - start, last - first), float32, on the CPU; with interleaved
            channels each entry is that many times as wide and high, and diagonal.
    """

    start: int
    stop: int
    first: int
    last: int
    matrix: torch.Tensor


def nearest(source: int, target: int) -> NDArray[np.int64]:
    """Return which input pixel each output pixel copies, as in Pillow."""
    step = source / target
    # Pillow accumulates the step, and its rounding errors decide between two equally near pixels.
    position = np.full(target, step)
    position[0] = step * 0.5
    index = np.add.accumulate(position).astype(np.int64)
    return np.minimum(index, source - 1)


@lru_cache(maxsize=16)
def find_taps(axis: Axis) -> Taps:
    """Return the weights of an axis."""
    kernel = KERNELS[axis.kernel]
    scale = axis.source / axis.target
    stretch = max(scale, 1.0) if axis.antialias else 1.0
    reach = kernel.support * stretch
    centre = (np.arange(axis.target) + 0.5) * scale
    low = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    high = np.minimum((centre + reach + 0.5).astype(np.int64), axis.source)
    count = int((high - low).max())
    start = np.minimum(low, axis.source - count)
    pixel = start[:, None] + np.arange(count)
    inside = (pixel >= low[:, None]) & (pixel < high[:, None])
    weights = kernel.weigh((pixel - centre[:, None] + 0.5) * (1.0 / stretch)) * inside
    weights /= weights.sum(axis=1, keepdims=True)
    start.flags.writeable = weights.flags.writeable = False
    return Taps(start, weights)


@lru_cache(maxsize=8)
def find_bands(axis: Axis, interleaved: int) -> tuple[Band, ...]:
    """Return the weights of an axis as matrices, for `interleaved` channels a pixel."""
    taps = find_taps(axis)
    count = taps.weights.shape[1]
    # Short enough that a matrix is mostly weights, and long enough that calls take less time than
    # the work.
    share = count * axis.target / axis.source
    length = max(16, min(64, round(4 * share / interleaved)))
    starts = range(0, axis.target, length)
    return tuple(
        _band(taps, start, min(start + length, axis.target), interleaved) for start in starts
    )


def _band(taps: Taps, start: int, stop: int, interleaved: int) -> Band:
    import torch

    count = taps.weights.shape[1]
    first = int(taps.start[start:stop].min())
    last = int(taps.start[start:stop].max()) + count
    matrix = np.zeros((stop - start, last - first), np.float32)
    columns = taps.start[start:stop, None] - first + np.arange(count)
    np.put_along_axis(matrix, columns, taps.weights[start:stop].astype(np.float32), axis=1)
    wide = np.kron(matrix, np.eye(interleaved, dtype=np.float32))
    # A tensor cached in inference mode could not be used outside of it.
    with torch.inference_mode(mode=False):
        return Band(start, stop, first, last, torch.from_numpy(wide))


def along(values: torch.Tensor, dim: int, axis: Axis, dtype: torch.dtype) -> torch.Tensor:
    """Resample one dimension.

    Args:
        values: Any shape, any float dtype; with the kernel "Nearest" any dtype.
        dim: Which dimension, from 0.
        axis: How.
        dtype: Of the result.
    """
    import torch

    if axis.source == axis.target:
        return values.to(dtype)
    if KERNELS[axis.kernel].picks:
        index = torch.from_numpy(nearest(axis.source, axis.target)).to(values.device)
        return values.index_select(dim, index).to(dtype)
    before, after = values.shape[:dim], values.shape[dim + 1 :]
    flat = values.to(torch.float32).reshape(before.numel(), axis.source, after.numel())
    if values.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            result = _by_bands(flat, axis, dtype)
    else:
        result = by_taps(flat, axis).to(dtype)
    return result.view(*before, axis.target, *after)


def _by_bands(values: torch.Tensor, axis: Axis, dtype: torch.dtype) -> torch.Tensor:
    outer, _, inner = values.shape
    result = values.new_empty((outer, axis.target, inner), dtype=dtype)
    if 1 <= inner <= _MOST_INTERLEAVED:
        lines = values.view(outer, axis.source * inner)
        wide = result.view(outer, axis.target * inner)
        for band in find_bands(axis, inner):
            part = lines[:, band.first * inner : band.last * inner]
            wide[:, band.start * inner : band.stop * inner] = part @ band.matrix.T
    else:
        for band in find_bands(axis, 1):
            result[:, band.start : band.stop] = band.matrix @ values[:, band.first : band.last]
    return result


def by_taps(values: torch.Tensor, axis: Axis) -> torch.Tensor:
    """Resample the middle one of three dimensions, a tap at a time, in exact float32."""
    import torch

    taps = find_taps(axis)
    start = torch.from_numpy(taps.start.copy()).to(values.device)
    weights = torch.from_numpy(taps.weights.astype(np.float32)).to(values.device)
    result = values.new_zeros((values.shape[0], axis.target, values.shape[2]))
    for tap in range(taps.weights.shape[1]):
        result.addcmul_(values.index_select(1, start + tap), weights[:, tap, None])
    return result
