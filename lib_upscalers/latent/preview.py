"""Preview a latent mode: decode its result without any denoising."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError, ModelError, TargetError
from lib_upscalers.geometry import Size
from lib_upscalers.latent.finishers import OFF, Finishers
from lib_upscalers.latent.modes import Fallback, upscale_latent
from lib_upscalers.latent.packing import padded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from lib_upscalers.latent.context import LatentContext

    Code = Callable[[torch.Tensor], torch.Tensor]

# A multiple of every known factor, packed or not.
_PROBE = 64


def preview(
    encode: Code,
    decode: Code,
    pixels: torch.Tensor,
    size: Size,
    mode: str,
    finishers: Finishers = OFF,
    seeds: int | Sequence[int] = 0,
    *,
    factor: int | None = None,
    context: LatentContext | None = None,
    on_fallback: Callable[[Fallback], None] | None = None,
) -> torch.Tensor:
    """Encode pictures, enlarge their latents, decode: what denoising strength 0 would give.

    Args:
        encode: From pictures (N, 3, H, W) in [0, 1] to latents (N, C, H / factor, W / factor).
        decode: The inverse of `encode`.
        pixels: Shape (N, 3, H, W), float, in [0, 1]. If a side is no multiple of `factor`, its
            border values are repeated, and cut off at the end.
        size: Of the result. A side that is no multiple of `factor` is rounded up for the
            latent, and its last pixels are cut off.
        mode: A name in `LATENT_MODES`.
        finishers: The steps after the mode.
        seeds: For the noise, as in `upscale_latent`.
        factor: How many pixels a latent value is wide and high; None measures it with a small
            picture.
        context: What the host knows of the model, as in `upscale_latent`.
        on_fallback: Called if another mode had to be used.

    Returns:
        Shape (N, 3, size.height, size.width), of the decoder's dtype, in [0, 1].

    Raises:
        InputError: `pixels` are of another shape, or the latents have another size than `factor`
            implies.
        ModelError: `encode` or `decode` gives NaN or Inf.
        TargetError: A side of `size` is below 1.
        UnknownNameError: There is no such mode.
    """
    _check(pixels, size)
    height, width = pixels.shape[-2:]
    factor = factor or _PROBE // encode(pixels.new_zeros(1, 3, _PROBE, _PROBE)).shape[-1]
    whole = padded(pixels, factor)
    samples = _finite(encode(whole))
    _check_latent(samples, whole, factor)
    target = Size(
        _rescaled(samples.shape[-1], width, size.width),
        _rescaled(samples.shape[-2], height, size.height),
    )
    larger = upscale_latent(samples, target, mode, finishers, seeds, context, on_fallback)
    decoded = _finite(decode(larger))
    return decoded[..., : size.height, : size.width].clamp(0, 1)


def _rescaled(latent: int, source: int, target: int) -> int:
    """Return the latent's side, enlarged as the picture's side is, rounded up."""
    return max(1, -(-latent * target // source))


def _check(pixels: torch.Tensor, size: Size) -> None:
    if pixels.ndim != 4 or not pixels.is_floating_point() or not pixels.numel():
        raise InputError(
            "Expected pictures of shape (N, 3, H, W), float in [0, 1], but got "
            f"{pixels.dtype} of shape {tuple(pixels.shape)}."
        )
    if min(size.width, size.height) < 1:
        raise TargetError(f"Expected a target of at least 1x1 pixel, but got {size}.")


def _finite(values: torch.Tensor) -> torch.Tensor:
    """Return what an autoencoder gave, if it is numbers."""
    import torch

    if bool(torch.isfinite(values).all()):
        return values
    raise ModelError(
        "Expected the autoencoder to give numbers, but got NaN or Inf; use it in float32 "
        "(--no-half-vae in a WebUI), or another VAE."
    )


def _check_latent(samples: torch.Tensor, pixels: torch.Tensor, factor: int) -> None:
    made, given = samples.shape[-2:], pixels.shape[-2:]
    if (made[0] * factor, made[1] * factor) != tuple(given):
        raise InputError(
            f"Expected latents {factor} times smaller than pictures of {given[1]}x{given[0]}, "
            f"but got {made[1]}x{made[0]}; give the factor of this autoencoder."
        )
