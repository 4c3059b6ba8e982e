"""Tiny autoencoders, rebuilt as modules with random weights, and a real one where it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lib_upscalers.errors import ModelFileError
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder

if TYPE_CHECKING:
    from pathlib import Path


class Block(nn.Module):
    """A residual block, with or without the branch that sees the picture as a whole."""

    def __init__(self, *, pooled: bool) -> None:
        super().__init__()
        convolutions = [nn.Conv2d(64, 64, 3, padding=1) for _ in range(3)]
        self.conv = nn.Sequential(
            convolutions[0], nn.ReLU(), convolutions[1], nn.ReLU(), convolutions[2]
        )
        if pooled:
            self.pool: nn.Sequential | None = nn.Sequential(
                nn.Conv2d(64, 256, 1, bias=False),
                nn.GroupNorm(4, 256),
                nn.ReLU(),
                nn.Conv2d(256, 64, 1, bias=False),
            )
        else:
            self.pool = None

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self.pool is not None:
            values = values + self.pool(values)
        return (self.conv(values) + values).relu()


class Clamp(nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.tanh(values / 3) * 3


def blocks(count: int, *, pooled: bool = False) -> list[nn.Module]:
    return [Block(pooled=pooled) for _ in range(count)]


def encoder(channels: int, *, pooled: bool) -> nn.Sequential:
    def down() -> nn.Module:
        return nn.Conv2d(64, 64, 3, padding=1, stride=2, bias=False)

    stages = [down(), *blocks(3), down(), *blocks(3), down(), *blocks(3, pooled=pooled)]
    first = [nn.Conv2d(3, 64, 3, padding=1), *blocks(1)]
    return nn.Sequential(*first, *stages, nn.Conv2d(64, channels, 3, padding=1)).eval()


def decoder(channels: int, *, pooled: bool) -> nn.Sequential:
    def stage(*, pooled: bool = False) -> list[nn.Module]:
        up = [nn.Upsample(scale_factor=2), nn.Conv2d(64, 64, 3, padding=1, bias=False)]
        return [*blocks(3, pooled=pooled), *up]

    first = [Clamp(), nn.Conv2d(channels, 64, 3, padding=1), nn.ReLU()]
    last = [*blocks(1), nn.Conv2d(64, 3, 3, padding=1)]
    return nn.Sequential(*first, *stage(pooled=pooled), *stage(), *stage(), *last).eval()


def save(module: nn.Module, path: Path) -> Path:
    torch.save(module.state_dict(), path)
    return path


@pytest.mark.parametrize(("channels", "pooled"), [(4, False), (16, False), (32, True)])
def test_every_layer_is_found(tmp_path: Path, channels: int, pooled: bool) -> None:
    torch.manual_seed(channels)
    parts = encoder(channels, pooled=pooled), decoder(channels, pooled=pooled)
    tiny = load_tiny_autoencoder(
        save(parts[0], tmp_path / "e.pth"), save(parts[1], tmp_path / "d.pth")
    )
    pixels, samples = torch.rand(2, 3, 24, 16), torch.randn(2, channels, 3, 2) * 3
    with torch.no_grad():
        torch.testing.assert_close(tiny.encode(pixels), parts[0](pixels))
        torch.testing.assert_close(tiny.decode(samples), parts[1](samples))
    assert tiny.channels == channels
    assert tiny.encode(pixels.half()).dtype is torch.float32


def test_files_that_are_something_else(tmp_path: Path) -> None:
    first = save(encoder(4, pooled=False), tmp_path / "encoder.pth")
    second = save(decoder(4, pooled=False), tmp_path / "decoder.pth")
    other = save(decoder(16, pooled=False), tmp_path / "other.pth")
    linear = save(nn.Linear(3, 3), tmp_path / "linear.pth")
    with pytest.raises(ModelFileError, match=r"encoder.pth.*has 4 channels.*other.pth.*has 16"):
        load_tiny_autoencoder(first, other)
    with pytest.raises(ModelFileError, match=r"Expected the encoder .*decoder.pth"):
        load_tiny_autoencoder(second, first)
    with pytest.raises(ModelFileError, match=r"Expected the decoder .*encoder.pth"):
        load_tiny_autoencoder(first, first)
    with pytest.raises(ModelFileError, match=r"linear.pth"):
        load_tiny_autoencoder(linear, second)
    with pytest.raises(ModelFileError, match=r"missing.pth"):
        load_tiny_autoencoder(tmp_path / "missing.pth", second)
    (tmp_path / "cut.pth").write_bytes(first.read_bytes()[:20_000])
    with pytest.raises(ModelFileError, match=r"cut.pth"):
        load_tiny_autoencoder(tmp_path / "cut.pth", second)


def test_a_real_one_gives_the_picture_back(shared_data: Path) -> None:
    folder = shared_data / "taef2"
    tiny = load_tiny_autoencoder(folder / "taef2_encoder.pth", folder / "taef2_decoder.pth")
    with Image.open(shared_data / "set5" / "2_x2_HR.png") as image:
        pixels = np.array(image.convert("RGB"))[64:192, 64:192]
    values = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        again = tiny.decode(tiny.encode(values))
    assert tiny.channels == 32
    assert 10 * torch.log10(1 / (again - values).square().mean()) > 27
