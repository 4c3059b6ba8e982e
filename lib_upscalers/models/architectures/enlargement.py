"""The last layers of several architectures here: eight ways to make a picture of features.

Trainers share them: layers are numbered as in https://github.com/enhancr/figsr (MIT) and
https://github.com/dslisleedh/ESC (MIT). Each file says which way it has, in a tensor of seven
numbers named MetaUpsample: a version, the way, the scale, and sizes that the shapes of the weights
show too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lib_upscalers.models.architectures.description import scale_of
from lib_upscalers.models.architectures.dysample import DynamicSampling, dynamic_sampling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

META = "MetaUpsample"
WAYS = (
    "conv",
    "pixelshuffledirect",
    "pixelshuffle",
    "nearest+conv",
    "dysample",
    "transpose+conv",
    "lda",
    "pa_up",
)
_NUMBERS = 7
_FEWEST_SHUFFLED = 3
_SLOPE = 0.2


def convolution(takes: int, gives: int) -> nn.Conv2d:
    """Return a convolution of 3 x 3 that keeps the size."""
    return nn.Conv2d(takes, gives, 3, padding=1)


class PixelAttention(nn.Module):
    """Weights each value by what a convolution of 1 x 1 makes of its pixel.

    H. Zhao et al., "Efficient Image Super-Resolution Using Pixel Attention", 2020,
    https://arxiv.org/abs/2010.01073

    Args:
        features: Channels that it takes and gives.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(features, features, 1), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weight (N, C, H, W)."""
        return x * self.conv(x)


class EnlargingLayers(nn.Sequential):
    """The layers, with the numbers that say which they are.

    Args:
        layers: The layers.
        way: Which of `WAYS` they are.
        scale: Output pixels an input pixel, on each side.
    """

    def __init__(self, layers: Sequence[nn.Module], way: str, scale: int) -> None:
        super().__init__(*layers)
        self.scale = scale
        numbers = [3, WAYS.index(way), scale, 0, 0, 0, 0]
        self.register_buffer(META, torch.tensor(numbers, dtype=torch.uint8))


def make_enlargement(
    way: str, scale: int, features: int, gives: int = 3, middle: int = 0, kernel: int = 1
) -> EnlargingLayers:
    """Return the layers with random weights.

    Args:
        way: One of `WAYS`, but not "lda".
        scale: Output pixels an input pixel, on each side; with "conv" it is always 1.
        features: Channels that they take.
        gives: Channels of the picture.
        middle: Channels between, where the way has them.
        kernel: The side of the convolution after dynamic sampling.

    Raises:
        ValueError: There is no such way for this scale.
    """
    if scale == 1 or way == "conv":
        return EnlargingLayers([convolution(features, gives)], way, 1)
    if way == "pixelshuffledirect":
        shuffle = [convolution(features, gives * scale**2), nn.PixelShuffle(scale)]
        return EnlargingLayers(shuffle, way, scale)
    if way == "dysample":
        sampling = DynamicSampling(middle, gives, scale, kernel)
        return EnlargingLayers([*_narrowed(features, middle), sampling], way, scale)
    made = {
        "pixelshuffle": lambda: _shuffled(steps_of(scale), features, gives, middle),
        "nearest+conv": lambda: _repeated(steps_of(scale), features, gives),
        "transpose+conv": lambda: _transposed(scale, features, gives),
        "pa_up": lambda: _attended(steps_of(scale), features, gives, middle),
    }
    if way not in made:
        raise ValueError(f"it enlarges by {way!r}, which is not supported")
    return EnlargingLayers(made[way](), way, scale)


def read_enlargement(
    state: Mapping[str, Any], prefix: str, features: int, gives: int = 3
) -> EnlargingLayers:
    """Return the layers that a state dict has.

    Args:
        state: Names to tensors.
        prefix: What their names begin with, with the dot.
        features: Channels that they take.
        gives: Channels of the picture.

    Raises:
        KeyError: A tensor is missing.
        ValueError: The numbers name no known way or scale.
    """
    numbers = _numbers(state, prefix, gives)
    if len(numbers) != _NUMBERS or not 0 <= numbers[1] < len(WAYS) or numbers[2] < 1:
        raise ValueError(f"{prefix}{META} is {numbers}, which names no known enlargement")
    way, scale = WAYS[numbers[1]], numbers[2]
    if way == "dysample" and scale > 1:
        return _read_sampling(state, prefix, features)
    middle = 0
    if way in ("pixelshuffle", "pa_up") and scale > 1:
        middle = int(state[f"{prefix}{'0' if way == 'pixelshuffle' else '1'}.weight"].shape[0])
    return make_enlargement(way, scale, features, gives, middle)


def _numbers(state: Mapping[str, Any], prefix: str, gives: int) -> list[int]:
    """Return the numbers; those that the shapes show where a graph has left them out."""
    if f"{prefix}{META}" in state:
        return [int(number) for number in state[f"{prefix}{META}"].flatten()]
    names = [name for name in state if name.startswith(prefix) and name.endswith(".weight")]
    places = sorted({int(name[len(prefix) :].split(".")[0]) for name in names})
    layers = [f"{prefix}{place}.weight" for place in places if place % 2 == 0]
    if places == [0]:
        scale = scale_of(state, f"{prefix}0.weight", gives)
        return [3, WAYS.index("pixelshuffledirect"), scale, 0, 0, 0, 0]
    if len(layers) == len(places) >= _FEWEST_SHUFFLED:
        wide = [int(state[layer].shape[0]) for layer in layers]
        scale = math.isqrt(math.prod(width // wide[0] for width in wide[1:-1]))
        return [3, WAYS.index("pixelshuffle"), scale, 0, 0, 0, 0]
    raise KeyError(f"{prefix}{META}")


def _read_sampling(state: Mapping[str, Any], prefix: str, features: int) -> EnlargingLayers:
    narrowed = f"{prefix}0.weight" in state
    middle = int(state[f"{prefix}0.weight"].shape[0]) if narrowed else features
    sampling = dynamic_sampling(state, f"{prefix}{2 if narrowed else 0}.")
    layers = [*_narrowed(features, middle), sampling] if narrowed else [sampling]
    return EnlargingLayers(layers, "dysample", sampling.scale)


def steps_of(scale: int) -> list[int]:
    """Return the steps in which a scale is reached: 2 several times, or 3.

    Raises:
        ValueError: It is neither a power of 2 nor 3.
    """
    if scale == 3:
        return [3]
    if scale < 1 or scale & (scale - 1):
        raise ValueError(f"it enlarges by {scale}, which is neither 3 nor a power of 2")
    return [2] * int(math.log2(scale))


def _narrowed(features: int, middle: int) -> list[nn.Module]:
    if middle == features:
        return []
    return [convolution(features, middle), nn.LeakyReLU()]


def _shuffled(steps: Sequence[int], features: int, gives: int, middle: int) -> list[nn.Module]:
    layers: list[nn.Module] = [convolution(features, middle), nn.LeakyReLU()]
    for step in steps:
        layers += [convolution(middle, middle * step**2), nn.PixelShuffle(step)]
    return [*layers, convolution(middle, gives)]


def _repeated(steps: Sequence[int], features: int, gives: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for step in steps:
        layers += [convolution(features, features), nn.Upsample(scale_factor=step)]
        layers += [nn.LeakyReLU(_SLOPE)]
    layers += [convolution(features, features), nn.LeakyReLU(_SLOPE)]
    return [*layers, convolution(features, gives)]


def _transposed(scale: int, features: int, gives: int) -> list[nn.Module]:
    def doubled(gives: int) -> nn.Module:
        return nn.ConvTranspose2d(features, gives, 4, 2, 1)

    made: dict[int, list[nn.Module]] = {
        2: [doubled(gives)],
        3: [nn.ConvTranspose2d(features, gives, 3, 3)],
        4: [doubled(features), nn.GELU(), doubled(gives)],
    }
    if scale not in made:
        raise ValueError(f"it enlarges by {scale}, which is none of 2, 3 and 4")
    return [*made[scale], convolution(gives, gives)]


def _attended(steps: Sequence[int], features: int, gives: int, middle: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for step in steps:
        layers += [nn.Upsample(scale_factor=step), convolution(features, middle)]
        layers += [PixelAttention(middle), nn.LeakyReLU(_SLOPE)]
        layers += [convolution(middle, middle), nn.LeakyReLU(_SLOPE)]
        features = middle
    return [*layers, convolution(middle, gives)]
