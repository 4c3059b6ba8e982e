"""RTMoSR: gated convolutions, most of them fused from several branches, for videos.

umzi2 2025, https://github.com/rewaifu/RTMoSR (MIT). Layers are named as there. The branches are
those of Z. Yang et al., "Restore-RWKV" (OmniShift), https://arxiv.org/abs/2407.11087, of X. Zhang
et al., "ECBSR" (ACM MM 2021), and of SPAN: each set of them amounts to one convolution.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.branches import blank_layer, three_in_a_row
from lib_upscalers.models.architectures.description import Description, count_blocks
from lib_upscalers.models.architectures.norms import ChannelNorm
from lib_upscalers.models.reading.source import is_blank

if TYPE_CHECKING:
    from collections.abc import Mapping

ID = "RTMoSR"
_BODY = (
    "body.0.norm.scale",
    "body.0.fc1.conv_3x3_rep.weight",
    "body.0.conv.1.conv5x5_reparam.weight",
    "to_img.0.conv_3x3_rep.weight",
)
LAYERS = (
    ("to_feat.conv_3x3_rep.weight", *_BODY),
    ("to_feat.1.conv_3x3_rep.weight", *_BODY),
)
_WHOLE = "conv_3x3_rep"
_WIDE = "conv5x5_reparam"


class _Layer(nn.Module):
    """A convolution of 3 x 3, under its name in files."""

    def __init__(self, takes: int, gives: int) -> None:
        super().__init__()
        self.conv_3x3_rep = nn.Conv2d(takes, gives, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv_3x3_rep(x)


class _WideLayer(nn.Module):
    """A convolution of 5 x 5 of each channel, under its name in files."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv5x5_reparam = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv5x5_reparam(x)


class _Smaller(nn.Module):
    """Half the size: all pixels as channels, and the largest ones through a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.poll = nn.Sequential(nn.MaxPool2d(2), _Layer(channels, 4 * channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.pixel_unshuffle(x, 2) + self.poll(x)


class _Squeeze(nn.Module):
    """Weights channels by their means over the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeezing = nn.Sequential(
            nn.Conv2d(channels, channels // 2, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // 2, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.squeezing(x.mean((2, 3), keepdim=True))


class _Gated(nn.Module):
    """The residual block: half of the channels opens and closes the others."""

    def __init__(self, features: int, hidden: int, *, squeeze: bool, thick: bool) -> None:
        super().__init__()
        self.parts = [hidden, hidden - features, features]
        self.norm = ChannelNorm(features)
        self.fc1 = _Layer(features, 2 * hidden)
        self.conv = nn.Sequential(
            _Smaller(features),
            _WideLayer(4 * features),
            _Squeeze(4 * features) if squeeze else nn.Identity(),
            nn.PixelShuffle(2),
        )
        self.fc2 = _Layer(hidden, features) if thick else nn.Conv2d(hidden, features, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, rest, inner = self.fc1(self.norm(x)).split(self.parts, 1)
        joined = torch.cat((rest, self.conv(inner)), 1)
        return functional.mish(self.fc2(functional.mish(gate) * joined)) + x


class RTMoSR(nn.Module):
    """The network.

    Args:
        features: Channels between the blocks.
        hidden: Channels within them.
        blocks: How many.
        enlarges: By how much the last layer enlarges.
        unshuffle: By how much the picture is made smaller before the first layer.
        squeeze: Whether blocks weight channels by their means over the picture.
        thick: Whether a block's last convolution is of 3 x 3.
    """

    def __init__(
        self,
        features: int = 32,
        hidden: int = 64,
        blocks: int = 2,
        enlarges: int = 4,
        unshuffle: int = 2,
        *,
        squeeze: bool = True,
        thick: bool = True,
    ) -> None:
        super().__init__()
        self.scale = enlarges // unshuffle
        first = _Layer(3 * unshuffle**2, features)
        whole = nn.Sequential(nn.PixelUnshuffle(unshuffle), first)
        self.to_feat = whole if unshuffle > 1 else first
        made = [_Gated(features, hidden, squeeze=squeeze, thick=thick) for _ in range(blocks)]
        self.body = nn.Sequential(*made)
        self.to_img = nn.Sequential(_Layer(features, 3 * enlarges**2), nn.PixelShuffle(enlarges))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, 3, H, W) in [0, 1], whose sides twice `unshuffle` divides."""
        large = functional.interpolate(x, scale_factor=self.scale, mode="nearest")
        return self.to_img(self.body(self.to_feat(x))) + large


def load(state: Mapping[str, Any]) -> tuple[RTMoSR, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    state = _fuse_layers(state)
    unshuffled = f"to_feat.1.{_WHOLE}.weight" in state
    first = state[f"to_feat.{'1.' if unshuffled else ''}{_WHOLE}.weight"]
    features, unshuffle = first.shape[0], math.isqrt(first.shape[1] // 3)
    hidden = state[f"body.0.fc1.{_WHOLE}.weight"].shape[0] // 2
    enlarges = math.isqrt(state[f"to_img.0.{_WHOLE}.weight"].shape[0] // 3)
    if unshuffle < 1 or enlarges % unshuffle:
        raise ValueError(f"it enlarges by {enlarges} / {unshuffle}, which is no whole number")
    blocks = count_blocks(state, "body.")
    squeeze = "body.0.conv.2.squeezing.0.weight" in state
    thick = f"body.0.fc2.{_WHOLE}.weight" in state
    network = RTMoSR(features, hidden, blocks, enlarges, unshuffle, squeeze=squeeze, thick=thick)
    network.load_state_dict(state)
    tags = (f"{features}nf", f"{blocks}nb")
    return network, Description(
        enlarges // unshuffle, 3, 3, tags, multiple_of=2 * unshuffle, minimum=2 * unshuffle
    )


def _fuse_layers(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state dict with one convolution in each layer that has branches."""
    branched = [name.removesuffix("alpha") for name in state if name.endswith(".alpha")]
    shifted = [name.removesuffix("alpha1") for name in state if name.endswith(".alpha1")]
    roots = tuple(branched + shifted)
    fused = {name: tensor for name, tensor in state.items() if not name.startswith(roots)}
    for roots, merge, whole in ((branched, _merged, _WHOLE), (shifted, _shifted, _WIDE)):
        for root in roots:
            weight, bias = merge(state, root)
            fused[f"{root}{whole}.weight"], fused[f"{root}{whole}.bias"] = weight, bias
    return fused


def _merged(state: Mapping[str, Any], root: str) -> tuple[torch.Tensor, Any]:
    """Return what three branches of 3 x 3 amount to: two in a row, one, and SPAN's."""
    first, second = state[f"{root}conv1.k0"], state[f"{root}conv1.k1"]
    plain = state[f"{root}conv2.weight"]
    if any(is_blank(each) for each in (first, second, plain)):
        return blank_layer(plain.shape[0], plain.shape[1], 3)
    one, two, three = (float(each) for each in state[f"{root}alpha"])
    row = torch.einsum("omhw,mi->oihw", second.double(), first.double()[:, :, 0, 0])
    row_bias = second.double().sum((2, 3)) @ state[f"{root}conv1.b0"].double()
    row_bias = row_bias + state[f"{root}conv1.b1"].double()
    span, span_bias = three_in_a_row(state, f"{root}conv3.")
    if span_bias is None:
        raise KeyError(f"{root}conv3.sk.bias")
    weight = one * row + two * plain.double() + three * span.double()
    bias = one * row_bias + two * state[f"{root}conv2.bias"].double() + three * span_bias.double()
    return weight.float(), bias.float()


def _shifted(state: Mapping[str, Any], root: str) -> tuple[torch.Tensor, Any]:
    """Return what OmniShift's branches amount to: the input itself, 1 x 1, 3 x 3 and 5 x 5."""
    kernels = [state[f"{root}conv{side}x{side}.weight"] for side in (1, 3, 5)]
    if any(is_blank(each) for each in kernels):
        return blank_layer(kernels[0].shape[0], 1, 5)
    factors = [state[f"{root}alpha{i}"].double().view(-1, 1, 1, 1) for i in range(1, 5)]
    weight = functional.pad(factors[0], (2, 2, 2, 2))
    bias = torch.zeros(len(factors[0]), dtype=torch.float64)
    for factor, kernel, side in zip(factors[1:], kernels, (1, 3, 5), strict=True):
        weight = weight + factor * functional.pad(kernel.double(), ((5 - side) // 2,) * 4)
        bias = bias + factor.flatten() * state[f"{root}conv{side}x{side}.bias"].double()
    return weight.float(), bias.float()
