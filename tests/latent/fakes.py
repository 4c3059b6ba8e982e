"""A model of a few lines, for the modes that have to know their surroundings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from lib_upscalers.errors import ModelError
from lib_upscalers.latent import Codec, LatentSpace
from lib_upscalers.latent.learned_network import LatentNetwork
from lib_upscalers.resampling.resample import resample

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.geometry import Size

FACTOR = 2


@dataclass(frozen=True)
class ToyCodec:
    """Latents of any number of channels, half the size of pictures, from a fixed matrix."""

    channels: int

    @property
    def matrix(self) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self.channels)
        square = torch.randn(max(12, self.channels), 12, generator=generator)
        return torch.linalg.qr(square)[0][: self.channels] * 2

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        cells = pixel_unshuffle(pixels.float() - 0.5, FACTOR)
        return torch.einsum("ck,nkhw->nchw", self.matrix, cells)

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        back = torch.linalg.pinv(self.matrix)
        return pixel_shuffle(torch.einsum("kc,nchw->nkhw", back, samples.float()), FACTOR) + 0.5


@dataclass(frozen=True)
class FakeContext:
    """Implements `LatentContext`; what is left out is not known or not there."""

    known: LatentSpace | None = None
    codec: Codec | None = None
    folders: tuple[Path, ...] = ()
    sha256: str | None = None
    sizes: list[tuple[int, int]] = field(default_factory=list)

    def space(self) -> LatentSpace | None:
        return self.known

    def tiny_codec(self) -> Codec:
        if self.codec is None:
            raise ModelError("The tiny autoencoder 'toy.pth' is missing.")
        return self.codec

    def enlarge_pixels(self, pixels: torch.Tensor, size: Size) -> torch.Tensor:
        assert pixels.dtype is torch.float32
        assert pixels.min() >= 0
        assert pixels.max() <= 1
        self.sizes.append((size.width, size.height))
        return resample(pixels, size, "Lanczos")

    def weight_folders(self) -> tuple[Path, ...]:
        return self.folders

    def vae_hashes(self) -> tuple[str, ...]:
        return (self.sha256,) if self.sha256 else ()


def toy_network(channels: int, seed: int = 0) -> LatentNetwork:
    """Return a tiny network with random weights, none of them 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LatentNetwork(channels, features=8, blocks=1, fine=4, fine_blocks=1)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return network.requires_grad_(requires_grad=False)


@lru_cache
def toy_context(channels: int, folder: Path) -> FakeContext:
    """Return a context in which every mode works, for latents of that many channels."""
    path = folder / f"toy-{channels}.safetensors"
    save_file(toy_network(channels).state_dict(), path)
    space = LatentSpace(f"toy-{channels}", channels, FACTOR)
    return FakeContext(space, ToyCodec(channels), (folder,))
