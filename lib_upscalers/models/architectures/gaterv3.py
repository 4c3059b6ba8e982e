"""GateRV3: a U of gated blocks beside a row of SPAN's, for restoration and enlargement.

umzi2 2025, without a paper; layers are named as in https://github.com/rewaifu/resselt (MIT) and
https://github.com/the-database/traiNNer-redux (Apache-2.0). Its gated blocks are those of W. Yu and
X. Wang, "MambaOut", CVPR 2025, https://arxiv.org/abs/2405.07992, with the convolutions of W. Yu et
al., "InceptionNeXt", CVPR 2024, https://arxiv.org/abs/2303.16900, and the local part of L. Chen et
al., "NAFNet", ECCV 2022, https://arxiv.org/abs/2204.04676; SPAN's are from C. Wan et al. 2023,
https://arxiv.org/abs/2311.12770.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures.branches import FusedLayer, fuse_layers
from lib_upscalers.models.architectures.description import Description, count_blocks
from lib_upscalers.models.architectures.enlargement import META, EnlargingLayers, read_enlargement
from lib_upscalers.models.architectures.norms import ChannelNorm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ID = "GateRV3"
LAYERS = (
    (
        "in_to_dim.weight",
        "gater_encode.0.gated.0.gamma0",
        "gater_encode.0.scale.0.weight",
        "span_block0.c1_r.eval_conv.weight",
        "span_end.c1_r.eval_conv.weight",
        "sisr_end_conv.eval_conv.weight",
        "sisr_cat_conv.weight",
        "decode.0.shor.weight",
    ),
)
_WIDER = 1.5
_SHARE = 8
_BAND = 11
_MIX = "latent.0.token_mix."


class _Span(nn.Module):
    """SPAN's block; returns also what its first layer gives."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.c1_r = FusedLayer(features, features, bias=False)
        self.c2_r = FusedLayer(features, features, bias=False)
        self.c3_r = FusedLayer(features, features, bias=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = functional.silu(self.c1_r(x))
        third = self.c3_r(functional.silu(self.c2_r(first)))
        return (third + x) * (third.sigmoid() - 0.5), first


class _Inception(nn.Module):
    """Convolutions of single channels: a square, a row and a column; most channels stay."""

    def __init__(self, features: int) -> None:
        super().__init__()
        part, half = features // _SHARE, _BAND // 2
        self.parts = [features - 3 * part, part, part, part]
        self.dwconv_hw = nn.Conv2d(part, part, 3, padding=1, groups=part)
        self.dwconv_w = nn.Conv2d(part, part, (1, _BAND), padding=(0, half), groups=part)
        self.dwconv_h = nn.Conv2d(part, part, (_BAND, 1), padding=(half, 0), groups=part)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rest, square, row, column = x.split(self.parts, 1)
        mixed = (self.dwconv_hw(square), self.dwconv_w(row), self.dwconv_h(column))
        return torch.cat((rest, *mixed), 1)


class GlobalAttention(nn.Module):
    """Attention of all positions to each other, or of all channels.

    Args:
        features: Channels that it takes and gives.
        heads: How many heads it has.
        flash: Whether it is of positions, as files say; None: the file says nothing, and means
            channels.
    """

    def __init__(self, features: int, heads: int, *, flash: bool | None) -> None:
        super().__init__()
        self.heads = heads
        self.positions = bool(flash)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        if flash is not None:
            self.register_buffer("flash", torch.tensor([flash]))
        self.qkv = nn.Conv2d(features, 3 * features, 1, bias=False)
        self.qkv_dwconv = nn.Conv2d(3 * features, 3 * features, 3, padding=1, groups=3 * features)
        self.project_out = nn.Conv2d(features, features, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix (N, C, H, W)."""
        parts = self.qkv_dwconv(self.qkv(x)).chunk(3, 1)
        query, key, value = (part.flatten(2).unflatten(1, (self.heads, -1)) for part in parts)
        if self.positions:
            turned = (part.transpose(2, 3) for part in (query, key, value))
            found = functional.scaled_dot_product_attention(*turned).transpose(2, 3)
        else:
            query, key = functional.normalize(query, dim=3), functional.normalize(key, dim=3)
            found = (query @ key.transpose(2, 3) * self.temperature).softmax(3) @ value
        return self.project_out(found.reshape(x.shape))


class _Gated(nn.Module):
    """Half of the channels opens and closes the others, some of which are mixed over space."""

    def __init__(self, features: int, mix: nn.Module) -> None:
        super().__init__()
        hidden = int(_WIDER * features)
        self.parts = [hidden, hidden - features, features]
        self.norm = ChannelNorm(features)
        self.fc1 = nn.Conv2d(features, 2 * hidden, 1)
        self.token_mix = mix
        self.fc2 = nn.Conv2d(hidden, features, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, rest, mixed = self.fc1(self.norm(x)).split(self.parts, 1)
        joined = torch.cat((rest, self.token_mix(mixed)), 1)
        return functional.mish(self.fc2(functional.mish(gate) * joined))


class _Halves(nn.Module):
    """The product of both halves of the channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two = x.chunk(2, 1)
        return one * two


class _Mixed(nn.Module):
    """A local part, weighted by its means over the picture, and a gated block."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.local = nn.Sequential(
            ChannelNorm(features),
            nn.Conv2d(features, 2 * features, 1),
            nn.Conv2d(2 * features, 2 * features, 3, padding=1, groups=features),
            _Halves(),
        )
        self.sca = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(features, features, 1))
        self.glob = _Gated(features, _Inception(features))
        self.gamma0 = nn.Parameter(torch.ones(1, features, 1, 1))
        self.gamma1 = nn.Parameter(torch.ones(1, features, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        near = self.local(x)
        x = near * self.sca(near) * self.gamma0 + x
        return self.glob(x) * self.gamma1 + x


class _Down(nn.Module):
    """Blocks, then half the size; returns also what the blocks give."""

    def __init__(self, features: int, blocks: int) -> None:
        super().__init__()
        self.gated = nn.Sequential(*[_Mixed(features) for _ in range(blocks)])
        narrow = nn.Conv2d(features, features // 2, 3, padding=1, bias=False)
        self.scale = nn.Sequential(narrow, nn.PixelUnshuffle(2))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.gated(x)
        return self.scale(x), x


class _Up(nn.Module):
    """Twice the size, joined with what was there on the way down, then blocks."""

    def __init__(self, features: int, blocks: int) -> None:
        super().__init__()
        wide = nn.Conv2d(features, 2 * features, 3, padding=1, bias=False)
        self.scale = nn.Sequential(wide, nn.PixelShuffle(2))
        self.shor = nn.Conv2d(features, features // 2, 1)
        self.gated = nn.Sequential(*[_Mixed(features // 2) for _ in range(blocks)])

    def forward(self, x: torch.Tensor, passed: torch.Tensor) -> torch.Tensor:
        return self.gated(self.shor(torch.cat((self.scale(x), passed), 1)))


class GateRV3(nn.Module):
    """The network.

    Args:
        last: What makes a picture of features; its scale is the network's.
        channels: Of pictures.
        features: Channels at full size; each halving doubles them.
        down: How many blocks each size has on the way down.
        up: How many on the way up.
        mixes: What mixes positions in each block at the smallest size; None: convolutions.
        span: How many blocks there are in SPAN's row beside the first and the last.
    """

    def __init__(
        self,
        last: nn.Module,
        channels: int = 3,
        features: int = 32,
        down: Sequence[int] = (2, 2, 4, 6),
        up: Sequence[int] = (2, 2, 2, 2),
        mixes: Sequence[nn.Module | None] = (None,) * 8,
        span: int = 4,
    ) -> None:
        super().__init__()
        self.in_to_dim = nn.Conv2d(channels, features, 3, padding=1)
        self.gater_encode = nn.ModuleList(
            _Down(features << i, blocks) for i, blocks in enumerate(down)
        )
        self.span_block0 = _Span(features)
        self.span_n_b = nn.Sequential(*[_Span(features) for _ in range(span)])
        self.span_end = _Span(features)
        self.sisr_end_conv = FusedLayer(features, features)
        self.sisr_cat_conv = nn.Conv2d(4 * features, features, 1)
        wide = features << len(down)
        self.latent = nn.Sequential(*[_Gated(wide, mix or _Inception(wide)) for mix in mixes])
        self.decode = nn.ModuleList(
            _Up(features << (len(up) - i), blocks) for i, blocks in enumerate(up)
        )
        self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.dim_to_in = last
        self.scale = last.scale if isinstance(last, EnlargingLayers) else 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, C, H, W) in [0, 1], whose sides all halvings divide."""
        features = self.in_to_dim(x)
        shallow = self._shallow(features)
        passed: list[torch.Tensor] = []
        for step in self.gater_encode:
            features, before = step(features)
            passed.append(before)
        features = self.latent(features)
        for step in self.decode:
            features = step(features, passed.pop())
        large = functional.interpolate(x, scale_factor=self.scale) if self.scale > 1 else x
        return self.dim_to_in(features + shallow) + self.gamma * large

    def _shallow(self, features: torch.Tensor) -> torch.Tensor:
        first = last = self.span_block0(features)[0]
        for block in self.span_n_b:
            last = block(last)[0]
        last, inner = self.span_end(last)
        return self.sisr_cat_conv(torch.cat((features, self.sisr_end_conv(last), first, inner), 1))


def load(state: Mapping[str, Any]) -> tuple[GateRV3, Description]:
    """Return the network of a state dict, and the facts for its descriptor."""
    state = fuse_layers(state)
    features, channels = state["in_to_dim.weight"].shape[:2]
    # Files of the first training runs lack it.
    state.setdefault("gamma", torch.ones(1, channels, 1, 1))
    down, up = (
        [count_blocks(state, f"{part}.{i}.gated.") for i in range(count_blocks(state, f"{part}."))]
        for part in ("gater_encode", "decode")
    )
    mixes = _mixes(state, features << len(down), count_blocks(state, "latent."))
    last: nn.Module = nn.Conv2d(features, channels, 3, padding=1)
    if "dim_to_in.weight" not in state:
        last = read_enlargement(state, "dim_to_in.", features, channels)
        # A graph does not use it.
        state.setdefault(f"dim_to_in.{META}", last.get_buffer(META))
    span = count_blocks(state, "span_n_b.")
    network = GateRV3(last, channels, features, down, up, mixes, span)
    network.load_state_dict(state)
    side = 1 << len(down)
    tags = (f"{features}nf", f"{sum(down) + sum(up) + len(mixes)}nb")
    return network, Description(network.scale, channels, channels, tags, side, side)


def _mixes(state: Mapping[str, Any], features: int, blocks: int) -> list[nn.Module | None]:
    if f"{_MIX}temperature" not in state:
        return [None] * blocks
    heads = int(state[f"{_MIX}temperature"].shape[0])
    stated = state.get(f"{_MIX}flash")
    flash = None if stated is None else bool(stated.flatten()[0])
    return [GlobalAttention(features, heads, flash=flash) for _ in range(blocks)]
