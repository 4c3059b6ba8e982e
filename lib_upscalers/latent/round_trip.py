"""Enlarge a latent as a picture: decode, enlarge, encode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError, ModelError, TargetError
from lib_upscalers.latent.mode_registry import latent_mode_within
from lib_upscalers.latent.packing import packed, unpacked
from lib_upscalers.resampling.resample import resample

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.latent.context import LatentContext

    Code = Callable[[torch.Tensor], torch.Tensor]
    Enlarge = Callable[[torch.Tensor, Size], torch.Tensor]


@latent_mode_within(
    "Latent (TAESD)",
    "round trip",
    "By way of a quick preview picture: clean, also at a low denoising strength; a little softer.",
    otherwise="Latent (bilinear)",
    clean_from=0,
)
def by_tiny_codec(samples: torch.Tensor, size: Size, context: LatentContext) -> torch.Tensor:
    """Enlarge as pictures, with the tiny autoencoder and pixel upscaler of the context."""
    import torch

    codec, space = context.tiny_codec(), context.space()
    whole = unpacked(samples, None if space is None else space.channels)
    target = size.scaled(whole.shape[-1] // samples.shape[-1])
    # One by one: pictures are large.
    done = [
        round_trip(codec.encode, codec.decode, item[None], target, context.enlarge_pixels)
        for item in whole
    ]
    return packed(torch.cat(done), samples.shape[1])


def round_trip(
    encode: Code,
    decode: Code,
    samples: torch.Tensor,
    size: Size,
    enlarge: Enlarge | None = None,
) -> torch.Tensor:
    """Enlarge latents as pictures: decode, enlarge, encode.

    Args:
        encode: From pictures (N, 3, H, W) in [0, 1] to latents (N, C, h, w).
        decode: The inverse of `encode`.
        samples: Shape (N, C, h, w), any float dtype.
        size: Of the result, in latent values.
        enlarge: From pictures, float32 in [0, 1], and a size in pixels to pictures of that
            size; None for Lanczos.

    Returns:
        Shape (N, C, size.height, size.width), of the dtype and device of `samples`.

    Raises:
        InputError: The result is not of that size: `encode` and `decode` do not belong together.
        ModelError: `decode` or `encode` gives NaN or Inf.
        TargetError: A side of `size` is below 1.
    """
    import torch

    if min(size.width, size.height) < 1:
        raise TargetError(f"Expected a target of at least 1x1 latent value, but got {size}.")
    with torch.no_grad():
        decoded = decode(samples).to(torch.float32)
        # An upscaler of pictures may turn NaN into black, and the latent would look sound.
        _check_finite(decoded, "decoder")
        pixels = decoded.clamp(0, 1)
        factor = pixels.shape[-1] // samples.shape[-1]
        larger = (enlarge or _lanczos)(pixels, size.scaled(factor))
        result = encode(larger.clamp(0, 1)).to(samples)
    if result.shape[-2:] != (size.height, size.width):
        raise InputError(
            f"Expected the encoder to give a latent of {size}, but got "
            f"{result.shape[-1]}x{result.shape[-2]}; encoder and decoder have to be of one model."
        )
    _check_finite(result, "encoder")
    return result


def _check_finite(values: torch.Tensor, part: str) -> None:
    import torch

    if not bool(torch.isfinite(values).all()):
        raise ModelError(
            f"Expected numbers from the {part} of the autoencoder, but got NaN or Inf."
        )


def _lanczos(pixels: torch.Tensor, size: Size) -> torch.Tensor:
    return resample(pixels, size, "Lanczos")
