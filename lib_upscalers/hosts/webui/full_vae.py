"""The autoencoder of the model that the WebUI has loaded, as a function each way."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui.host_modules import Foreign, host_module, optional_module
from lib_upscalers.latent.packing import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Generator

    import torch

    from lib_upscalers.latent.spaces import KnownSpace

_FULL = 0
_ABSENT = object()
_REMEMBERED = ("ini_latent", "ref_latents", "start_image", "end_image")


def loaded_model() -> Foreign | None:
    """Return the model that is loaded, without having one loaded; None if there is none."""
    model = host_module("sd_models").model_data.sd_model
    return model if hasattr(model, "decode_first_stage") else None


def encode(pixels: torch.Tensor) -> torch.Tensor:
    """Turn pictures (N, 3, H, W) in [0, 1] into latents as the sampler has them.

    Shape (N, C, h, w), or (N, C, 1, h, w) from the autoencoders of video models.
    """
    common, model = host_module("sd_samplers_common"), loaded_model()
    with host_module("devices").autocast(), _untraced(model):
        # One by one, for those of video models take several pictures as a video.
        done = [common.images_tensor_to_samples(each[None], _FULL, model) for each in pixels]
    return _joined(done)


def decode(samples: torch.Tensor) -> torch.Tensor:
    """Turn latents as the sampler has them into pictures (N, 3, H, W), about in [0, 1]."""
    common, model = host_module("sd_samplers_common"), loaded_model()
    with host_module("devices").autocast(), _untraced(model):
        decoded = common.samples_to_images_tensor(samples, _FULL, model)
    # Those of video models give (N, T, 3, H, W).
    pictures = decoded[:, 0] if decoded.ndim == 5 else decoded
    return (pictures.to(samples.device) + 1) / 2


def _joined(latents: list[torch.Tensor]) -> torch.Tensor:
    import torch

    return torch.cat(latents)


@contextmanager
def _untraced(model: Foreign | None) -> Generator[None, None, None]:
    """Restore what Forge Neo remembers of an encoded picture as a reference for the next prompt.

    flux2.py:71, qwen.py:120, flux.py:97, wan.py:171 and anima.py:62 of its diffusion engines.
    """
    holders = [model, getattr(optional_module("backend.args"), "dynamic_args", None)]
    before: list[tuple[Any, str, Any, list[Any] | None]] = [
        (holder, name, value, list(value) if isinstance(value, list) else None)
        for holder in holders
        for name in _REMEMBERED
        if (value := getattr(holder, name, _ABSENT)) is not _ABSENT
    ]
    try:
        yield
    finally:
        for holder, name, value, items in before:
            if items is not None:
                value[:] = items
            setattr(holder, name, value)


class LatentCodec:
    """The loaded model's autoencoder with plain latents, (N, C, h, w) not packed.

    Implements `Codec`.

    Args:
        known: The latent space of the model.
    """

    def __init__(self, known: KnownSpace) -> None:
        self._known = known

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn pictures (N, 3, H, W) in [0, 1] into latents."""
        samples = encode(pixels)
        flat = samples[:, :, 0] if samples.ndim == 5 else samples
        return unpacked(flat, self._known.space.channels)

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        """Turn latents into pictures."""
        known = self._known
        values = packed(samples, 4 * known.space.channels) if known.packed else samples
        return decode(values[:, :, None] if known.frames else values)
