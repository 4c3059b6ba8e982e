"""FIGSR: gated blocks that mix positions by large convolutions and among frequencies.

2026, https://github.com/enhancr/figsr (MIT), without a paper. Layers are named as there. Its gated
blocks are those of W. Yu and X. Wang, "MambaOut", CVPR 2025, https://arxiv.org/abs/2405.07992, its
branches those of W. Yu et al., "InceptionNeXt", CVPR 2024, https://arxiv.org/abs/2303.16900, and
its layer among frequencies comes from X. Jiang et al., "SFHformer", ECCV 2024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.description import Description, count_blocks
from lib_upscalers.models.architectures.enlargement import (
    EnlargingLayers,
    convolution,
    read_enlargement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ID = "FIGSR"
_ROWS = ("gfisr_body_half.", "gfisr_body_half_2.")
LAYERS = (
    (
        "shift",
        "scale_norm",
        "in_to_dim.weight",
        "gfisr_body_half.0.fc1.weight",
        "gfisr_body_half.0.conv.fu.fdc.weight",
        "gfisr_body_half_2.0.conv.fu.fpe.weight",
        "cat_to_dim.weight",
    ),
)


class _Norm(nn.Module):
    """Divides each pixel's channels by their root mean square; its constants are in the file."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.offset = nn.Parameter(torch.zeros(channels))
        self.eps = nn.Parameter(torch.full((1,), 1e-6), requires_grad=False)
        self.rms = nn.Parameter(torch.full((1,), channels**-0.5), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        root = x.norm(2, dim=1, keepdim=True) * self.rms
        return x / (root + self.eps) * self.scale[:, None, None] + self.offset[:, None, None]


class _Fourier(nn.Module):
    """Convolutions of a picture's frequencies: each value depends on all pixels."""

    def __init__(self, features: int) -> None:
        super().__init__()
        both = 2 * features
        self.rn = _Norm(both)
        self.post_norm = _Norm(features)
        self.fdc = nn.Conv2d(both, both, 1)
        self.fpe = nn.Conv2d(both, both, 3, padding=1, groups=both)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The transform exists in single precision alone.
        found = torch.fft.rfft2(x.float(), norm="ortho")
        # All real parts first, then all imaginary ones; back they come in pairs.
        parts = self.rn(torch.cat((found.real, found.imag), 1).to(x.dtype))
        parts = functional.gelu(self.fdc(self.fpe(parts) + parts)).float()
        real, imaginary = parts[:, ::2], parts[:, 1::2]
        back = torch.fft.irfft2(torch.complex(real, imaginary), s=x.shape[2:], norm="ortho")
        return self.post_norm(back.to(x.dtype))


class _Inception(nn.Module):
    """Four branches: frequencies, a square, a row and a column."""

    def __init__(self, features: int, narrow: int, square: int, band: int) -> None:
        super().__init__()
        half = band // 2
        self.fu = _Fourier(features - 3 * narrow)
        self.convhw = nn.Conv2d(narrow, narrow, square, padding=square // 2)
        self.convw = nn.Conv2d(narrow, narrow, (1, band), padding=(0, half))
        self.convh = nn.Conv2d(narrow, narrow, (band, 1), padding=(half, 0))
        self.parts = [features - 3 * narrow, narrow, narrow, narrow]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = (self.fu, self.convhw, self.convw, self.convh)
        pieces = x.split(self.parts, 1)
        return torch.cat([run(each) for run, each in zip(branches, pieces, strict=True)], 1)


class _Gated(nn.Module):
    """The residual block: half of the channels opens and closes the others."""

    def __init__(self, features: int, hidden: int, narrow: int, square: int, band: int) -> None:
        super().__init__()
        self.parts = [hidden, hidden - features, features]
        self.norm = _Norm(features)
        self.fc1 = convolution(features, 2 * hidden)
        self.conv = _Inception(features, narrow, square, band)
        self.fc2 = convolution(hidden, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, rest, mixed = self.fc1(self.norm(x)).split(self.parts, 1)
        joined = torch.cat((rest, self.conv(mixed)), 1)
        return self.fc2(functional.silu(gate) * joined) + x


class FIGSR(nn.Module):
    """The network.

    Args:
        last: What makes a picture of features.
        features: Channels between the blocks.
        hidden: Channels within them.
        blocks: How many there are before and after the middle.
        narrow: Channels of each branch with a convolution.
        square: The side of its square convolution.
        band: The length of its rows and columns.
    """

    def __init__(
        self,
        last: EnlargingLayers,
        features: int = 48,
        hidden: int = 128,
        blocks: tuple[int, int] = (12, 12),
        narrow: int = 8,
        square: int = 13,
        band: int = 17,
    ) -> None:
        super().__init__()
        first, second = (
            [_Gated(features, hidden, narrow, square, band) for _ in range(count)]
            for count in blocks
        )
        self.in_to_dim = convolution(3, features)
        self.gfisr_body_half = nn.Sequential(*first)
        self.gfisr_body_half_2 = nn.Sequential(*second, convolution(features, features))
        self.cat_to_dim = nn.Conv2d(3 * features, features, 1)
        self.upscale = last
        self.shift = nn.Parameter(torch.full((1, 3, 1, 1), 0.5))
        self.scale_norm = nn.Parameter(torch.full((1, 3, 1, 1), 1 / 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, 3, H, W) in [0, 1], whose sides are even."""
        first = self.in_to_dim((x - self.shift) / self.scale_norm)
        middle = self.gfisr_body_half(first)
        joined = torch.cat((self.gfisr_body_half_2(middle), first, middle), 1)
        return self.upscale(self.cat_to_dim(joined)) * self.scale_norm + self.shift


def load(state: Mapping[str, Any]) -> tuple[FIGSR, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    features = int(state["in_to_dim.weight"].shape[0])
    first, second = (count_blocks(state, row) for row in _ROWS)
    block = f"{_ROWS[0]}0."
    network = FIGSR(
        read_enlargement(state, "upscale.", features),
        features,
        int(state[f"{block}fc1.weight"].shape[0]) // 2,
        # The last layer of the second row is a convolution.
        (first, second - 1),
        int(state[f"{block}conv.convhw.weight"].shape[0]),
        int(state[f"{block}conv.convhw.weight"].shape[2]),
        int(state[f"{block}conv.convh.weight"].shape[2]),
    )
    network.load_state_dict(dict(state))
    tags = (f"{features}nf", f"{first + second - 1}nb")
    return network, Description(network.upscale.scale, 3, 3, tags, multiple_of=2, minimum=2)
