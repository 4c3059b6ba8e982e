"""ESC: one attention over windows a block, and convolutions that stand in for the others.

D. Lee, S. Yun and Y. Ro, "Emulating Self-attention with Convolution for Efficient Image
Super-Resolution", ICCV 2025, https://arxiv.org/abs/2503.06671. Layers are named as in
https://github.com/dslisleedh/ESC (MIT): ESC, ESC-FP, and ESC-Real in both of its forms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.description import Description, count_blocks, scale_of
from lib_upscalers.models.architectures.dysample import dynamic_sampling
from lib_upscalers.models.architectures.enlargement import META, convolution, read_enlargement

if TYPE_CHECKING:
    from collections.abc import Mapping

ID = "ESC"
_BODY = (
    "blocks.0.ln_proj.weight",
    "blocks.0.attn.relative_position_bias",
    "blocks.0.attn.to_qkv.weight",
    "blocks.0.pconvs.0.aggr.weight",
    "blocks.0.convffns.0.dwc.weight",
    "last.weight",
)
LAYERS = (
    ("plk_filter", "proj.weight", *_BODY),
    ("plk_filter", "proj.1.weight", *_BODY),
    ("lk_channel", "lk_spatial", "proj.weight", *_BODY),
)
_SLOPE = 0.2
_DYNAMIC = 3


@dataclass(frozen=True)
class Sizes:
    """The sizes of a network.

    Attributes:
        features: Channels between the blocks.
        large: Of these, how many the large convolution works on.
        kernel: The side of that convolution.
        blocks: How many blocks there are.
        inner: How many convolutions stand in for attention in each.
        window: The side of attention's window.
        heads: How many heads attention has.
        before: Channels within the layer before attention.
        within: Channels within the other layers of a block.
        squeezed: Channels between the two layers that make the small convolution.
        normalised: Whether each of the inner layers normalises first.
        split: Whether the large convolution is one over channels and one over space (ESC-FP).
    """

    features: int = 64
    large: int = 16
    kernel: int = 13
    blocks: int = 5
    inner: int = 5
    window: int = 32
    heads: int = 4
    before: int = 128
    within: int = 80
    squeezed: int = 8
    normalised: bool = False
    split: bool = False


class _Norm(nn.LayerNorm):
    """Normalises each pixel's channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _Feed(nn.Module):
    """A convolution of each channel between two of 1 x 1."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(features, hidden, 1)
        self.dwc = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.aggr = nn.Conv2d(hidden, features, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.gelu(self.proj(x))
        return self.aggr(functional.gelu(self.dwc(x)) + x)


class _WindowAttention(nn.Module):
    """Attention within windows, with a learned bias for each distance."""

    def __init__(self, features: int, window: int, heads: int) -> None:
        super().__init__()
        self.window_size = window
        self.heads = heads
        self.to_qkv = nn.Conv2d(features, 3 * features, 1)
        self.to_out = nn.Conv2d(features, features, 1)
        self.relative_position_bias = nn.Parameter(torch.zeros(heads, (2 * window - 1) ** 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        side = self.window_size
        padded = functional.pad(x, (0, -width % side, 0, -height % side), mode="reflect")
        down, across = padded.shape[2] // side, padded.shape[3] // side
        # To (query, key and value; N; rows; columns; heads; pixels of a window; channels).
        parts = self.to_qkv(padded).view(x.shape[0], 3, self.heads, -1, down, side, across, side)
        parts = parts.permute(1, 0, 4, 6, 2, 5, 7, 3).flatten(5, 6).flatten(1, 3)
        found = functional.scaled_dot_product_attention(
            parts[0], parts[1], parts[2], attn_mask=self._bias(parts.dtype)
        )
        found = found.view(x.shape[0], down, across, self.heads, side, side, -1)
        found = found.permute(0, 3, 6, 1, 4, 2, 5).reshape(padded.shape)
        return self.to_out(found[:, :, :height, :width])

    def _bias(self, dtype: torch.dtype) -> torch.Tensor:
        """Return the bias of each pair of a window's pixels: (heads, pixels, pixels)."""
        side = self.window_size
        table = self.relative_position_bias.view(self.heads, 2 * side - 1, 2 * side - 1)
        pairs = table.unfold(1, side, 1).unfold(2, side, 1).flip(1, 2)
        return pairs.reshape(self.heads, side**2, side**2).to(dtype)


class _Emulation(nn.Module):
    """The large convolution that all blocks share, and a small one made of the picture's means."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.parts = [sizes.large, sizes.features - sizes.large]
        made = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(sizes.large, sizes.squeezed, 1),
            nn.GELU(),
            nn.Conv2d(sizes.squeezed, sizes.large * _DYNAMIC**2, 1),
        )
        self.split = sizes.split
        if sizes.split:
            self.proj = made
        else:
            self.dwc_proj = made

    def forward(self, x: torch.Tensor, filters: tuple[torch.Tensor, ...]) -> torch.Tensor:
        part, rest = x.split(self.parts, 1)
        small = (self.proj if self.split else self.dwc_proj)(part)
        small = small.view(-1, 1, _DYNAMIC, _DYNAMIC)
        if self.split:
            part = functional.conv2d(part, filters[0])
            large = _each_channel(part, filters[1].repeat(len(part), 1, 1, 1))
        else:
            large = functional.conv2d(part, filters[0], padding=filters[0].shape[2] // 2)
        return torch.cat((large + _each_channel(part, small), rest), 1)


def _each_channel(x: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Convolve each channel of each picture (N, C, H, W) with its own kernel (N * C, 1, K, K)."""
    flat = x.reshape(1, -1, *x.shape[2:])
    found = functional.conv2d(flat, kernels, padding=kernels.shape[2] // 2, groups=len(kernels))
    return found.view(x.shape)


class _Aggregation(nn.Module):
    """The convolutions of `_Emulation`, and one of 1 x 1."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.plk = _Emulation(sizes)
        self.aggr = nn.Conv2d(sizes.features, sizes.features, 1)

    def forward(self, x: torch.Tensor, filters: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return self.aggr(self.plk(x, filters))


class _Block(nn.Module):
    """Attention once, and what stands in for it."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        features, inner = sizes.features, range(sizes.inner)
        self.ln_proj = _Norm(features)
        self.proj = _Feed(features, sizes.before)
        self.ln_attn = _Norm(features)
        self.attn = _WindowAttention(features, sizes.window, sizes.heads)
        self.lns = nn.ModuleList(
            _Norm(features) if sizes.normalised else nn.Identity() for _ in inner
        )
        self.pconvs = nn.ModuleList(_Aggregation(sizes) for _ in inner)
        self.convffns = nn.ModuleList(_Feed(features, sizes.within) for _ in inner)
        self.ln_out = _Norm(features)
        self.conv_out = convolution(features, features)

    def forward(self, x: torch.Tensor, filters: tuple[torch.Tensor, ...]) -> torch.Tensor:
        inner = self.proj(self.ln_proj(x))
        inner = inner + self.attn(self.ln_attn(inner))
        for norm, feed, joined in zip(self.lns, self.convffns, self.pconvs, strict=True):
            inner = inner + joined(feed(norm(inner)), filters)
        return self.conv_out(self.ln_out(inner)) + x


class ESC(nn.Module):
    """The network.

    Args:
        sizes: Its sizes.
        scale: Output pixels an input pixel, on each side.
        last: What makes a picture of features, in ESC-Real; None: a pixel shuffle.
        unshuffle: By how much ESC-Real makes the picture smaller before its first layer.
    """

    def __init__(
        self, sizes: Sizes, scale: int, last: nn.Module | None = None, unshuffle: int = 1
    ) -> None:
        super().__init__()
        features, large, kernel = sizes.features, sizes.large, sizes.kernel
        self.scale = scale
        self.real = last is not None
        self.split = sizes.split
        if sizes.split:
            self.lk_channel = nn.Parameter(torch.zeros(large, large, 1, 1))
            self.lk_spatial = nn.Parameter(torch.zeros(large, 1, kernel, kernel))
            self.ln_last = _Norm(features)
        else:
            self.plk_filter = nn.Parameter(torch.zeros(large, large, kernel, kernel))
        smaller = [nn.PixelUnshuffle(unshuffle)] if unshuffle > 1 else []
        first = convolution(3 * unshuffle**2, features)
        self.proj = nn.Sequential(*smaller, first) if smaller else first
        self.blocks = nn.ModuleList(_Block(sizes) for _ in range(sizes.blocks))
        self.last = convolution(features, features)
        if self.real:
            self.skip = nn.Sequential(*smaller, *_skip(3 * unshuffle**2, features))
        self.to_img = last or convolution(features, 3 * scale**2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, 3, H, W) in [0, 1]; each side is more than half a window."""
        filters = (
            (self.lk_channel, self.lk_spatial) if self.split else (_symmetric(self.plk_filter),)
        )
        first = features = self.proj(x)
        for block in self.blocks:
            features = block(features, filters)
        features = self.last(self.ln_last(features) if self.split else features) + first
        if self.real:
            return self.to_img(features + self.skip(x))
        mode = "bicubic" if self.split else "nearest"
        large = functional.interpolate(x, scale_factor=self.scale, mode=mode)
        return functional.pixel_shuffle(self.to_img(features), self.scale) + large


def _skip(takes: int, features: int) -> list[nn.Module]:
    wide = 2 * features
    each = nn.Conv2d(wide, wide, 7, padding=3, groups=wide, padding_mode="reflect")
    return [
        nn.Conv2d(takes, wide, 1),
        each,
        nn.LeakyReLU(_SLOPE),
        nn.Conv2d(wide, features, 1),
    ]


def _symmetric(kernel: torch.Tensor) -> torch.Tensor:
    """Return the mean of a kernel over its eight turns and reflections."""
    turns = [torch.rot90(kernel, turn, (2, 3)) for turn in range(4)]
    return sum((turn + turn.flip(3) for turn in turns), torch.zeros_like(kernel)) / 8


def doubled_twice(features: int) -> nn.Sequential:
    """Return how ESC-Real enlarges by 4 by itself."""
    layers: list[nn.Module] = []
    for enlarges in (True, True, False):
        layers += [nn.UpsamplingNearest2d(scale_factor=2)] if enlarges else []
        layers += [convolution(features, features), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, convolution(features, 3))


def load(state: Mapping[str, Any]) -> tuple[ESC, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    sizes = _sizes(state)
    unshuffle = 1
    if "proj.1.weight" in state:
        unshuffle = math.isqrt(state["proj.1.weight"].shape[1] // 3)
    last, enlarges = _last(state, sizes.features)
    if unshuffle < 1 or enlarges % unshuffle:
        raise ValueError(f"it enlarges by {enlarges} / {unshuffle}, which is no whole number")
    scale = enlarges // unshuffle
    network = ESC(sizes, scale, last, unshuffle)
    network.load_state_dict(dict(state))
    kind = "FP" if sizes.split else "Real" if last else ""
    tags = (*([kind] if kind else []), f"{sizes.features}nf", f"{sizes.blocks}nb")
    # Windows at the edges are filled by reflection, which needs more than their half.
    least = unshuffle * (sizes.window // 2 + 1)
    return network, Description(scale, 3, 3, tags, multiple_of=unshuffle, minimum=least)


def _sizes(state: Mapping[str, Any]) -> Sizes:
    split = "lk_channel" in state
    large, _, kernel, _ = state["lk_spatial" if split else "plk_filter"].shape
    block = "blocks.0."
    table = state[f"{block}attn.relative_position_bias"]
    made = f"{block}pconvs.0.plk.{'proj' if split else 'dwc_proj'}.1.weight"
    return Sizes(
        features=state["last.weight"].shape[0],
        large=large,
        kernel=kernel,
        blocks=count_blocks(state, "blocks."),
        inner=count_blocks(state, f"{block}pconvs."),
        window=(math.isqrt(table.shape[1]) + 1) // 2,
        heads=table.shape[0],
        before=state[f"{block}proj.proj.weight"].shape[0],
        within=state[f"{block}convffns.0.proj.weight"].shape[0],
        squeezed=state[made].shape[0],
        normalised=f"{block}lns.0.weight" in state,
        split=split,
    )


def _last(state: Mapping[str, Any], features: int) -> tuple[nn.Module | None, int]:
    """Return what makes a picture of features, None for a pixel shuffle, and by how much."""
    if f"to_img.{META}" in state:
        made = read_enlargement(state, "to_img.", features)
        return made, made.scale
    if "to_img.offset.weight" in state:
        sampling = dynamic_sampling(state, "to_img.")
        return sampling, sampling.scale
    if "to_img.weight" in state:
        return None, scale_of(state, "to_img.weight", 3)
    return doubled_twice(features), 4
