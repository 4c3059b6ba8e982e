"""Resample pictures and latents to an exact size, by one separable engine."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.errors import InputError, TargetError
from lib_upscalers.geometry import Size, row_strips
from lib_upscalers.pictures.bit_depth import peak, to_depth
from lib_upscalers.pictures.bleed import bleed_free
from lib_upscalers.progress import NULL, SubRange
from lib_upscalers.resampling.kernels import KERNELS
from lib_upscalers.resampling.separable import Axis, Band, along, find_bands, nearest

if TYPE_CHECKING:
    import torch
    from numpy.typing import DTypeLike, NDArray

    from lib_upscalers.progress import Progress

__all__ = ["KERNELS", "resample", "resample_pixels", "resample_with_alpha"]

_STRIP_BYTES = 12 << 20
_INVISIBLE = 1e-6


def _check(source: Size, target: Size, kernel: str) -> None:
    KERNELS[kernel]
    if min(source.width, source.height) < 1:
        raise InputError(f"Expected at least one pixel to resample, but got {source}.")
    if min(target.width, target.height) < 1:
        raise TargetError(f"Expected a target of at least 1x1 pixel, but got {target}.")


def resample(
    tensor: torch.Tensor, size: Size, kernel: str, *, antialias: bool = True
) -> torch.Tensor:
    """Resample the last two dimensions to an exact size.

    Differentiable. A constant stays constant, and mirroring before is mirroring after (but for
    "Nearest" and "Box" where an output pixel lies in the middle of two input pixels).

    Args:
        tensor: Shape (..., H, W), any float dtype, device and strides, any range.
        size: The size of the result.
        kernel: A name in `KERNELS`.
        antialias: Stretch the kernel when shrinking, so that no pixel is skipped.

    Returns:
        Shape (..., size.height, size.width), same dtype and device, computed in float32; a
        copy where the size is the same.

    Raises:
        InputError: The tensor is empty or not of a float dtype.
        TargetError: A side of `size` is below 1.
        UnknownNameError: There is no such kernel.
    """
    import torch

    if tensor.ndim < 2 or not tensor.is_floating_point():
        raise InputError(
            "Expected a float tensor of shape (..., H, W) to resample, but got "
            f"{tensor.dtype} of shape {tuple(tensor.shape)}."
        )
    source = Size(tensor.shape[-1], tensor.shape[-2])
    _check(source, size, kernel)
    if source == size:
        return tensor.clone(memory_format=torch.contiguous_format)
    planes = tensor.reshape(-1, source.height, source.width)
    across = Axis(source.width, size.width, kernel, antialias)
    down = Axis(source.height, size.height, kernel, antialias)
    exact = tensor.dtype if KERNELS[kernel].picks else torch.float32
    planes = along(along(planes, 2, across, exact), 1, down, tensor.dtype)
    return planes.view(*tensor.shape[:-2], size.height, size.width)


def resample_pixels(
    pixels: NDArray[Any],
    size: Size,
    kernel: str,
    *,
    linear_light: bool = False,
    dtype: DTypeLike | None = None,
    progress: Progress = NULL,
) -> NDArray[Any]:
    """Resample a picture to an exact size, in strips of rows, so that little memory is needed.

    Values beyond black and white are clipped after each axis, which Pillow does too: "Nearest",
    "Box", "Bilinear", "Bicubic" and "Lanczos" agree with Pillow within one 8-bit level.

    Args:
        pixels: Shape (H, W, C), uint8, uint16, or float32 in [0, 1].
        size: The size of the result.
        kernel: A name in `KERNELS`.
        linear_light: Mix light and not sRGB values (IEC 61966-2-1): decoded before, encoded
            after.
        dtype: Of the result; None for that of `pixels`. White stays white.
        progress: Updated after every strip.

    Returns:
        Shape (size.height, size.width, C); a copy where the size is the same.

    Raises:
        InputError: The picture is empty or of another dtype or shape.
        TargetError: A side of `size` is below 1.
        UnknownNameError: There is no such kernel.
        Cancelled: `progress` raises it.
    """
    if pixels.ndim != 3 or pixels.shape[2] < 1:
        raise InputError(f"Expected pixels of shape (H, W, C), but got {pixels.shape}.")
    source = Size(pixels.shape[1], pixels.shape[0])
    _check(source, size, kernel)
    result_dtype = np.dtype(pixels.dtype if dtype is None else dtype)
    result = np.empty((size.height, size.width, pixels.shape[2]), result_dtype)
    if source == size:
        result[:] = to_depth(pixels, result_dtype)
    elif KERNELS[kernel].picks:
        _pick_nearest(pixels, result, progress)
    else:
        _Strips(pixels, result, kernel, linear_light=linear_light).run(progress)
    return result


def resample_with_alpha(
    pixels: NDArray[Any],
    alpha: NDArray[Any],
    size: Size,
    kernel: str,
    *,
    linear_light: bool = False,
    progress: Progress = NULL,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Resample colour and transparency together: the colours are premultiplied while mixed.

    So a colour counts by how visible it is, and colours hidden under transparent or nearly
    transparent pixels do not bleed into edges. A constant colour stays constant whatever the
    transparency does.

    T. Porter, T. Duff, "Compositing Digital Images", 1984, https://doi.org/10.1145/800031.808606.

    Args:
        pixels: Shape (H, W, C), uint8, uint16, or float32 in [0, 1]; not premultiplied.
        alpha: Shape (H, W), same dtype.
        size: The size of the result.
        kernel: A name in `KERNELS`.
        linear_light: Mix light and not sRGB values; transparency is mixed as it is.
        progress: Updated after every strip.

    Returns:
        Colours, shape (size.height, size.width, C), not premultiplied, and transparency, shape
        (size.height, size.width), both of the same dtype. Where the result is fully transparent
        it has the colour of the nearest pixel that is not.

    Raises:
        InputError: The picture is empty or of another dtype or shape.
        TargetError: A side of `size` is below 1.
        UnknownNameError: There is no such kernel.
        Cancelled: `progress` raises it.
    """
    source = Size(pixels.shape[1], pixels.shape[0])
    _check(source, size, kernel)
    if source == size or KERNELS[kernel].picks:
        colours = resample_pixels(pixels, size, kernel, progress=SubRange(progress, 0.0, 0.75))
        plane = resample_pixels(
            alpha[..., None], size, kernel, progress=SubRange(progress, 0.75, 1.0)
        )
        return bleed_free(colours, plane[..., 0]), plane[..., 0]
    result = np.empty((size.height, size.width, pixels.shape[2] + 1), pixels.dtype)
    _Strips(pixels, result, kernel, linear_light=linear_light, alpha=alpha).run(progress)
    larger = np.ascontiguousarray(result[..., -1])
    return bleed_free(np.ascontiguousarray(result[..., :-1]), larger), larger


def _pick_nearest(pixels: NDArray[Any], result: NDArray[Any], progress: Progress) -> None:
    height, width, channels = result.shape
    rows = nearest(len(pixels), height)
    # Numpy indexes single values several times faster than groups of three.
    columns = nearest(pixels.shape[1], width)[:, None] * channels + np.arange(channels)
    for strip in row_strips(height, result[:1].nbytes, strip_bytes=_STRIP_BYTES):
        progress.check_cancelled()
        needed, place = np.unique(rows[strip], return_inverse=True)
        lines = to_depth(pixels[needed], result.dtype).reshape(len(needed), -1)
        wide = lines.take(columns.reshape(-1), axis=1)
        result[strip] = wide[place].reshape(-1, width, channels)
        progress.update(strip.stop, height)


class _Strips:
    """Resamples a picture in strips of rows.

    A strip of the result is the sum of the contributions of chunks of the source: neither needs to
    be in memory as a whole, however much the picture shrinks.

    Args:
        pixels: Shape (H, W, C).
        result: Where the result is written, shape (height, width, C); with `alpha` one channel
            more.
        kernel: A name in `KERNELS`.
        linear_light: Whether light is mixed.
        alpha: Shape (H, W): colours are premultiplied with it, and it is the result's last channel.
    """

    def __init__(
        self,
        pixels: NDArray[Any],
        result: NDArray[Any],
        kernel: str,
        *,
        linear_light: bool,
        alpha: NDArray[Any] | None = None,
    ) -> None:
        self._pixels = pixels
        self._alpha = alpha
        self._result = result
        self._linear = linear_light
        self._across = Axis(pixels.shape[1], result.shape[1], kernel)
        self._down = find_bands(Axis(len(pixels), len(result), kernel), 1)
        self._white = 1 if linear_light else peak(pixels.dtype)

    def run(self, progress: Progress) -> None:
        import torch

        height, width, channels = self._result.shape
        strips = row_strips(height, 4 * channels * width, strip_bytes=_STRIP_BYTES)
        with torch.inference_mode():
            for rows in strips:
                progress.check_cancelled()
                self._result[rows] = self._encode(self._strip(rows.start, rows.stop))
                progress.update(rows.stop, height)

    def _strip(self, top: int, stop: int) -> torch.Tensor:
        """Return rows of the result, in units of the source."""
        import torch

        bands = [band for band in self._down if band.start < stop and top < band.stop]
        _, width, channels = self._result.shape
        total = torch.zeros(stop - top, width * channels)
        row = 4 * channels * (width + self._pixels.shape[1])
        start = bands[0].first
        for rows in row_strips(bands[-1].last - start, row, strip_bytes=_STRIP_BYTES):
            first = start + rows.start
            chunk = self._chunk(first, start + rows.stop)
            wide = along(chunk, 1, self._across, torch.float32)
            if self._alpha is None:
                wide.clamp_(0, self._white)
            _add(total, top, wide.view(len(chunk), -1), first, bands)
        return total.view(stop - top, width, channels)

    def _chunk(self, first: int, last: int) -> torch.Tensor:
        """Return rows of the source; with transparency premultiplied, followed by it in [0, 1]."""
        import torch

        chunk = self._decode(self._pixels[first:last])
        if self._alpha is None:
            return chunk
        alpha = torch.from_numpy(self._alpha[first:last, :, None].astype(np.float32))
        alpha.div_(peak(self._alpha.dtype))
        return torch.cat((chunk.mul_(alpha), alpha), dim=2)

    def _decode(self, rows: NDArray[Any]) -> torch.Tensor:
        import torch

        if not self._linear:
            return torch.from_numpy(rows.astype(np.float32))
        if rows.dtype.kind == "u":
            return torch.from_numpy(_light_of(rows.dtype.name).take(rows))
        return _to_light(torch.from_numpy(rows.astype(np.float32)))

    def _encode(self, values: torch.Tensor) -> NDArray[np.float32]:
        """Return rows in units of the result's dtype, to be truncated to whole numbers."""
        import torch

        white = peak(self._result.dtype)
        alpha = None if self._alpha is None else values[..., -1:].clone()
        if alpha is not None:
            # Where next to nothing is visible, the quotient has no meaning; it is filled later.
            values = values[..., :-1] / alpha.where(alpha.abs() > _INVISIBLE, torch.inf)
        values = _from_light(values.clamp_(0, 1)) if self._linear else values
        if white != self._white:
            values.mul_(white / self._white)
        if alpha is not None:
            values = torch.cat((values, alpha.mul_(white)), dim=2)
        if self._result.dtype.kind == "u":
            values.add_(0.5)
        return values.clamp_(0, white).numpy()


def _add(total: torch.Tensor, top: int, chunk: torch.Tensor, first: int, bands: list[Band]) -> None:
    """Add the contribution of source rows, from `first` on, to the result's rows, from `top` on."""
    import torch

    stop, last = top + len(total), first + len(chunk)
    with torch.autocast("cpu", enabled=False):
        for band in bands:
            low, high = max(band.start, top), min(band.stop, stop)
            begin, end = max(band.first, first), min(band.last, last)
            if low < high and begin < end:
                rows = slice(low - band.start, high - band.start)
                matrix = band.matrix[rows, begin - band.first : end - band.first]
                total[low - top : high - top].addmm_(matrix, chunk[begin - first : end - first])


@lru_cache(maxsize=2)
def _light_of(dtype: str) -> NDArray[np.float32]:
    """Return linear light, in [0, 1], for every value of a whole-number dtype."""
    import torch

    white = peak(dtype)
    return _to_light(torch.arange(white + 1, dtype=torch.float32) / white).numpy()


def _to_light(values: torch.Tensor) -> torch.Tensor:
    """Decode sRGB in [0, 1] (IEC 61966-2-1)."""
    bright = ((values + 0.055) / 1.055).pow_(2.4)
    return bright.where(values > 0.04045, values / 12.92)


def _from_light(values: torch.Tensor) -> torch.Tensor:
    """Encode light in [0, 1] as sRGB (IEC 61966-2-1)."""
    bright = values.pow(1 / 2.4).mul_(1.055).sub_(0.055)
    return bright.where(values > 0.0031308, values * 12.92)
