"""Compute the layers of published latent upscalers, as functions of their weights."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Weights: TypeAlias = Mapping[str, torch.Tensor]
    Run: TypeAlias = Callable[[torch.Tensor, tuple[int, int]], torch.Tensor]
    _Reassemble: TypeAlias = Callable[[Weights, torch.Tensor, tuple[int, int]], torch.Tensor]

_GROUPS = 32
_BOUND = 0.2


def convolve(weights: Weights, name: str, x: torch.Tensor, mode: str = "constant") -> torch.Tensor:
    """Convolve by a layer whose result has its input's size; `mode` says what lies beyond."""
    weight = weights[f"{name}.weight"]
    weight = weight.squeeze(2) if weight.ndim == 5 else weight
    edge = weight.shape[-1] // 2
    if edge and mode != "constant":
        mode = _border(x, edge) if mode == "reflect" else mode
        x = functional.pad(x, (edge, edge, edge, edge), mode=mode)
        edge = 0
    return functional.conv2d(x, weight, weights.get(f"{name}.bias"), padding=edge)


def _border(x: torch.Tensor, edge: int) -> str:
    """Return "reflect", or the nearest padding that a small latent allows."""
    return "reflect" if min(x.shape[-2:]) > edge else "replicate"


def linear(weights: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    """Apply a layer to the last dimension."""
    return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def numbers(weights: Weights, part: str) -> list[int]:
    """Return the numbers of the blocks under a name, in order."""
    start = f"{part}."
    found = (name[len(start) :].split(".")[0] for name in weights if name.startswith(start))
    return sorted({int(number) for number in found})


def sequential(weights: Weights, factor: float) -> Run:
    """Return an SD-Latent-Upscaler, which is made for one factor; the rest is interpolated.

    A sequence of convolutions, with the first one's result enlarged by repetition.
    """

    def run(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        first, *inner, last = numbers(weights, "sequential")
        x = convolve(weights, f"sequential.{first}", x).relu()
        x = functional.interpolate(x, scale_factor=factor, mode="nearest")
        for number in inner:
            x = convolve(weights, f"sequential.{number}", x).relu()
        return brought_to(convolve(weights, f"sequential.{last}", x), size)

    return run


def brought_to(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Interpolate the result of a network for one factor to the size that is asked for."""
    if tuple(x.shape[-2:]) == size:
        return x
    return functional.interpolate(x, size, mode="bicubic", antialias=True)


def dico(weights: Weights) -> Run:
    """Return spacepxl's network for Wan 2.1, which doubles; the rest is interpolated.

    Blocks with a gate for each channel, from its mean, and pixel shuffle at the end.
    """
    return partial(_dico, weights)


def _dico(weights: Weights, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    inner = convolve(weights, "conv_in", x, "replicate")
    for number in numbers(weights, "blocks"):
        name = f"blocks.{number}"
        value = convolve(weights, f"{name}.conv2", _normal(inner), "replicate")
        value = functional.gelu(value)
        gate = convolve(weights, f"{name}.cca.1", value.mean((2, 3), keepdim=True)).sigmoid()
        inner = inner + convolve(weights, f"{name}.conv3", value * gate)
        value = functional.gelu(convolve(weights, f"{name}.conv4", _normal(inner)))
        inner = inner + convolve(weights, f"{name}.conv5", value)
    large = functional.pixel_shuffle(convolve(weights, "conv_out", inner, "replicate"), 2)
    large = large + functional.interpolate(x, scale_factor=2.0, mode="nearest-exact")
    return brought_to(large, size)


def _normal(x: torch.Tensor) -> torch.Tensor:
    """Give the channels of every place mean 0 and deviation 1."""
    return functional.layer_norm(x.movedim(1, -1), x.shape[1:2], eps=1e-6).movedim(-1, 1)


def resizer(weights: Weights) -> Run:
    """Return an NNLatentUpscale.

    Residual blocks that get the factor as input, and attention, before and after interpolation.
    """
    return partial(_resize, weights)


def _resize(weights: Weights, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    factor = x.new_tensor([[size[1] / x.shape[-1] - 1]])
    embedding = linear(weights, "embed.2", functional.silu(linear(weights, "embed.0", factor)))
    x = convolve(weights, "conv_in", x)
    x = _resizer_blocks(weights, "in_blocks", x, embedding)
    x = functional.interpolate(x, size, mode="bilinear")
    x = _resizer_blocks(weights, "out_blocks", x, embedding)
    return convolve(weights, "conv_out", functional.silu(group_norm(weights, "norm_out", x)))


def _resizer_blocks(
    weights: Weights, part: str, x: torch.Tensor, embedding: torch.Tensor
) -> torch.Tensor:
    for number in numbers(weights, part):
        name = f"{part}.{number}"
        if f"{name}.q.weight" in weights:
            x = _attention(weights, name, x)
            continue
        inner = functional.silu(group_norm(weights, f"{name}.in_layers.0", x))
        inner = convolve(weights, f"{name}.in_layers.2", inner)
        shift = linear(weights, f"{name}.emb_layers.1", functional.silu(embedding))
        inner = inner + shift[..., None, None]
        inner = functional.silu(group_norm(weights, f"{name}.out_layers.0", inner))
        x = x + convolve(weights, f"{name}.out_layers.3", inner)
    return x


def _attention(weights: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    normal = group_norm(weights, f"{name}.norm", x)
    query, key, value = (
        convolve(weights, f"{name}.{part}", normal).flatten(2).mT[:, None] for part in "qkv"
    )
    seen = functional.scaled_dot_product_attention(query, key, value)
    return x + convolve(weights, f"{name}.proj_out", seen[:, 0].mT.unflatten(2, x.shape[-2:]))


def group_norm(weights: Weights, name: str, x: torch.Tensor, epsilon: float = 1e-5) -> torch.Tensor:
    """Normalise 32 groups of channels."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return functional.group_norm(x, _GROUPS, weight, bias, epsilon)


def sesqui(weights: Weights) -> Run:
    """Return a SesquiLSR.

    Gated blocks, then twice the size by pixel shuffle, then filters that depend on an output's
    position between those values, then gated blocks again.
    """
    return partial(_sesqui, weights, _reassemble)


def sesqui_doubling(weights: Weights) -> Run:
    """Return kinfolk0117's network for Qwen-Image 2.1: a SesquiLSR for the factor 2 alone.

    Its filters are stored, not computed; the mean and deviation of its latents, too. What is left
    to another size is interpolated.
    """
    within = {
        name.removeprefix("net."): value
        for name, value in weights.items()
        if name.startswith("net.")
    }

    def run(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        mean, deviation = weights["mean"], weights["std"]
        twice = (2 * x.shape[-2], 2 * x.shape[-1])
        large = _sesqui(within, _reassemble_doubled, (x - mean) / deviation, twice)
        return brought_to(large * deviation + mean, size)

    return run


def _sesqui(
    weights: Weights, reassemble: _Reassemble, x: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    inner = functional.mish(convolve(weights, "head_conv.0", x, "reflect"))
    inner = convolve(weights, "head_conv.2", inner, "reflect")
    for number in numbers(weights, "in_blocks"):
        inner = _gated(weights, f"in_blocks.{number}", inner)
    inner = reassemble(weights, inner, size)
    for number in numbers(weights, "out_blocks"):
        inner = _gated(weights, f"out_blocks.{number}", inner)
    inner = functional.mish(convolve(weights, "tail_conv.0", inner))
    inner = convolve(weights, "tail_conv.2", inner, "reflect")
    plain = functional.interpolate(x, size, mode="bicubic", align_corners=False)
    return inner + convolve(weights, "skip_conv", plain, "reflect")


def _gated(weights: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    variance, mean = torch.var_mean(x, dim=(1, 2, 3), correction=0, keepdim=True)
    deviation = (variance + 1e-6).sqrt()
    normal = (x - mean) / deviation * weights[f"{name}.norm.weight"].view(1, -1, 1, 1)
    values = weights[f"{name}.down.weight"].shape[1]
    wide = convolve(weights, f"{name}.up", normal)
    value, gate = functional.mish(wide[:, :values]), torch.tanh(wide[:, values:] / 2)
    value = value * gate.repeat_interleave(values // gate.shape[1], dim=1)
    value = convolve(weights, f"{name}.down", value)
    return x + convolve(weights, f"{name}.mix", value, "reflect") * deviation


def _doubled(weights: Weights, x: torch.Tensor) -> torch.Tensor:
    base = functional.pixel_shuffle(convolve(weights, "upsample.ps_expand", x), 2)
    lift = functional.pixel_shuffle(convolve(weights, "upsample.lift_expand", x), 2)
    lift = convolve(weights, "upsample.lift_mix", lift, "reflect")
    return _gated(weights, "upsample.refine", base + lift)


def _reassemble_doubled(weights: Weights, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    x = _doubled(weights, x)
    result = x.new_zeros(*x.shape[:2], *size)
    for taps, gain in zip(weights["upsample.filters"], weights["upsample.gains"], strict=True):
        across = functional.pad(x, (1, 2, 0, 0), mode="replicate").unfold(3, 4, 1)
        across = (across * taps[1][:, None, None]).sum(-1)
        down = functional.pad(across, (0, 0, 1, 2), mode="replicate").unfold(2, 4, 1)
        result += gain * (down * taps[0][:, None, None]).sum(-1)
    return result


def _reassemble(weights: Weights, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    x = _doubled(weights, x)
    gains = weights["upsample.rank_gain"].sigmoid()
    result = x.new_zeros(*x.shape[:2], *size)
    for rank, gain in enumerate(gains):
        part = _filter(weights, x, size[1], 3, rank)
        result += gain * _filter(weights, part, size[0], 2, rank)
    return result


def _filter(weights: Weights, x: torch.Tensor, target: int, dim: int, rank: int) -> torch.Tensor:
    """Weigh four values for every output along a dimension; weights depend on its position."""
    source = x.shape[dim]
    place = (torch.arange(target, device=x.device) + 0.5) * (source / target) - 0.5
    first = place.floor().long().clamp(0, source - 1)
    taps = _taps(weights, place - first, math.log2(max(source / target, 0.01)), dim - 2, rank)
    result = x.new_zeros(())
    for i in range(4):
        values = x.index_select(dim, (first + i - 1).clamp(0, source - 1))
        weight = taps[..., i].T
        result = result + values * (weight[:, :, None] if dim == 2 else weight[:, None, :])
    return result


def _taps(
    weights: Weights, fraction: torch.Tensor, shrinking: float, axis: int, rank: int
) -> torch.Tensor:
    """Return the weights, (places, channels, 4)."""
    angle = fraction[:, None] * weights["upsample.pe.freqs"] * math.pi
    count = len(fraction)
    inputs = [
        angle.sin(),
        angle.cos(),
        fraction.new_full((count, 1), shrinking),
        weights["upsample.axis_emb.weight"][axis].expand(count, -1),
        weights["upsample.rank_emb.weight"][rank].expand(count, -1),
    ]
    inner = functional.mish(linear(weights, "upsample.filter_net.0", torch.cat(inputs, dim=1)))
    change = linear(weights, "upsample.filter_net.2", inner)
    base = weights["upsample.base_taps"][rank, axis]
    change = _BOUND * torch.tanh(change.view(count, *base.shape))
    return base + change - change.mean(-1, keepdim=True)
