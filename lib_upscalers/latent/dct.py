"""Compute the cosine transform (DCT-II) and its inverse, by torch's FFT on any device.

It treats a line of values as reflected at both ends, half a value outside, so that nothing rings at
the borders: Ahmed, Natarajan & Rao, "Discrete Cosine Transform", IEEE Transactions on Computers
C-23, 1974, https://doi.org/10.1109/T-C.1974.223784.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import NDArray

_PART_VALUES = 1 << 17


@lru_cache(maxsize=16)
def _factors(count: int) -> NDArray[np.complex64]:
    """Return what makes the reflected line's spectrum real and the transform orthonormal."""
    steps = np.exp(np.arange(count) * (-0.5j * np.pi / count)) * np.sqrt(0.5 / count)
    steps[0] *= np.sqrt(0.5)
    return steps.astype(np.complex64)


def cosine(values: torch.Tensor) -> torch.Tensor:
    """Transform the last dimension, orthonormally: (..., N) float32 to the same."""
    import torch

    count = values.shape[-1]
    factors = torch.from_numpy(_factors(count).copy()).to(values.device)
    spectrum = torch.fft.rfft(torch.cat([values, values.flip(-1)], dim=-1))
    return (spectrum[..., :count] * factors).real


def inverse_cosine(coefficients: torch.Tensor) -> torch.Tensor:
    """Undo `cosine`."""
    import torch

    count = coefficients.shape[-1]
    factors = torch.from_numpy(1 / _factors(count)).to(coefficients.device)
    return torch.fft.irfft(coefficients * factors, n=2 * count)[..., :count]


def in_parts(
    values: torch.Tensor,
    result: torch.Tensor,
    work: Callable[[torch.Tensor], torch.Tensor],
    fewest: int,
) -> None:
    """Process lines of the last dimension, some at a time, so that scratch memory is small.

    Args:
        values: Shape (P, L, N).
        result: Shape (P, L, M): where the results are written; may be `values`.
        work: From (P, l, N) to (P, l, M), every line by itself.
        fewest: In how many parts at least.
    """
    planes, lines, length = result.shape
    step = max(1, min(-(-lines // fewest), _PART_VALUES // (planes * length)))
    for start in range(0, lines, step):
        result[:, start : start + step] = work(values[:, start : start + step])
