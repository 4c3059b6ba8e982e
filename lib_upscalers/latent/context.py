"""Declare what some latent modes have to know of the host, as an interface of types only.

A latent is a tensor without a label. The learned mode and the round trip have to know which model
it belongs to; the program that calls `upscale_latent` passes a `LatentContext` that answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from lib_upscalers.geometry import Size


@dataclass(frozen=True)
class LatentSpace:
    """The kind of latents that a model works on.

    Attributes:
        name: Lower-case letters, digits and hyphens, as in `latent.spaces.SPACES`. A name that is
            not in that list is allowed: it finds weights that the user has fit.
        channels: Of a latent as the autoencoder gives it, before any packing.
        factor: How many pixels a value of that latent is wide and high.
    """

    name: str
    channels: int
    factor: int


class Codec(Protocol):
    """An autoencoder, whole or tiny, with gradients off.

    Latents are scaled as the sampler has them (in a WebUI: as Hires. fix passes them), and not
    packed. Both methods accept and return any float dtype, on the device of their argument.
    """

    def encode(self, pixels: torch.Tensor, /) -> torch.Tensor:
        """Turn pictures (N, 3, H, W) in [0, 1], RGB, into latents (N, C, H / f, W / f).

        H and W are multiples of the factor f. The most likely latent, without random numbers.
        """
        ...

    def decode(self, samples: torch.Tensor, /) -> torch.Tensor:
        """Turn latents (N, C, h, w) into pictures (N, 3, f h, f w), about in [0, 1], RGB."""
        ...


class LatentContext(Protocol):
    """What the host knows when a latent is enlarged.

    It is called only when a mode needs it. Every answer is about the model that is loaded now.
    """

    def space(self) -> LatentSpace | None:
        """Return the latent space of the loaded model; None if it is unknown."""
        ...

    def tiny_codec(self) -> Codec:
        """Return the tiny autoencoder (TAESD family) for `space`, on the device for the work.

        Raises:
            ModelError: There is none for this latent space, or its file is not there and could
                not be fetched; the text is one line that says what is missing.
        """
        ...

    def enlarge_pixels(self, pixels: torch.Tensor, size: Size) -> torch.Tensor:
        """Enlarge pictures (N, 3, H, W), float32 in [0, 1], RGB, to exactly `size`.

        By the upscaler that the user has chosen for the round trip, Lanczos by default. The result
        has the same dtype and device; values may lie a little outside [0, 1].

        Raises:
            UpscalerError: The upscaler cannot do it.
            Cancelled: The user stopped it.
        """
        ...

    def weight_folders(self) -> Sequence[Path]:
        """Return the folders with latent networks, those of the user first; may not exist.

        In a WebUI ``models/upscaler_lab/latent``. Networks that come with this library need no
        folder.
        """
        ...

    def vae_hashes(self) -> Sequence[str]:
        """Return hashes of the loaded model's VAE, 64 hex digits each, the best one first.

        That of its weights (`latent.autoencoder_hash`), which all models that share it have;
        then that of the file, as far as it is known already. None if nothing is known: a network
        that was fit to a VAE is then found by the name of its latent space alone.
        """
        ...
