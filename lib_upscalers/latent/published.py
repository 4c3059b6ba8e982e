"""Read latent upscalers that others have published, recognised by the layout of their weights.

Each is written from the description of its network and the names and shapes of its weights:

* SesquiLSR, https://github.com/LoganBooker/SesquiLSR (MIT): SDXL, FLUX.1 and 2, Wan 2.1.
* NNLatentUpscale, https://github.com/Ttl/ComfyUi_NNLatentUpscale (GPL-3.0): SD1, SDXL.
* SD-Latent-Upscaler, https://github.com/city96/SD-Latent-Upscaler (Apache-2.0): SD1, SDXL.
* VAE-Utils, https://github.com/spacepxl/ComfyUI-VAE-Utils (MIT): Wan 2.1.
* QwenImage21-LatentUpscale, https://github.com/kinfolk0117/ComfyUI-QwenImage21-LatentUpscale (MIT).
* Flow Upscaler, https://github.com/tensorforger/comfyui-flow-upscaler (weights: Unlicense): FLUX.2.

A layout does not show which model's latents it is for; the usual file name does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError
from lib_upscalers.latent import latent_statistics as statistics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from lib_upscalers.latent.published_layouts import Run, Weights

# From the beginning of a published file's name to the latent space.
_NAMES: Mapping[str, str] = {
    "upscaler_sdxl": "sdxl",
    "upscaler_flux2": "flux2",
    "upscaler_flux": "flux1",
    "upscaler_wan21": "wan21",
    "wan21_latent_upscale": "wan21",
    "qwen21-latent": "qwen-image-21",
    "flow_upscaler": "flux2",
    "sdxl_resizer": "sdxl",
    "sd15_resizer": "sd1",
}
_INVENTIVE = ("flow_upscaler",)
_FIXED = re.compile(r"latent-upscaler-v[\d.]+_sd(v1|xl)-x(\d(?:\.\d+)?)", re.IGNORECASE)
# The factors by which autoencoders' latents are multiplied for a sampler.
_SD1_SCALE, _SDXL_SCALE = 0.18215, 0.13025


@dataclass(frozen=True)
class Published:
    """A published network, between latents as the sampler has them.

    Attributes:
        channels: Of its latents.
        run: Enlarges latents in the network's own scale.
        scale: The factor from a sampler's latents to that scale: a number, one a channel, or one a
            packed channel.
        shift: The number added afterwards.
    """

    channels: int
    run: Run
    scale: float | Sequence[float] = 1.0
    shift: float | Sequence[float] = 0.0

    def __call__(self, samples: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Enlarge latents (N, C, h, w), float32, to (N, C, H, W)."""
        small = samples * self._spread(self.scale, samples) + self._spread(self.shift, samples)
        large = self.run(small, size)
        return (large - self._spread(self.shift, large)) / self._spread(self.scale, large)

    def _spread(self, values: float | Sequence[float], samples: torch.Tensor) -> torch.Tensor:
        """Return values as they are for each place of latents."""
        spread = samples.new_tensor(values).view(-1, 1, 1)
        if len(spread) != 4 * self.channels:
            return spread
        height, width = samples.shape[-2:]
        four = spread.view(self.channels, 2, 2)
        return four.repeat(1, -(-height // 2), -(-width // 2))[:, :height, :width]


def space_of_published(stem: str) -> str | None:
    """Return the latent space that a published file is for, by its name; None for other names."""
    fixed = _FIXED.match(stem)
    if fixed:
        return {"v1": "sd1", "xl": "sdxl"}[fixed[1].lower()]
    return next((space for name, space in _NAMES.items() if stem.lower().startswith(name)), None)


def is_inventive(stem: str) -> bool:
    """Return whether a file of that name adds texture which the latent does not hold."""
    return stem.lower().startswith(_INVENTIVE)


def find_published(stem: str, state: Weights, space: str) -> Published | None:
    """Make the network of a state dict; None if its layout is unknown.

    Raises:
        ModelFileError: The latents that it is made for are unknown, or not supported.
        KeyError: A part is missing; also RuntimeError, IndexError and ValueError.
    """
    from lib_upscalers.latent import flow_layout
    from lib_upscalers.latent import published_layouts as layouts

    if "net.upsample.filters" in state and space == "qwen-image-21":
        channels = state["net.skip_conv.weight"].shape[0]
        run = layouts.sesqui_doubling(state)
        return Published(channels, run, statistics.QWEN_DEVIATION, statistics.QWEN_MEAN)
    if "blocks.0.cca.1.weight" in state and space == "wan21":
        channels = state["conv_in.weight"].shape[1]
        return Published(
            channels, layouts.dico(state), statistics.WAN_DEVIATION, statistics.WAN_MEAN
        )
    if "film_cond_1.cond_proj.1.weight" in state and space == "flux2":
        return Published(state["in_conv.weight"].shape[1], flow_layout.flow(state))
    if "upsample.ps_expand.weight" in state:
        return _sesqui(layouts.sesqui(state), state, space)
    if "embed.0.weight" in state and "conv_in.weight" in state:
        # Its author trained both networks with SDXL's factor.
        scale = _SDXL_SCALE / _SD1_SCALE if space == "sd1" else 1.0
        return Published(state["conv_in.weight"].shape[1], layouts.resizer(state), scale)
    if "sequential.0.weight" in state:
        fixed = _FIXED.match(stem)
        if not fixed:
            raise ModelFileError(
                "Expected a file named like 'latent-upscaler-v2.1_SDxl-x2.0', which tells the "
                f"factor of an SD-Latent-Upscaler, but got {stem!r}; give it its own name back."
            )
        scale = 1 / (_SD1_SCALE if space == "sd1" else _SDXL_SCALE)
        channels = state["sequential.0.weight"].shape[1]
        return Published(channels, layouts.sequential(state, float(fixed[2])), scale)
    return None


def _sesqui(run: Run, state: Weights, space: str) -> Published:
    channels = state["skip_conv.weight"].shape[0]
    if space in ("sdxl", "flux1"):
        return Published(channels, run)
    if space == "wan21":
        return Published(channels, run, statistics.WAN_DEVIATION, statistics.WAN_MEAN)
    if space == "flux2":
        return Published(channels, run, statistics.FLUX2_DEVIATION, statistics.FLUX2_MEAN)
    raise ModelFileError(
        "Expected a SesquiLSR network for the latents of 'sdxl', 'flux1', 'flux2' or 'wan21', but "
        f"got one for {space!r}, whose scaling is not known here; use another network for it."
    )
