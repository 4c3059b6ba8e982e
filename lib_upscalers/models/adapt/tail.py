"""Run the last layers of an ESRGAN, which work at the large size, in blocks.

Nearly all of its work is done at the small size, but the few layers after the enlargement need
three pictures of 64 channels at the large one: 12 KB an input pixel. In blocks they need a few MB,
whatever the picture. Each block gets as much context as its convolutions reach, so the result is
the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

_TRUNK = 2
_BLOCK = 32
_BLOCK_GPU = 256
_ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.PReLU)


class BlockwiseTail(nn.Module):
    """Layers that enlarge, run on blocks of their input.

    Args:
        layers: Convolutions of stride 1, nearest enlargements, pixel shuffles, activations.
        scale: By how much they enlarge.
        reach: How many input pixels around a block its result depends on.
    """

    def __init__(self, layers: nn.Sequential, scale: int, reach: int) -> None:
        super().__init__()
        self.layers = layers
        self.scale = scale
        self.reach = reach

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Enlarge features (N, C, H, W) to (N, D, scale * H, scale * W)."""
        height, width = features.shape[-2:]
        block = _BLOCK if features.device.type == "cpu" else _BLOCK_GPU
        if max(height, width) <= block + 2 * self.reach:
            return self.layers(features)
        output = features.new_empty(0)
        for top in range(0, height, block):
            for left in range(0, width, block):
                rows = _Span.around(top, block, height, self.reach)
                columns = _Span.around(left, block, width, self.reach)
                part = self.layers(features[..., rows.read, columns.read])
                if not output.numel():
                    shape = (*part.shape[:2], height * self.scale, width * self.scale)
                    output = part.new_empty(shape)
                rows, columns = rows.scaled(self.scale), columns.scaled(self.scale)
                output[..., rows.written, columns.written] = part[..., rows.used, columns.used]
        return output


class _Span:
    """A block along one axis: what is read, which part of it is used, and where it is written."""

    def __init__(self, read: tuple[int, int], core: tuple[int, int]) -> None:
        self._read = read
        self._core = core

    @classmethod
    def around(cls, start: int, block: int, length: int, reach: int) -> _Span:
        stop = min(start + block, length)
        return cls((max(0, start - reach), min(length, stop + reach)), (start, stop))

    def scaled(self, factor: int) -> _Span:
        read, core = self._read, self._core
        return _Span((read[0] * factor, read[1] * factor), (core[0] * factor, core[1] * factor))

    @property
    def read(self) -> slice:
        return slice(*self._read)

    @property
    def written(self) -> slice:
        return slice(*self._core)

    @property
    def used(self) -> slice:
        return slice(self._core[0] - self._read[0], self._core[1] - self._read[0])


def run_tail_in_blocks(module: nn.Module) -> None:
    """Run the layers after an ESRGAN's trunk in blocks, if they enlarge."""
    layers = getattr(module, "model", None)
    if type(module).__name__ != "RRDBNet" or not isinstance(layers, nn.Sequential):
        return
    found = _scale_and_reach(list(layers)[_TRUNK:])
    if found is None or found[0] == 1:
        return
    scale, reach = found
    tail = BlockwiseTail(nn.Sequential(*list(layers)[_TRUNK:]), scale, math.ceil(reach))
    module.add_module("model", nn.Sequential(*list(layers)[:_TRUNK], tail).eval())


def _scale_and_reach(layers: Sequence[nn.Module]) -> tuple[int, float] | None:
    """Return by how much layers enlarge and how far they look; None if one is not known."""
    scale, reach = 1, 0.0
    for layer in nn.Sequential(*layers).modules():
        if isinstance(layer, nn.Conv2d):
            if layer.stride != (1, 1) or layer.dilation != (1, 1):
                return None
            reach += layer.kernel_size[0] // 2 / scale
        elif isinstance(layer, nn.Upsample):
            if layer.mode != "nearest":
                return None
            scale *= int(cast("float", layer.scale_factor))
        elif isinstance(layer, nn.PixelShuffle):
            scale *= layer.upscale_factor
        elif not isinstance(layer, (nn.Sequential, *_ACTIVATIONS)):
            return None
    return scale, reach
