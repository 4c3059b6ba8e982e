"""Encode and decode single pictures with the tiny autoencoders of video models (TAEHV family).

"Tiny AutoEncoder for Hunyuan Video (and other video models)", https://github.com/madebyollin/taehv:
convolutions that also see the frame before, and layers that join or multiply frames. One file holds
the encoder and the decoder; its layout is enough to recognise its model. A picture is a video of
frames that are all alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError
from lib_upscalers.latent.codec_check import check_codec, layer_weights, whole_layers
from lib_upscalers.models.reading import read_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    Weights = Mapping[str, torch.Tensor]
    Frames = torch.Tensor

_OF_A_LAYER = re.compile(r"(encoder|decoder)\.[0-9]+\.")
_LIMIT = 3.0


@dataclass(frozen=True)
class VideoAutoencoder:
    """A tiny autoencoder for one frame; pictures are in [0, 1], latents as the sampler has them.

    Attributes:
        weights: All weights of the file by name, float32, on one device.
    """

    weights: Weights

    @cached_property
    def channels(self) -> int:
        """How many channels its latents have."""
        return self.weights["decoder.1.weight"].shape[1]

    @cached_property
    def made(self) -> int:
        """How many channels the last layer of the decoder makes."""
        last = max(_layers(self.weights, "decoder"))
        return self.weights[f"decoder.{last}.weight"].shape[0]

    @cached_property
    def patch(self) -> int:
        """How many pixels a value of the last layer is wide and high."""
        return round((self.made / 3) ** 0.5)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn pictures (N, 3, H, W) in [0, 1] into latents (N, channels, H / f, W / f).

        H and W are multiples of the factor f: 8, or 16 where a value holds 2 x 2 pixels.
        """
        import torch
        from torch.nn.functional import pixel_unshuffle

        patches = pixel_unshuffle(pixels.float(), self.patch) if self.patch > 1 else pixels
        one_by_one = [self._encode_one(each[None].float()) for each in patches]
        return torch.cat(one_by_one)

    def _encode_one(self, frame: Frames) -> Frames:
        layers = _layers(self.weights, "encoder")
        frames = frame.expand(self._joined_frames(layers), -1, -1, -1)
        return self._run("encoder", layers, frames)[-1:]

    def _joined_frames(self, layers: list[int]) -> int:
        """Return how many frames of a video become one frame of a latent."""
        frames = 1
        for index in layers:
            weight = self.weights.get(f"encoder.{index}.conv.weight")
            if weight is not None:
                frames *= weight.shape[1] // weight.shape[0]
        return frames

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        """Turn latents (N, channels, h, w) into pictures (N, 3, f h, f w), about in [0, 1]."""
        import torch
        from torch.nn.functional import pixel_shuffle

        limited = torch.tanh(samples.float() / _LIMIT) * _LIMIT
        layers = _layers(self.weights, "decoder")
        # Frames before the last one only fill the memory of the layers.
        frames = torch.cat([self._run("decoder", layers, one[None])[-1:] for one in limited])
        return pixel_shuffle(frames, self.patch) if self.patch > 1 else frames

    def _run(self, part: str, layers: list[int], frames: Frames) -> Frames:
        from torch.nn.functional import interpolate

        for place, index in enumerate(layers):
            name = f"{part}.{index}"
            if f"{name}.conv.0.weight" in self.weights:
                frames = self._remembering(name, frames)
            elif f"{name}.conv.weight" in self.weights:
                frames = self._regroup(name, frames, grows=part == "decoder")
            else:
                # A convolution without a bias follows a change of size.
                changes = f"{name}.bias" not in self.weights
                frames = _convolve(frames, self.weights, name, 2 if self._halves(part, name) else 1)
                if not changes and place < len(layers) - 1:
                    frames = frames.relu()
            if part == "decoder" and self._upsampled_next(layers, place):
                frames = interpolate(frames, scale_factor=2.0)
            if part == "decoder" and place == len(layers) - 2:
                frames = frames.relu()
        return frames

    def _halves(self, part: str, name: str) -> bool:
        return part == "encoder" and f"{name}.bias" not in self.weights

    def _upsampled_next(self, layers: list[int], place: int) -> bool:
        """Whether a layer without weights, the enlargement, follows and a regrouping after it."""
        following = layers[place + 1] if place + 1 < len(layers) else layers[place] + 1
        grows = f"decoder.{following}.conv.weight" in self.weights
        return grows and following - layers[place] > 1

    def _remembering(self, name: str, frames: Frames) -> Frames:
        """Apply a block that sees each frame and the one before it; before the first is 0."""
        import torch

        past = torch.cat([torch.zeros_like(frames[:1]), frames[:-1]])
        values = torch.cat([frames, past], dim=1)
        for layer in (0, 2, 4):
            values = _convolve(values, self.weights, f"{name}.conv.{layer}")
            values = values.relu() if layer < 4 else values
        skip = f"{name}.skip.weight"
        shortcut = (
            _convolve(frames, self.weights, f"{name}.skip") if skip in self.weights else frames
        )
        return (values + shortcut).relu()

    def _regroup(self, name: str, frames: Frames, *, grows: bool) -> Frames:
        """Join neighbouring frames into one, or make several of each."""
        weight = self.weights[f"{name}.conv.weight"]
        if grows:
            made = _convolve(frames, self.weights, f"{name}.conv")
            return made.reshape(-1, weight.shape[1], *frames.shape[2:])
        joined = frames.reshape(-1, weight.shape[1], *frames.shape[2:])
        return _convolve(joined, self.weights, f"{name}.conv")


def load_video_autoencoder(path: Path, device: torch.device | str = "cpu") -> VideoAutoencoder:
    """Read a file of the TAEHV family.

    Raises:
        ModelFileError: The file is missing, damaged, or holds something else.
        UnsafeModelError: A pickle asks for more than tensors.
    """
    import torch

    state = read_state(path)
    parts = ("encoder.0.weight", "decoder.1.weight", "decoder.3.conv.0.weight")
    weights = [state.get(name) for name in parts]
    shapes = [list(each.shape) for each in weights if isinstance(each, torch.Tensor)]
    if [len(shape) for shape in shapes] != [4, 4, 4] or shapes[2][1] != 2 * shapes[2][0]:
        raise ModelFileError(
            f"Expected a tiny autoencoder of the TAEHV family in {path.name!r}, encoder and "
            "decoder, but its weights are of something else; get the file that is named like "
            "taew2_1.pth."
        )
    codec = VideoAutoencoder(layer_weights(state, _OF_A_LAYER, device))
    with whole_layers(path.name):
        if 3 * codec.patch**2 != codec.made:
            raise ModelFileError(
                f"Expected a decoder of red, green and blue in {path.name!r}, but its last layer "
                f"has {codec.made} channels; such autoencoders are not supported yet."
            )
        check_codec(codec, codec.channels, codec.weights)
    return codec


def _layers(weights: Weights, part: str) -> list[int]:
    """Return the numbers of the layers of a part that have weights, in order."""
    return sorted({int(name.split(".")[1]) for name in weights if name.startswith(f"{part}.")})


def _convolve(values: Frames, weights: Weights, name: str, stride: int = 1) -> Frames:
    from torch.nn.functional import conv2d

    weight = weights[f"{name}.weight"]
    bias = weights.get(f"{name}.bias")
    return conv2d(values, weight, bias, stride=stride, padding=weight.shape[2] // 2)
