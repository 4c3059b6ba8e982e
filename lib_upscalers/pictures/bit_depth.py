"""Convert between bit depths: 8 and 16 bit whole numbers, and float32 in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.errors import ImageError
from lib_upscalers.geometry import row_strips

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def peak(dtype: DTypeLike) -> int:
    """Return the value of white: 255, 65535, or 1 for float32.

    Raises:
        ImageError: Pictures have no such dtype.
    """
    name = np.dtype(dtype).name
    peaks = {"uint8": 255, "uint16": 65535, "float32": 1}
    if name not in peaks:
        raise ImageError(
            f"Expected pixels of {', '.join(peaks)}, but got {name}: convert them by astype."
        )
    return peaks[name]


def to_depth(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return the values at another bit depth, rounded, white staying white.

    Args:
        values: Any shape, uint8, uint16, or float32 in [0, 1] (what lies beyond is clipped).
        dtype: One of the same.

    Returns:
        The same shape; `values` itself where it has that depth already.
    """
    result_dtype = np.dtype(dtype)
    factor = peak(result_dtype) / peak(values.dtype)
    if values.dtype == result_dtype:
        return values
    result = np.empty(values.shape, result_dtype)
    for rows in row_strips(len(values), values[:1].nbytes):
        strip = values[rows].astype(np.float32)
        strip *= np.float32(factor)
        if result_dtype.kind == "u":
            strip += np.float32(0.5)
            np.clip(strip, 0, peak(result_dtype), out=strip)
        result[rows] = strip
    return result
