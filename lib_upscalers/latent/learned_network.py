"""Our own network in latent space: convolutional, for any size and channel count, up to 2x."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping


_ROWS = 8


class _Block(nn.Module):
    """Two convolutions whose result is added."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        inner = functional.silu(self.first(values), inplace=True)
        return self.second(inner).add_(values)


class _PositionModulation(nn.Module):
    """Scales and shifts values by their position between those that they were interpolated from.

    Without it later layers could not distinguish a copied value from a mean.
    """

    def __init__(self, features: int, inner: int = 32) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, inner, 1)
        self.second = nn.Conv2d(inner, 2 * features, 1)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, values: torch.Tensor, source: tuple[int, int]) -> torch.Tensor:
        height, width = values.shape[-2:]
        down = _position_waves(source[0], height, values)[:, :, None].expand(2, height, width)
        across = _position_waves(source[1], width, values)[:, None].expand(2, height, width)
        parts: list[torch.Tensor] = []
        # Scales and shifts take twice the memory of the values.
        for top in range(0, height, _ROWS):
            rows = slice(top, top + _ROWS)
            planes = torch.cat([down[:, rows], across[:, rows]])[None]
            scale, shift = self.second(functional.silu(self.first(planes))).chunk(2, dim=1)
            parts.append(values[:, :, rows] * (1 + scale) + shift)
        return torch.cat(parts, dim=2)


def _position_waves(source: int, target: int, like: torch.Tensor) -> torch.Tensor:
    """Return cosine and sine, (2, target), of outputs' positions between two of `source` values."""
    places = (torch.arange(target, device=like.device) + 0.5) * (source / target) - 0.5
    angles = places * (2 * math.pi)
    return torch.stack([angles.cos(), angles.sin()]).to(like.dtype)


class LatentNetwork(nn.Module):
    """Predicts the difference between a plain enlargement and the large picture's latent.

    Most of the work is done at the small size; then features of twice that size are made, resampled
    to the target if that differs, and processed there. Borders are padded with zeros, as in
    autoencoders, because a latent is different there.

    Args:
        channels: Of the latents.
        features: Of the layers at the small size.
        blocks: How many residual blocks there are.
        fine: Features of the layers at the target size.
        fine_blocks: How many residual blocks there are.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(
        self,
        channels: int,
        features: int = 96,
        blocks: int = 4,
        fine: int = 48,
        fine_blocks: int = 2,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.head = nn.Conv2d(channels + 2, features, 3, padding=1)
        self.body = nn.ModuleList([_Block(features) for _ in range(blocks)])
        self.up = nn.Conv2d(features, 4 * fine, 3, padding=1)
        self.places = _PositionModulation(fine)
        self.fine = nn.ModuleList([_Block(fine) for _ in range(fine_blocks)])
        self.tail = nn.Conv2d(fine, channels, 3, padding=1)
        nn.init.zeros_(self.tail.weight)

    @property
    def channels(self) -> int:
        """How many channels the latents have."""
        return len(self.mean)

    @classmethod
    def from_state(cls, state: Mapping[str, torch.Tensor]) -> LatentNetwork:
        """Return the network of a state dict, in evaluation mode.

        Raises:
            KeyError: A part is missing.
            RuntimeError: A part has another shape than the others imply.
            ValueError: A part is empty.
        """
        if not all(each.numel() for each in state.values()):
            raise ValueError("a layer is empty")
        blocks = len({name.split(".")[1] for name in state if name.startswith("body.")})
        fine_blocks = len({name.split(".")[1] for name in state if name.startswith("fine.")})
        fine, channels = state["tail.weight"].shape[1], state["tail.weight"].shape[0]
        # Without memory at first: layers of the shapes that a file states may be vast.
        with torch.device("meta"):
            network = cls(channels, state["head.weight"].shape[0], blocks, fine, fine_blocks)
        network.load_state_dict(dict(state), assign=True)
        return network.eval().requires_grad_(requires_grad=False)

    def forward(self, samples: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Enlarge latents (N, C, h, w) to (N, C, H, W).

        Args:
            samples: In the dtype of the weights.
            size: H and W, each from once to twice the old one.
        """
        mean, deviation = (each[:, None, None] for each in (self.mean, self.deviation))
        values = (samples - mean) / deviation
        height, width = samples.shape[-2:]
        factors = values.new_tensor([size[0] / height, size[1] / width]).log2()
        planes = factors[:, None, None].expand(len(values), 2, height, width)
        features = functional.pixel_shuffle(self.up(self._small(values, planes)), 2)
        if features.shape[-2:] != size:
            made = (2 * height, 2 * width)
            features = functional.interpolate(features, size, mode="bilinear", align_corners=False)
            features = self.places(features, made)
        for block in self.fine:
            features = block(features)
        base = functional.interpolate(values, size, mode="bilinear", align_corners=False)
        return self.tail(features).add_(base).mul_(deviation).add_(mean)

    def _small(self, values: torch.Tensor, planes: torch.Tensor) -> torch.Tensor:
        """Return the features at the small size; uses at most four times their memory at once."""
        features = head = self.head(torch.cat([values, planes], dim=1))
        for block in self.body:
            features = block(features)
        return features + head
