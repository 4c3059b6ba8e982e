"""Run the tiny autoencoders of the TAESD family, from the layout of their weights alone.

"Tiny AutoEncoder for Stable Diffusion", https://github.com/madebyollin/taesd: small networks that
convert between pictures and a large autoencoder's latents, at an eighth of the size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.reading import read_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    Weights = Mapping[str, torch.Tensor]

_LIMIT = 3.0
_GROUPS = 4


@dataclass(frozen=True)
class TinyAutoencoder:
    """An encoder and a decoder; pictures are in [0, 1], sides in multiples of 8.

    Attributes:
        encoder: The encoder's weights by name, float32.
        decoder: The decoder's, on the same device.
    """

    encoder: Weights
    decoder: Weights

    @cached_property
    def channels(self) -> int:
        """How many channels its latents have."""
        return self.decoder["1.weight"].shape[1]

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn pictures (N, 3, 8 h, 8 w) in [0, 1] into latents (N, channels, h, w)."""
        import torch

        values = pixels.to(torch.float32)
        for index in _steps(self.encoder):
            # Of the convolutions those without a bias halve the size.
            stride = 1 if f"{index}.bias" in self.encoder else 2
            values = _step(values, self.encoder, index, stride)
        return values

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        """Turn latents (N, channels, h, w) into pictures (N, 3, 8 h, 8 w), about in [0, 1]."""
        import torch
        from torch.nn.functional import interpolate

        values = torch.tanh(samples.to(torch.float32) / _LIMIT) * _LIMIT
        steps = _steps(self.decoder)
        for before, index in zip([0, *steps], steps, strict=False):
            # Layers without weights are not in the file: a ReLU after the first, then upsampling.
            if index - before > 1:
                values = values.relu() if before == 1 else interpolate(values, scale_factor=2.0)
            values = _step(values, self.decoder, index, 1)
        return values


def load_tiny_autoencoder(
    encoder: Path, decoder: Path, device: torch.device | str = "cpu"
) -> TinyAutoencoder:
    """Read the two weight files of a tiny autoencoder.

    Raises:
        ModelFileError: A file is missing, damaged, or not that part of a tiny autoencoder.
        UnsafeModelError: A pickle asks for more than tensors.
    """
    first, second = _read(encoder, "encoder", 3, device), _read(decoder, "decoder", 64, device)
    last = f"{_steps(first)[-1]}.weight"
    made, expected = first[last].shape[0], second["1.weight"].shape[1]
    if made != expected:
        raise ModelFileError(
            f"Expected an encoder and a decoder of one latent space, but {encoder.name!r} has "
            f"{made} channels and {decoder.name!r} has {expected}; give two that belong together."
        )
    return TinyAutoencoder(first, second)


def _read(path: Path, part: str, features: int, device: torch.device | str) -> Weights:
    """Read one file; `features` are the channels on the side of the weights that is fixed."""
    import torch

    state = read_state(path)
    first = state.get("0.weight" if part == "encoder" else "1.weight")
    known = 1 if part == "encoder" else 0
    # The encoder and the decoder differ in their first layer.
    if not isinstance(first, torch.Tensor) or first.ndim != 4 or first.shape[known] != features:
        raise ModelFileError(
            f"Expected the {part} of a tiny autoencoder in {path.name!r}, but its weights are "
            "of something else; give a file of the TAESD family."
        )
    weights = {name: value.to(device, torch.float32) for name, value in state.items()}
    if torch.device(device).type != "cpu":
        return weights
    # On a CPU convolutions then take two thirds of the time.
    return {
        name: value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value
        for name, value in weights.items()
    }


def _steps(weights: Weights) -> list[int]:
    """Return the numbers of the layers that have weights, in order."""
    return sorted({int(name.split(".")[0]) for name in weights})


def _step(values: torch.Tensor, weights: Weights, index: int, stride: int) -> torch.Tensor:
    """Apply one layer: a convolution or a residual block."""
    if f"{index}.conv.0.weight" not in weights:
        return _convolve(values, weights, str(index), stride)
    if f"{index}.pool.0.weight" in weights:
        values = values + _pool(values, weights, f"{index}.pool")
    inner = _convolve(values, weights, f"{index}.conv.0").relu_()
    inner = _convolve(inner, weights, f"{index}.conv.2").relu_()
    return _convolve(inner, weights, f"{index}.conv.4").add_(values).relu_()


def _pool(values: torch.Tensor, weights: Weights, name: str) -> torch.Tensor:
    """Return the branch of a block that averages over the whole picture."""
    from torch.nn.functional import group_norm

    wide = _convolve(values, weights, f"{name}.0")
    scale, offset = weights[f"{name}.1.weight"], weights[f"{name}.1.bias"]
    return _convolve(group_norm(wide, _GROUPS, scale, offset).relu_(), weights, f"{name}.3")


def _convolve(values: torch.Tensor, weights: Weights, name: str, stride: int = 1) -> torch.Tensor:
    from torch.nn.functional import conv2d

    weight = weights[f"{name}.weight"]
    return conv2d(
        values, weight, weights.get(f"{name}.bias"), stride=stride, padding=weight.shape[2] // 2
    )
