"""What the learned and the round-trip modes ask about the model that the WebUI has loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ModelError
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.host_modules import Foreign, host_module, optional_module
from lib_upscalers.latent.context import LatentSpace
from lib_upscalers.pictures.picture import Picture, from_tensor, to_tensor
from lib_upscalers.progress import SubRange
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.latent.context import Codec


# Flags of the loaded model; SD 2 has the latents of SD 1.
_FLAGS = (("is_sdxl", "sdxl"), ("is_sd3", "sd3"), ("is_sd1", "sd1"), ("is_sd2", "sd1"))
# Forge Neo names the tiny decoder of a model's latents.
_DECODERS: Mapping[str, str] = MappingProxyType(
    {
        "taesd_decoder": "sd1",
        "taesdxl_decoder": "sdxl",
        "taesd3_decoder": "sd3",
        "taef1_decoder": "flux1",
        "taef2_decoder": "flux2",
        "taew2_1": "wan21",
    }
)
_CHANNELS: Mapping[str, int] = MappingProxyType(
    {"sd1": 4, "sdxl": 4, "sd3": 16, "flux1": 16, "flux2": 32, "wan21": 16}
)
_FACTOR = 8


@dataclass(frozen=True)
class _TinyCodec:
    """The WebUI's tiny autoencoder. Implements `Codec`.

    Attributes:
        encoder: From pictures in [0, 1] to latents as the sampler has them.
        decoder: The other way.
    """

    encoder: Callable[[torch.Tensor], torch.Tensor]
    decoder: Callable[[torch.Tensor], torch.Tensor]

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn pictures into latents."""
        return self._run(self.encoder, pixels)

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        """Turn latents into pictures."""
        return self._run(self.decoder, samples)

    def _run(
        self, network: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor
    ) -> torch.Tensor:
        devices = host_module("devices")
        return network(values.to(devices.device, devices.dtype)).to(values)


class LoadedModel:
    """The model that the WebUI has loaded. Implements `LatentContext`.

    Args:
        engine: What the round trip enlarges pixels with.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def space(self) -> LatentSpace | None:
        """Return the latent space of the loaded model; None if there is no telling."""
        name = _space_name(host_module("shared").sd_model)
        return None if name is None else LatentSpace(name, _CHANNELS[name], _FACTOR)

    def tiny_codec(self) -> Codec:
        """Return the WebUI's tiny autoencoder for the loaded model.

        Raises:
            ModelError: There is none, or its file could not be fetched.
        """
        taesd = host_module("sd_vae_taesd")
        try:
            encoder, decoder = taesd.encoder_model(), taesd.decoder_model()
        except Exception as error:
            raise ModelError(f"{_MISSING} ({error}).") from error
        if encoder is None or decoder is None:
            raise ModelError(f"{_MISSING}.")
        return _TinyCodec(encoder, decoder)

    def enlarge_pixels(self, pixels: torch.Tensor, size: Size) -> torch.Tensor:
        """Enlarge pictures with the upscaler that the settings name.

        Raises:
            Cancelled: The user pressed Interrupt or Skip.
        """
        import numpy as np
        import torch

        engine = self._engine
        choice = engine.upscaler.find(options.value(options.ROUND_TRIP))
        target = Target(size=size)
        settings = options.settings()
        larger: list[torch.Tensor] = []
        with engine.job(choice.name) as progress:
            for i, each in enumerate(pixels):
                picture = Picture(from_tensor(each, np.dtype(np.float32)))
                part = SubRange(progress, i / len(pixels), (i + 1) / len(pixels))
                result = engine.upscaler.run(picture, choice, target, settings, part)
                larger.append(to_tensor(result.picture.pixels, pixels.device, pixels.dtype))
        return torch.stack(larger)

    def weight_folders(self) -> Sequence[Path]:
        """Return the folder of the networks for latents."""
        return [self._engine.latents()]

    def vae_sha256(self) -> str | None:
        """Return the sha256 of the VAE that is in use, as far as the WebUI knows it already."""
        vae = optional_module("modules.sd_vae")
        path = getattr(vae, "loaded_vae_file", None)
        if path:
            return host_module("hashes").sha256_from_cache(path, f"vae/{Path(path).name}")
        checkpoint = getattr(host_module("shared").sd_model, "sd_checkpoint_info", None)
        return getattr(checkpoint, "sha256", None)


_MISSING = (
    "Expected the WebUI's tiny autoencoder (TAESD) for the loaded model, but it has none or its "
    "file is not there and cannot be fetched: put it into models/VAE-taesd"
)


def _space_name(model: Foreign) -> str | None:
    """Return the name of a model's latent space."""
    config = getattr(model, "model_config", None)
    named = getattr(getattr(config, "latent_format", None), "taesd_decoder_name", None)
    if named in _DECODERS:
        return _DECODERS[str(named)]
    for flag, name in _FLAGS:
        if getattr(model, flag, False):
            return name
    # Forge knows no other model with sixteen channels than those of FLUX.1's family.
    legacy: Any = getattr(model, "is_webui_legacy_model", None)
    return "flux1" if legacy is not None and not legacy() and named is None else None
