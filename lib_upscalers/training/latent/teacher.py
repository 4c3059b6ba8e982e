"""Run the autoencoder that a network learns from, with a fallback to full precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch

from lib_upscalers.errors import InputError, ModelError, UpscalerError
from lib_upscalers.tiling.executor import OutOfMemory, memory_signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.latent.context import Codec, LatentSpace

_PROBE = 128
_NAN = (
    "Expected the autoencoder to give numbers, but got NaN; use it in float32 (--no-half-vae in a "
    "WebUI), or another VAE."
)


@dataclass(frozen=True)
class Teacher:
    """An autoencoder and its device.

    Attributes:
        codec: The autoencoder, with latents as the sampler has them. Tiny ones suffice.
        device: Where it runs, and the training.
        exact: Makes the same autoencoder in float32, for one that returns NaN in half precision;
            None if that is not possible.
        differentiable: Decodes as the codec does, but gradients pass; None if that is impossible or
            slow.
        tiny: What the round trip would use for these latents; None if there is nothing.
    """

    codec: Codec
    device: torch.device
    exact: Callable[[], Codec] | None = None
    differentiable: Callable[[torch.Tensor], torch.Tensor] | None = None
    tiny: Codec | None = None

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn pictures (N, 3, H, W) in [0, 1] into latents, float32.

        Raises:
            ModelError: The autoencoder failed, or gives NaN in float32, too.
        """
        return self._finite("encode", pixels)

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        """Turn latents into pictures, float32.

        Raises:
            ModelError: The autoencoder failed, or gives NaN in float32, too.
        """
        return self._finite("decode", samples)

    def _finite(self, way: Literal["encode", "decode"], values: torch.Tensor) -> torch.Tensor:
        """Run the autoencoder, and the exact one where it gives NaN: some pictures alone do."""
        result = self._run(getattr(self.codec, way), values)
        if bool(torch.isfinite(result).all()):
            return result
        if self.exact is None:
            raise ModelError(_NAN)
        exact = replace(self, codec=self.exact(), exact=None)
        return exact.encode(values) if way == "encode" else exact.decode(values)

    @staticmethod
    def _run(code: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> torch.Tensor:
        try:
            # Its result must be usable outside of the inference mode that it may run in.
            with memory_signal(), torch.no_grad():
                return code(values).to(torch.float32).clone()
        except (OutOfMemory, UpscalerError):
            raise
        except Exception as error:
            raise ModelError(
                f"The autoencoder failed ({type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]}); is its model still loaded? What is done "
                "is kept: load it, and start again to go on."
            ) from error

    def probe(self) -> tuple[int, int]:
        """Return the channels of its latents, and how many pixels a value is wide.

        Raises:
            InputError: It is no autoencoder of pictures.
            ModelError: It fails.
        """
        shape = tuple(self.encode(torch.zeros(1, 3, _PROBE, _PROBE, device=self.device)).shape)
        square = len(shape) == 4 and shape[2] == shape[3] and shape[2] > 0
        if not square or _PROBE % shape[2]:
            raise InputError(
                f"Expected latents (1, C, h, h) of a picture of {_PROBE}x{_PROBE}, {_PROBE} being "
                f"a multiple of h, but got the shape {shape}; such autoencoders cannot be learned."
            )
        return shape[1], _PROBE // shape[2]

    def fingerprint(self) -> torch.Tensor:
        """Return the latents of a fixed picture, on the CPU; they differ between autoencoders."""
        return self.encode(self._noise(_PROBE)).cpu()

    def _noise(self, side: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.rand(1, 3, side, side, generator=generator).to(self.device)

    def checked(self, space: LatentSpace) -> Teacher:
        """Return this teacher if its latents fit `space`.

        Raises:
            InputError: Its latents do not fit `space`.
            ModelError: It fails, or returns NaN in float32, too.
        """
        side = max(_PROBE, 8 * space.factor) // space.factor * space.factor
        samples = self.encode(self._noise(side))
        cells = side // space.factor
        if tuple(samples.shape) != (1, space.channels, cells, cells):
            raise InputError(
                f"Expected latents of {space.name!r} to have {space.channels} channels and to be "
                f"{space.factor} times smaller than pictures: {cells}x{cells} for {side}x{side}; "
                f"but got the shape {tuple(samples.shape)}. Such autoencoders cannot be learned."
            )
        return self
