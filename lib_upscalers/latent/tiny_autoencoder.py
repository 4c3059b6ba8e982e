"""Run the tiny autoencoders of the TAESD family, from the layout of their weights alone.

"Tiny AutoEncoder for Stable Diffusion", https://github.com/madebyollin/taesd: small networks that
convert between pictures and a large autoencoder's latents. Most have an eighth of the picture's
size; Qwen-Image 2.1's has a sixteenth and an alpha channel, Sana's a thirty-second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from lib_upscalers.errors import ModelFileError
from lib_upscalers.latent.codec_check import check_codec, layer_weights, whole_layers
from lib_upscalers.models.reading import read_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    Weights = Mapping[str, torch.Tensor]

Part = Literal["encoder", "decoder"]

_OF_A_LAYER = re.compile(r"[0-9]+\.")
_LIMIT = 3.0
_GROUPS = 4
_COLOURS = 3
_PATCH = 2


@dataclass(frozen=True)
class TinyAutoencoder:
    """An encoder and a decoder; pictures are in [0, 1], sides in multiples of the factor f.

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
        """Turn pictures (N, 3, f h, f w) in [0, 1] into latents (N, channels, h, w)."""
        import torch
        from torch.nn.functional import pixel_unshuffle

        steps = _steps(self.encoder)
        patch = _encoder_patch(steps)
        planes = self.encoder[f"{steps[0]}.weight"].shape[1] // patch**2
        values = pixels.to(torch.float32)
        if planes > _COLOURS:
            opaque = torch.ones_like(values[:, : planes - _COLOURS])
            values = torch.cat([values, opaque], dim=1)
        values = pixel_unshuffle(values, patch) if patch > 1 else values
        for index, following in zip(steps, [*steps[1:], steps[-1] + 1], strict=True):
            # Layers without weights are not in the file: a ReLU after some of the first.
            rectified = following - index > 1
            # Convolutions without a bias halve the size, and Sana's first ones.
            halves = f"{index}.bias" not in self.encoder or (rectified and patch == 1)
            values = _step(values, self.encoder, index, 2 if halves else 1)
            values = values.relu() if rectified else values
        return values

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        """Turn latents (N, channels, h, w) into pictures (N, 3, f h, f w), about in [0, 1]."""
        import torch
        from torch.nn.functional import interpolate, pixel_shuffle

        values = torch.tanh(samples.to(torch.float32) / _LIMIT) * _LIMIT
        steps = _steps(self.decoder)
        for before, index in zip([0, *steps], steps, strict=False):
            # Layers without weights are not in the file: a ReLU after the first, then upsampling.
            if index - before > 1:
                values = values.relu() if before == 1 else interpolate(values, scale_factor=2.0)
            values = _step(values, self.decoder, index, 1)
        values = pixel_shuffle(values, _PATCH) if values.shape[1] > _COLOURS + 1 else values
        return values[:, :_COLOURS]


def load_tiny_autoencoder(
    encoder: Path, decoder: Path, device: torch.device | str = "cpu"
) -> TinyAutoencoder:
    """Read the two weight files of a tiny autoencoder.

    Raises:
        ModelFileError: A file is missing, damaged, or not that part of a tiny autoencoder.
        UnsafeModelError: A pickle asks for more than tensors.
    """
    first, second = _read(encoder, "encoder", device), _read(decoder, "decoder", device)
    with whole_layers(encoder.name):
        made = first[f"{_steps(first)[-1]}.weight"].shape[0]
    with whole_layers(decoder.name):
        expected = second["1.weight"].shape[1]
    if made != expected:
        raise ModelFileError(
            f"Expected an encoder and a decoder of one latent space, but {encoder.name!r} has "
            f"{made} channels and {decoder.name!r} has {expected}; give two that belong together."
        )
    made_of_both = TinyAutoencoder(first, second)
    with whole_layers(f"{encoder.name}, {decoder.name}"):
        check_codec(made_of_both, expected, second)
    return made_of_both


def _read(path: Path, part: Part, device: torch.device | str) -> Weights:
    """Read one file."""
    import torch

    state = read_state(path)
    if _part_of(state) != part:
        raise ModelFileError(
            f"Expected the {part} of a tiny autoencoder in {path.name!r}, but its weights are "
            "of something else; give a file of the TAESD family."
        )
    weights = layer_weights(state, _OF_A_LAYER, device)
    if torch.device(device).type != "cpu":
        return weights
    # On a CPU convolutions then take two thirds of the time.
    return {
        name: value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value
        for name, value in weights.items()
    }


def _part_of(state: Mapping[str, object]) -> Part | None:
    """Return of which part the weights are, None if they are of something else."""
    import torch

    kernels = {
        int(name.split(".")[0]): value.shape
        for name, value in state.items()
        if re.fullmatch(r"[0-9]+\.weight", name) and isinstance(value, torch.Tensor)
    }
    blocks = {int(name.split(".")[0]) for name in state if re.fullmatch(r"[0-9]+\.conv\..+", name)}
    if not blocks or any(len(shape) != 4 for shape in kernels.values()):
        return None
    steps = sorted(blocks | set(kernels))
    resizing = [index for index in kernels if f"{index}.bias" not in state]
    # The decoder enlarges before them, by a layer without weights.
    apart = {index - 1 not in steps for index in resizing}
    if not kernels.keys() >= {steps[0], steps[-1]} or steps[0] > 1 or len(apart) != 1:
        return None
    part: Part = "decoder" if apart == {True} else "encoder"
    planes = kernels[steps[-1]][0] if part == "decoder" else kernels[steps[0]][1]
    patch = _encoder_patch(steps) if part == "encoder" else _PATCH if planes > 4 else 1
    return part if planes in {_COLOURS * patch**2, (_COLOURS + 1) * patch**2} else None


def _encoder_patch(steps: list[int]) -> int:
    """Return how many pixels a value of the encoder's first layer is wide."""
    # A layer without weights comes before it, which puts 2 x 2 pixels into one.
    return _PATCH if steps[0] == 1 else 1


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
