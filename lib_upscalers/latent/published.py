"""Read latent upscalers that others have published, recognised by the layout of their weights.

Each is written from the description of its network and the names and shapes of its weights:

* SesquiLSR, https://github.com/LoganBooker/SesquiLSR (MIT): SDXL, FLUX.1, Wan 2.1.
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
# Wan's are shifted and divided, channel by channel, by these published means and deviations.
_WAN_MEAN: Sequence[float] = (
    *(-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508),
    *(0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921),
)
_WAN_DEVIATION: Sequence[float] = (
    *(2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743),
    *(3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160),
)
# Likewise Qwen-Image 2.1's.
_QWEN_MEAN: Sequence[float] = (
    *(0.5126, 0.7721, -0.0631, 1.3506, -0.7855, -2.1025, -0.3458, 1.3722),
    *(1.8873, -1.7177, -0.6510, 0.2732, 0.7562, -0.6163, -1.0277, 3.8363),
    *(2.0210, 0.0472, 0.9320, 2.0087, 2.4954, -0.1391, -1.4249, 1.8464),
    *(-0.5236, 1.2826, 3.7046, -1.3035, 2.7286, -1.4518, -1.9036, -1.9955),
    *(-0.0342, -1.0265, -0.7636, 3.0555, 0.0746, -3.0751, -0.1076, 1.7376),
    *(-1.0914, -1.9435, -0.2784, -1.3680, 0.4809, -0.4433, 0.3764, 0.5729),
    *(-2.0595, 1.0960, -1.3260, -2.0211, -5.0179, 0.5275, 4.0162, 1.8505),
    *(0.3026, 1.9373, 1.4937, 0.2632, 0.5547, -1.7121, -0.1562, 0.0304),
)
_QWEN_DEVIATION: Sequence[float] = (
    *(3.2001, 3.2936, 3.4321, 3.0091, 3.1061, 4.0379, 4.0705, 3.7910),
    *(3.0785, 3.6500, 3.9308, 3.0904, 2.8778, 3.7675, 3.7320, 5.0756),
    *(3.2864, 4.0397, 3.1317, 4.0443, 2.9249, 3.9454, 3.0988, 4.2489),
    *(3.4896, 3.8513, 3.9323, 3.4719, 3.7498, 4.2830, 3.5694, 4.2467),
    *(3.9037, 3.2947, 5.0770, 3.5075, 3.2700, 3.4767, 2.8063, 5.1125),
    *(3.5327, 4.7833, 3.1286, 4.1819, 3.8527, 3.8312, 3.5605, 4.3875),
    *(3.9624, 4.0168, 3.5643, 4.0550, 5.5614, 4.2963, 4.4080, 3.4959),
    *(3.8747, 3.7608, 3.5735, 3.1490, 3.7662, 3.6746, 3.4563, 3.8161),
)


@dataclass(frozen=True)
class Published:
    """A published network, between latents as the sampler has them.

    Attributes:
        channels: Of its latents.
        run: Enlarges latents in the network's own scale.
        scale: The factor from a sampler's latents to that scale, a number or one a channel.
        shift: The number added afterwards.
    """

    channels: int
    run: Run
    scale: float | Sequence[float] = 1.0
    shift: float | Sequence[float] = 0.0

    def __call__(self, samples: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Enlarge latents (N, C, h, w), float32, to (N, C, H, W)."""
        scale, shift = (
            samples.new_tensor(each).view(-1, 1, 1) for each in (self.scale, self.shift)
        )
        return (self.run(samples * scale + shift, size) - shift) / scale


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
        return Published(channels, run, _QWEN_DEVIATION, _QWEN_MEAN)
    if "blocks.0.cca.1.weight" in state and space == "wan21":
        channels = state["conv_in.weight"].shape[1]
        return Published(channels, layouts.dico(state), _WAN_DEVIATION, _WAN_MEAN)
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
        return Published(channels, run, _WAN_DEVIATION, _WAN_MEAN)
    raise ModelFileError(
        "Expected a SesquiLSR network for the latents of 'sdxl', 'flux1' or 'wan21', but got one "
        f"for {space!r}, whose scaling is not known here; use another network for it."
    )
