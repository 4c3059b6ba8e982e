"""Pad the spectrum with zeros: frequencies of the small latent stay, none is added."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from lib_upscalers.latent.dct import cosine, in_parts, inverse_cosine
from lib_upscalers.latent.mode_registry import latent_mode

if TYPE_CHECKING:
    import torch

    from lib_upscalers.geometry import Size

_FEWEST_PARTS = 8


@latent_mode(
    "Latent (Fourier)",
    "spectral",
    "Keeps every frequency as it is and adds none: full contrast, rings at hard edges.",
    clean_from=0.65,
    spreads=True,
)
def fourier(samples: torch.Tensor, size: Size) -> torch.Tensor:
    """Interpolate with the band-limited function of the values, reflected at the borders.

    This is equal to an infinitely wide sinc kernel; when shrinking, to an ideal low pass.
    """
    items, channels, height, width = samples.shape
    planes = samples.reshape(items * channels, height, width)
    wide = planes.new_empty((len(planes), height, size.width))
    in_parts(planes, wide, partial(_resize, target=size.width), _FEWEST_PARTS)
    result = planes.new_empty((len(planes), size.height, size.width))
    in_parts(wide.mT, result.mT, partial(_resize, target=size.height), _FEWEST_PARTS)
    return result.view(items, channels, size.height, size.width)


def _resize(lines: torch.Tensor, target: int) -> torch.Tensor:
    from torch.nn.functional import pad

    source = lines.shape[-1]
    # A negative padding removes frequencies.
    spectrum = pad(cosine(lines), (0, target - source))
    return inverse_cosine(spectrum.mul_(math.sqrt(target / source)))
