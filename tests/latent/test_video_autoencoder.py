"""The TAEHV family against a plain reading of its layout, frame after frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from lib_upscalers.errors import ModelFileError
from lib_upscalers.latent.video_autoencoder import load_video_autoencoder

if TYPE_CHECKING:
    from pathlib import Path


def convolution(into: int, out: int, stride: int = 1, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(into, out, 3, stride, 1, bias=bias)


class Memory(nn.Module):
    def __init__(self, width: int, activation: nn.Module) -> None:
        super().__init__()
        first, last = convolution(2 * width, width), convolution(width, width)
        self.conv = nn.Sequential(first, activation, convolution(width, width), activation, last)
        self.activation = activation

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        made: list[torch.Tensor] = []
        past = torch.zeros_like(frames[:1])
        for frame in frames.split(1):
            made.append(self.activation(self.conv(torch.cat([frame, past], 1)) + frame))
            past = frame
        return torch.cat(made)


class Join(nn.Module):
    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.conv, self.count = nn.Conv2d(width * count, width, 1, bias=False), count

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        groups = [torch.cat(list(each.split(1)), 1) for each in frames.split(self.count)]
        return self.conv(torch.cat(groups))


class Grow(nn.Module):
    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.conv, self.count = nn.Conv2d(width, width * count, 1, bias=False), count

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        made = [self.conv(frame).chunk(self.count, 1) for frame in frames.split(1)]
        return torch.cat([part for parts in made for part in parts])


class Limit(nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.tanh(values / 3) * 3


class Reference(nn.Module):
    """The layout that the files have, with narrow layers."""

    def __init__(self, channels: int, patch: int, width: int = 8) -> None:
        super().__init__()
        act: nn.Module = nn.ReLU()
        self.patch = patch
        encoder: list[nn.Module] = [convolution(3 * patch**2, width), act]
        for count in (2, 2, 1):
            halving = convolution(width, width, 2, bias=False)
            encoder += [Join(width, count), halving, *(Memory(width, act) for _ in range(3))]
        self.encoder = nn.Sequential(*encoder, convolution(width, channels))
        decoder: list[nn.Module] = [Limit(), convolution(channels, width), act]
        for count in (1, 2, 2):
            decoder += [Memory(width, act) for _ in range(3)]
            decoder += [nn.Upsample(scale_factor=2), Grow(width, count)]
            decoder.append(convolution(width, width, bias=False))
        self.decoder = nn.Sequential(*decoder, act, convolution(width, 3 * patch**2))

    def encode(self, picture: torch.Tensor) -> torch.Tensor:
        frames = torch.nn.functional.pixel_unshuffle(picture, self.patch).repeat(4, 1, 1, 1)
        return self.encoder(frames)[-1:]

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pixel_shuffle(self.decoder(latent)[-1:], self.patch)


@pytest.mark.parametrize(("channels", "patch"), [(16, 1), (48, 2), (32, 2)])
def test_it_computes_what_the_layout_says(tmp_path: Path, channels: int, patch: int) -> None:
    torch.manual_seed(channels)
    reference = Reference(channels, patch)
    torch.save(reference.state_dict(), tmp_path / "tae.pth")
    pictures = torch.rand(2, 3, 32, 48)

    codec = load_video_autoencoder(tmp_path / "tae.pth")
    with torch.no_grad():
        latents = codec.encode(pictures)
        expected = torch.cat([reference.encode(each[None]) for each in pictures])
        decoded = torch.cat([reference.decode(each[None]) for each in latents])

        assert codec.channels == channels
        assert latents.shape == (2, channels, 4 // patch, 6 // patch)
        torch.testing.assert_close(latents, expected)
        torch.testing.assert_close(codec.decode(latents), decoded)
        assert codec.decode(latents).shape == pictures.shape


def test_a_part_that_is_missing_or_odd_is_one_error(tmp_path: Path) -> None:
    state, path = Reference(16, 1).state_dict(), tmp_path / "odd.pth"
    odd = [{key: value for key, value in state.items() if key != name} for name in [*state][::4]]
    odd += [{**state, name: state[name].reshape(-1)} for name in [*state][::4]]
    odd += [{**state, name: torch.ones(1)} for name in ("decoder.x.weight", "encoder.", "foo")]
    for each in odd:
        torch.save(each, path)
        try:
            codec = load_video_autoencoder(path)
        except ModelFileError:
            continue
        assert codec.decode(codec.encode(torch.zeros(1, 3, 16, 16))).shape == (1, 3, 16, 16)


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"decoder.1.weight": torch.zeros(4, 4, 3, 3)}, tmp_path / "half.pth")
    with pytest.raises(ModelFileError, match=r"TAEHV.*'half\.pth'"):
        load_video_autoencoder(tmp_path / "half.pth")
