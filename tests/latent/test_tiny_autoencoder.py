"""Tiny autoencoders, rebuilt as modules with random weights, and a real one where it is there."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lib_upscalers.errors import ModelFileError
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Block(nn.Module):
    """A residual block, with or without the branch that sees the picture as a whole."""

    def __init__(self, width: int = 64, *, pooled: bool = False) -> None:
        super().__init__()
        convolutions = [nn.Conv2d(width, width, 3, padding=1) for _ in range(3)]
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


def blocks(count: int, width: int = 64, *, pooled: bool = False) -> list[nn.Module]:
    return [Block(width, pooled=pooled) for _ in range(count)]


def down(into: int = 64, out: int = 64) -> nn.Module:
    return nn.Conv2d(into, out, 3, padding=1, stride=2, bias=False)


def up(into: int = 64, out: int = 64) -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2), nn.Conv2d(into, out, 3, padding=1, bias=False)]


def wide_decoder(channels: int, widths: list[int], last: list[nn.Module]) -> nn.Sequential:
    first = [Clamp(), nn.Conv2d(channels, widths[0], 3, padding=1), nn.ReLU()]
    middle = [
        layer for into, out in pairwise(widths) for layer in (*blocks(3, into), *up(into, out))
    ]
    return nn.Sequential(*first, *middle, *blocks(1), *last).eval()


def sana() -> tuple[nn.Sequential, nn.Sequential]:
    """The layout of a thirty-second: two more convolutions of stride 2 at first."""
    halves = [nn.Conv2d(i, o, 3, padding=1, stride=2) for i, o in ((3, 32), (32, 64))]
    stages = [layer for _ in range(3) for layer in (down(), *blocks(3))]
    first = [halves[0], nn.ReLU(), halves[1], nn.ReLU(), *blocks(1)]
    encoder = nn.Sequential(*first, *stages, nn.Conv2d(64, 32, 3, padding=1)).eval()
    return encoder, wide_decoder(32, [256, 128, 64, 64, 64, 64], [nn.Conv2d(64, 3, 3, padding=1)])


def qwen() -> tuple[nn.Sequential, nn.Sequential]:
    """The layout of a sixteenth: 2 x 2 pixels of red, green, blue and alpha in one value."""
    first = [nn.PixelUnshuffle(2), nn.Conv2d(16, 64, 3, padding=1), nn.ReLU(), *blocks(1)]
    widths = ((64, 64), (64, 128), (128, 256))
    stages = [layer for into, out in widths for layer in (down(into, out), *blocks(3, out))]
    encoder = nn.Sequential(*first, *stages, nn.Conv2d(256, 64, 3, padding=1)).eval()
    return encoder, wide_decoder(
        64, [256, 128, 64, 64], [nn.Conv2d(64, 16, 3, padding=1), nn.PixelShuffle(2)]
    )


def encoder(channels: int, *, pooled: bool) -> nn.Sequential:
    stages = [down(), *blocks(3), down(), *blocks(3), down(), *blocks(3, pooled=pooled)]
    first = [nn.Conv2d(3, 64, 3, padding=1), *blocks(1)]
    return nn.Sequential(*first, *stages, nn.Conv2d(64, channels, 3, padding=1)).eval()


def decoder(channels: int, *, pooled: bool) -> nn.Sequential:
    def stage(*, pooled: bool = False) -> list[nn.Module]:
        return [*blocks(3, pooled=pooled), *up()]

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


@pytest.mark.parametrize(("name", "factor"), [("sana", 32), ("qwen", 16)])
def test_other_layouts_are_found(tmp_path: Path, name: str, factor: int) -> None:
    torch.manual_seed(factor)
    parts = {"sana": sana, "qwen": qwen}[name]()
    first, second = save(parts[0], tmp_path / "e.pth"), save(parts[1], tmp_path / "d.pth")
    tiny = load_tiny_autoencoder(first, second)
    pixels, samples = torch.rand(2, 3, 64, 96), torch.randn(2, tiny.channels, 2, 1) * 3
    alpha = torch.ones(2, 1, 64, 96) if name == "qwen" else pixels[:, :0]
    with torch.no_grad():
        torch.testing.assert_close(tiny.encode(pixels), parts[0](torch.cat([pixels, alpha], 1)))
        torch.testing.assert_close(tiny.decode(samples), parts[1](samples)[:, :3])
    assert tiny.encode(pixels).shape[-2:] == (64 // factor, 96 // factor)
    for wrong in ((first, first), (second, second)):
        with pytest.raises(ModelFileError, match="TAESD family"):
            load_tiny_autoencoder(*wrong)


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


def changes_of(state: dict[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
    """Yield state dicts with one thing wrong."""
    weight = next(iter(state.values()))
    for name in list(state)[::5]:
        yield {key: value for key, value in state.items() if key != name}
        yield {**state, name: state[name].reshape(-1)}
        yield {**state, name: state[name][:1]}
        yield {**state, name: state[name].to(torch.complex64)}
    for name in ("foo", "foo.bar", "1e3.bias", "99.weight", "-1.weight", "\u0663.weight"):
        yield {**state, name: weight}


def test_a_part_that_is_missing_or_odd_is_one_error(tmp_path: Path) -> None:
    """When it is read, not when a picture is computed."""
    parts = encoder(4, pooled=False), decoder(4, pooled=False)
    paths = [save(part, tmp_path / name) for part, name in zip(parts, "ed", strict=True)]
    for i, part in enumerate(parts):
        for state in changes_of(dict(part.state_dict())):
            odd = tmp_path / "odd.pth"
            torch.save(state, odd)
            both = [odd if i == j else path for j, path in enumerate(paths)]
            try:
                tiny = load_tiny_autoencoder(*both)
            except ModelFileError:
                continue
            assert tiny.encode(torch.zeros(1, 3, 16, 16)).shape == (1, 4, 2, 2)
            assert tiny.decode(torch.zeros(1, 4, 2, 2)).shape == (1, 3, 16, 16)


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
