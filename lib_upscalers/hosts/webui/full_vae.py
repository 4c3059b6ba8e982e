"""The autoencoder of the model that the WebUI has loaded, as a function each way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.hosts.webui.host_modules import Foreign, host_module

if TYPE_CHECKING:
    import torch

_FULL = 0


def loaded_model() -> Foreign | None:
    """Return the model that is loaded, without having one loaded; None if there is none."""
    model = host_module("sd_models").model_data.sd_model
    return model if hasattr(model, "decode_first_stage") else None


def encode(pixels: torch.Tensor) -> torch.Tensor:
    """Turn pictures (N, 3, H, W) in [0, 1] into latents as the sampler has them."""
    common = host_module("sd_samplers_common")
    with host_module("devices").autocast():
        return common.images_tensor_to_samples(pixels, _FULL, loaded_model())


def decode(samples: torch.Tensor) -> torch.Tensor:
    """Turn latents as the sampler has them into pictures (N, 3, H, W), about in [0, 1]."""
    common = host_module("sd_samplers_common")
    with host_module("devices").autocast():
        decoded = common.samples_to_images_tensor(samples, _FULL, loaded_model())
    return (decoded.to(samples.device) + 1) / 2
