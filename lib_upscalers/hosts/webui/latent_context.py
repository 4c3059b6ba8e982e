"""Find the loaded model's latent space, VAE and tiny autoencoder for the learned latent modes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ModelError
from lib_upscalers.hosts.webui import full_vae, options
from lib_upscalers.hosts.webui.host_modules import Foreign, host_module, optional_module
from lib_upscalers.latent.spaces import SPACES, describe, find_tiny
from lib_upscalers.latent.tiny_files import load_tiny
from lib_upscalers.pictures.picture import Picture, from_tensor, to_tensor
from lib_upscalers.progress import SubRange
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.latent.context import Codec, LatentSpace
    from lib_upscalers.latent.spaces import KnownSpace


# Flags of the loaded model; SD 2 has the latents of SD 1.
_FLAGS = (("is_sdxl", "sdxl"), ("is_sd3", "sd3"), ("is_sd1", "sd1"), ("is_sd2", "sd1"))
# Spaces whose tiny autoencoders the WebUIs download, each for the models that it can load.
_FETCHED = ("sd1", "sdxl", "sd3", "flux1", "flux2", "wan21")
_LATENT_FILES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True)
class _TinyCodec:
    """The WebUI's tiny autoencoder. Implements `Codec`.

    Attributes:
        encoder: From pictures in [0, 1] to latents as the sampler has them.
        decoder: The inverse.
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
        engine: Enlarges the pixels of the round trip.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hashed: tuple[object, str] = (None, "")

    def space(self) -> LatentSpace | None:
        """Return the latent space of the loaded model; None if it is unknown."""
        known = self.known_space()
        return None if known is None else known.space

    def known_space(self) -> KnownSpace | None:
        """Return the loaded model's latent space as `SPACES` has it; None if it is not there."""
        return _space_of(host_module("shared").sd_model)

    def tiny_codec(self) -> Codec:
        """Return the tiny autoencoder for the loaded model.

        From its files, read by us, in any folder; else the WebUI's own, if it can both encode and
        decode: Forge Neo's has no encoder for Wan, and one for FLUX.2 that fails.

        Raises:
            ModelError: There is none, or its file could not be downloaded.
        """
        known = self.known_space()
        found = None if known is None else self._own_codec(known)
        if found is not None:
            return found
        encoder, decoder = self._fetched_tiny(known)
        found = None if known is None else self._own_codec(known)
        if found is not None:
            return found
        if encoder is None or decoder is None or (known is not None and known.packed):
            raise ModelError(f"{_missing(known)}.")
        return _TinyCodec(encoder, decoder)

    def _fetched_tiny(self, known: KnownSpace | None) -> tuple[Foreign, Foreign]:
        """Return the WebUI's own tiny encoder and decoder; it downloads files that are missing."""
        name = "" if known is None else known.space.name
        failed = self._engine.unfetched.get(name)
        if failed is not None:
            raise ModelError(failed)
        taesd = host_module("sd_vae_taesd")
        try:
            return taesd.encoder_model(), taesd.decoder_model()
        except Exception as error:
            text = f"{_missing(known)} ({error})."
            if known is not None:
                self._engine.unfetched[name] = text
            raise ModelError(text) from error

    def has_tiny(self) -> bool:
        """Return whether a tiny autoencoder's files exist, or the WebUI would download them."""
        known = self.known_space()
        if known is None or known.space.name in self._engine.unfetched:
            return self.has_tiny_files()
        return self.has_tiny_files() or known.space.name in _FETCHED

    def has_tiny_files(self) -> bool:
        """Whether a tiny autoencoder's files are there."""
        known = self.known_space()
        if known is None:
            return False
        folders = self._tiny_folders()
        return all(_find(folders, name) for name in (known.encoder, known.decoder))

    def _tiny_folders(self) -> Sequence[Path]:
        models = Path(host_module("shared").models_path)
        return models / "VAE-taesd", self._engine.tiny_folder()

    def _own_codec(self, known: KnownSpace) -> Codec | None:
        """Return the tiny autoencoder of existing files, read by us."""
        device = host_module("devices").device
        folders = self._tiny_folders()
        encoder, decoder = (_find(folders, name) for name in (known.encoder, known.decoder))
        if encoder is None or decoder is None:
            return None
        return load_tiny(list(dict.fromkeys((encoder, decoder))), device)

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

    def vae_hashes(self) -> Sequence[str]:
        """Return the hash of the weights of the VAE in use, then that of its file if it is known.

        The WebUI knows the latter once it has computed it for something else.
        """
        model = host_module("shared").sd_model
        path = getattr(optional_module("modules.sd_vae"), "loaded_vae_file", None)
        checkpoint = getattr(model, "sd_checkpoint_info", None)
        # AUTOMATIC1111 loads another VAE into the same module.
        key = (id(model), path, getattr(checkpoint, "filename", None))
        if self._hashed[0] != key:
            self._hashed = key, full_vae.vae_hash(model)
        of_file = getattr(checkpoint, "sha256", None)
        if path:
            name = f"vae/{Path(path).name}"
            of_file = host_module("hashes").sha256_from_cache(path, name)
        return [each for each in (self._hashed[1], of_file) if each]


def _find(folders: Sequence[Path], name: str) -> Path | None:
    """Return the file of that name in the first folder that has it."""
    paths = [folder / f"{name}{ending}" for folder in folders for ending in _LATENT_FILES if name]
    return next((path for path in paths if path.is_file()), None)


def _missing(known: KnownSpace | None) -> str:
    """Return advice about a tiny autoencoder that is missing."""
    if known is None:
        return "Expected a tiny autoencoder (TAESD), but the loaded model's latents are not known"
    names = " and ".join(f"{name}.pth" for name in known.tiny)
    return (
        f"Expected the tiny autoencoder of {describe(known.space.name)}, but it is not there and "
        f"cannot be fetched: get {names} from {known.tiny_source} and put them into "
        "models/VAE-taesd"
    )


def _space_of(model: Foreign) -> KnownSpace | None:
    """Return the latent space of a model."""
    latent_format = getattr(getattr(model, "model_config", None), "latent_format", None)
    # Forge Neo names the tiny decoder of a model's latents.
    named = getattr(latent_format, "taesd_decoder_name", None)
    known = find_tiny(str(named)) if named else None
    if known is not None:
        channels = getattr(latent_format, "latent_channels", known.space.channels)
        # Mugen has FLUX.2's autoencoder, but not packed.
        return replace(known, packed=channels == 4 * known.space.channels)
    for flag, name in _FLAGS:
        if getattr(model, flag, False):
            return SPACES[name]
    # Forge knows no other model with sixteen channels than those of FLUX.1's family.
    legacy: Any = getattr(model, "is_webui_legacy_model", None)
    forge_flux = legacy is not None and not legacy() and named is None
    return SPACES["flux1"] if forge_flux else None
