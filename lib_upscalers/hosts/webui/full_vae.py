"""Encode and decode with the autoencoder of the model that the WebUI has loaded."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ModelError
from lib_upscalers.hosts.webui.host_modules import Foreign, host_module, optional_module
from lib_upscalers.hosts.webui.random_state import restored_random_state
from lib_upscalers.latent.autocast import without_autocast
from lib_upscalers.latent.autoencoder_hash import autoencoder_hash
from lib_upscalers.latent.packing import packed, padded, unpacked

if TYPE_CHECKING:
    from collections.abc import Generator

    import torch

    from lib_upscalers.latent.spaces import KnownSpace

_FULL = 0
_ABSENT = object()
_TRACES = ("ini_latent", "ref_latents", "start_image", "end_image")


def loaded_model() -> Foreign | None:
    """Return the loaded model, without causing one to be loaded; None if there is none."""
    model = host_module("sd_models").model_data.sd_model
    return model if hasattr(model, "decode_first_stage") else None


def vae_hash(model: Foreign | None) -> str:
    """Return the hash of the weights of a model's autoencoder; "" where these cannot be found."""
    network = _network_of(model)
    return "" if network is None else autoencoder_hash(network.state_dict().values())


def _network_of(model: Foreign | None) -> Any:
    """Return the autoencoder of a model: AUTOMATIC1111 has it in the model, Forge in its parts."""
    network = getattr(model, "first_stage_model", None)
    if network is None:
        network = getattr(_forge_vae(model), "first_stage_model", None)
    return network if hasattr(network, "state_dict") else None


def _forge_vae(model: Foreign | None) -> Any:
    return getattr(getattr(model, "forge_objects", None), "vae", None)


@contextmanager
def _in_float32(model: Foreign | None) -> Generator[None, None, None]:
    """Have the autoencoder compute in float32 inside the block; restore its type afterwards."""
    import torch

    network = _network_of(model)
    if network is None:
        raise ModelError(
            "Expected the autoencoder in float32, for it gives NaN, but the WebUI has it where it "
            "is not found: start the WebUI with --no-half-vae."
        )
    dtype = next(network.parameters()).dtype
    # What AUTOMATIC1111 (processing.py, decode_latent_batch) and Forge's VAE turn pictures into.
    holders = ((host_module("devices"), "dtype_vae"), (_forge_vae(model), "vae_dtype"))
    before: list[tuple[Any, str, Any]] = [
        (holder, name, value)
        for holder, name in holders
        if (value := getattr(holder, name, None)) is not None
    ]
    network.to(torch.float32)
    for holder, name, _ in before:
        setattr(holder, name, torch.float32)
    try:
        with without_autocast(torch.device(host_module("devices").device)):
            yield
    finally:
        for holder, name, value in before:
            setattr(holder, name, value)
        network.to(dtype)


def _autocast(*, exact: bool) -> Any:
    return nullcontext() if exact else host_module("devices").autocast()


def encode(pixels: torch.Tensor, *, exact: bool = False) -> torch.Tensor:
    """Turn pictures (N, 3, H, W) in [0, 1] into latents as the sampler has them.

    Shape (N, C, h, w), or (N, C, 1, h, w) from the autoencoders of video models. `exact` leaves
    out the WebUI's autocast.
    """
    common, model = host_module("sd_samplers_common"), loaded_model()
    # The WebUI draws a latent near the most likely one by the global generator.
    with _autocast(exact=exact), _without_traces(model), restored_random_state():
        # One by one, because those of video models read several pictures as a video.
        done = [common.images_tensor_to_samples(each[None], _FULL, model) for each in pixels]
    return _join(done)


def decode(samples: torch.Tensor, *, exact: bool = False) -> torch.Tensor:
    """Turn latents as the sampler has them into pictures (N, 3, H, W), about in [0, 1].

    `exact` leaves out the WebUI's autocast.
    """
    common, model = host_module("sd_samplers_common"), loaded_model()
    with _autocast(exact=exact), _without_traces(model):
        decoded = common.samples_to_images_tensor(samples, _FULL, model)
    # Those of video models return (N, T, 3, H, W).
    pictures = decoded[:, 0] if decoded.ndim == 5 else decoded
    return (pictures.to(samples.device) + 1) / 2


def _join(latents: list[torch.Tensor]) -> torch.Tensor:
    import torch

    return torch.cat(latents)


@contextmanager
def _without_traces(model: Foreign | None) -> Generator[None, None, None]:
    """Restore where Forge Neo stores an encoded picture as a reference for the next prompt.

    flux2.py:71, qwen.py:120, flux.py:97, wan.py:171 and anima.py:62 of its diffusion engines.
    """
    holders = [model, getattr(optional_module("backend.args"), "dynamic_args", None)]
    before: list[tuple[Any, str, Any, list[Any] | None]] = [
        (holder, name, value, list(value) if isinstance(value, list) else None)
        for holder in holders
        for name in _TRACES
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
        exact: Whether it computes in float32, whatever the WebUI does.
    """

    def __init__(self, known: KnownSpace, *, exact: bool = False) -> None:
        self._known = known
        self._exact = exact
        self._model = loaded_model()
        self._hash = vae_hash(self._model)

    def in_float32(self) -> LatentCodec:
        """Return the same autoencoder, computing in float32."""
        return LatentCodec(self._known, exact=True)

    def _precision(self) -> Any:
        self._check_model()
        return _in_float32(self._model) if self._exact else nullcontext()

    def _check_model(self) -> None:
        """Check that the model is loaded still, or another one with the same autoencoder."""
        model = loaded_model()
        if model is self._model:
            return
        if model is None or vae_hash(model) != self._hash:
            raise ModelError(
                "Expected the model that the work was begun with, but the WebUI has loaded another "
                "one. What is done is kept: load the first model, and start again to continue."
            )
        self._model = model

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn pictures (N, 3, H, W) in [0, 1], both sides multiples of the factor, into latents.

        One that packs takes multiples of twice the factor only, so the picture is continued.
        """
        space, step = self._known.space, self._step()
        with self._precision():
            samples = encode(padded(pixels, step * space.factor), exact=self._exact)
        flat = samples[:, :, 0] if samples.ndim == 5 else samples
        height, width = (side // space.factor for side in pixels.shape[-2:])
        return unpacked(flat, space.channels)[..., :height, :width]

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        """Turn latents of any size into pictures."""
        known, step = self._known, self._step()
        values = padded(samples, step)
        values = packed(values, 4 * known.space.channels) if known.packed else values
        with self._precision():
            framed = values[:, :, None] if known.frames else values
            pictures = decode(framed, exact=self._exact)
        height, width = (side * known.space.factor for side in samples.shape[-2:])
        return pictures[..., :height, :width]

    def _step(self) -> int:
        """Return of how many values each side of a latent has to be a multiple."""
        return 2 if self._known.packed else 1
