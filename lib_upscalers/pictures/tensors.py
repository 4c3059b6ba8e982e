"""Convert between pixels in an array and tensors on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.pictures.bit_depth import peak

if TYPE_CHECKING:
    import torch
    from numpy.typing import DTypeLike, NDArray

_HALF = 0x8000


def to_tensor(pixels: NDArray[Any], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Return pixels as a tensor; whole numbers move to the device as they are.

    Args:
        pixels: Shape (H, W, C), uint8, uint16, or float32 in [0, 1]; any view.
        device: Where to.
        dtype: A float dtype.

    Returns:
        Shape (C, H, W), contiguous, in [0, 1]; never shares memory with `pixels`.
    """
    import torch

    white = peak(pixels.dtype)
    shareable = pixels.flags.writeable and min(pixels.strides) >= 0
    source = pixels if shareable else np.array(pixels)
    if source.dtype == np.uint16:
        # Torch 2.1 has no uint16, and newer ones cannot calculate with it.
        source = (source ^ np.uint16(_HALF)).view(np.int16)
    planes = torch.from_numpy(source).to(device).permute(2, 0, 1)
    result = torch.empty(planes.shape, dtype=torch.float32, device=device)
    result.copy_(planes)
    if source.dtype == np.int16:
        result.add_(_HALF)
    return (result if white == 1 else result.div_(white)).to(dtype)


def from_tensor(tensor: torch.Tensor, dtype: DTypeLike) -> NDArray[Any]:
    """Return a tensor as pixels: clipped, scaled and rounded where it is, then copied once.

    Args:
        tensor: Shape (C, H, W), any float dtype and device, white is 1.
        dtype: uint8, uint16 or float32.

    Returns:
        Shape (H, W, C).
    """
    import torch

    result_dtype = np.dtype(dtype)
    white = peak(result_dtype)
    values = tensor.detach()
    if values.device.type != "cpu":
        values = _scaled(values, white)
        if white > 1:
            values = values.to(torch.uint8 if white == 255 else torch.int32)
        return values.permute(1, 2, 0).contiguous().cpu().numpy().astype(result_dtype, copy=False)
    result = np.empty((*values.shape[1:], len(values)), result_dtype)
    # A channel at a time, numpy converts twice as fast as all at once, in a third of the memory.
    for channel, plane in enumerate(values):
        result[..., channel] = _scaled(plane, white).numpy()
    return result


def _scaled(values: torch.Tensor, white: int) -> torch.Tensor:
    """Return values as they are to be cut to whole numbers."""
    import torch

    scaled = (values.to(torch.float32) * white).clamp_(0, white)
    return scaled.add_(0.5) if white > 1 else scaled
