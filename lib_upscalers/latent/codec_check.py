"""Check an autoencoder that was read from files by using it once, on very little."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError
from lib_upscalers.tiling.executor import memory_signal

if TYPE_CHECKING:
    import re
    from collections.abc import Generator, Mapping

    import torch

    from lib_upscalers.latent.context import Codec

_SIDE = 2


def layer_weights(
    state: Mapping[str, object], layer: re.Pattern[str], device: torch.device | str
) -> dict[str, torch.Tensor]:
    """Return what of a file are weights of layers, in fp32 on a device.

    Args:
        state: What was read.
        layer: How names of such weights begin.
        device: Where to.
    """
    import torch

    return {
        name: value.to(device, torch.float32)
        for name, value in state.items()
        if layer.match(name) and isinstance(value, torch.Tensor) and not value.is_complex()
    }


@contextmanager
def whole_layers(name: str) -> Generator[None, None, None]:
    """Turn what missing or odd layers raise into one error.

    Args:
        name: Of the file.

    Raises:
        ModelFileError: A layer is missing or of another shape.
    """
    try:
        with memory_signal():
            yield
    except ModelFileError:
        raise
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"Expected a whole tiny autoencoder in {name!r}, but a part of it is missing or of "
            f"another shape ({' '.join(str(error).split())[:200]}); get it again."
        ) from error


def check_codec(codec: Codec, channels: int, weights: Mapping[str, torch.Tensor]) -> None:
    """See that an autoencoder decodes and encodes; to be called in `whole_layers`.

    Args:
        codec: What was read.
        channels: Of its latents.
        weights: Some of it, for their device.

    Raises:
        ValueError: What it gives is of another shape.
    """
    import torch

    device = next(iter(weights.values())).device
    samples = torch.zeros(1, channels, _SIDE, _SIDE, device=device)
    pixels = codec.decode(samples)
    again = codec.encode(pixels)
    if pixels.ndim != 4 or pixels.shape[1] != 3 or again.shape != samples.shape:
        raise ValueError(str([*map(tuple, (samples.shape, pixels.shape, again.shape))]))
