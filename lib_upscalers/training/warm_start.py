"""Initialise a network with the weights of a smaller one.

It then computes exactly what that one computes, and training continues from there: T. Chen, I.
Goodfellow and J. Shlens, "Net2Net", 2016, https://arxiv.org/abs/1511.05641
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from lib_upscalers.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lib_upscalers.training.compact import Compact


def _enlarged(last: torch.Tensor, factor: int) -> torch.Tensor:
    """Make the last layer's output, (3 s s, ...), `factor` times larger by repeating pixels."""
    side = round((len(last) / 3) ** 0.5)
    pixels = last.reshape(3, side, side, *last.shape[1:])
    repeated = pixels.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    return repeated.reshape(-1, *last.shape[1:])


def _reduced(last: torch.Tensor, factor: int) -> torch.Tensor:
    """Make the last layer's output, (3 s s, ...), `factor` times smaller by means of pixels."""
    side = round((len(last) / 3) ** 0.5) // factor
    pixels = last.reshape(3, side, factor, side, factor, *last.shape[1:])
    return pixels.mean((2, 4)).reshape(-1, *last.shape[1:])


def _rescaled(last: torch.Tensor, scale: int, wanted: int) -> torch.Tensor:
    return _enlarged(last, wanted // scale) if wanted >= scale else _reduced(last, scale // wanted)


def _place(layer: nn.Conv2d, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Write a smaller layer into a corner; its outputs see no other inputs at first."""
    out, into = weight.shape[:2]
    layer.weight[:out] = 0
    layer.weight[:out, :into] = weight
    cast("torch.Tensor", layer.bias)[:out] = bias


def _pass_on(layer: nn.Conv2d, slopes: nn.PReLU, features: int) -> None:
    """Make a layer pass its first inputs on unchanged."""
    weight = nn.init.dirac_(torch.empty(features, features, 3, 3))
    _place(layer, weight, torch.zeros(features))
    slopes.weight[:features] = 1


def _carry_picture(model: Compact, first: int) -> None:
    """Make three channels, from `first` on, pass the picture itself through all inner layers.

    The last layer can then blend neighbouring pixels linearly, which is what smooth shades need.
    """
    chosen = slice(first, first + 3)
    inner = list(model.body)[:-1]
    for i, (layer, slopes) in enumerate(zip(inner[::2], inner[1::2], strict=True)):
        convolution = cast("nn.Conv2d", layer)
        convolution.weight[chosen] = 0
        source = slice(0, 3) if i == 0 else chosen
        convolution.weight[chosen, source] = nn.init.dirac_(torch.empty(3, 3, 3, 3))
        cast("nn.PReLU", slopes).weight[chosen] = 1


def grow(model: Compact, start: Mapping[str, torch.Tensor]) -> None:
    """Make a network compute what one with the weights `start` computes.

    Three of its other channels carry the picture to the last layer, if there are as many; the rest
    have their random weights, so that they can learn. If its scale is greater, each of the other's
    pixels is repeated; if it is smaller, it computes means of the other's pixels.

    Args:
        model: A network with at least as many features and layers, whose scale is a multiple or a
            fraction of the other's.
        start: The state dict of a `Compact`.

    Raises:
        InputError: The network is too small, or its scale neither a multiple nor a fraction.
    """
    layers = [int(key.split(".")[1]) for key in start if key.endswith("bias")]
    features, last = len(start["body.0.bias"]), max(layers)
    scale = round((len(start[f"body.{last}.bias"]) / 3) ** 0.5)
    inner, own = cast("nn.Conv2d", model.body[0]), len(model.body) - 1
    fits = not (model.scale % scale and scale % model.scale)
    if not fits or inner.out_channels < features or own < last:
        raise InputError(
            f"Expected a network with at least {features} features and {last // 2 - 1} layers "
            f"and a multiple or fraction of scale {scale} to begin with such a one, but got "
            f"{inner.out_channels}, {own // 2 - 1} and scale {model.scale}."
        )
    with torch.no_grad():
        for i in range(0, last, 2):
            _place(cast("nn.Conv2d", model.body[i]), *(start[f"body.{i}.{k}"] for k in _PARTS))
            cast("nn.PReLU", model.body[i + 1]).weight[:features] = start[f"body.{i + 1}.weight"]
        for i in range(last, own, 2):
            layer, slopes = model.body[i], model.body[i + 1]
            _pass_on(cast("nn.Conv2d", layer), cast("nn.PReLU", slopes), features)
        ends = [_rescaled(start[f"body.{last}.{k}"], scale, model.scale) for k in _PARTS]
        _place(cast("nn.Conv2d", model.body[own]), *ends)
        if inner.out_channels >= features + 3:
            _carry_picture(model, features)


_PARTS = ("weight", "bias")
