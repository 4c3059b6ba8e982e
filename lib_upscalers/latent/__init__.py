"""Enlarging latents: the modes, the finishing touches, and a look at what they do."""

from __future__ import annotations

# Each of these enters its modes when it is imported; their order here is the order of the menu.
from lib_upscalers.latent import interpolation, slerp, spectral
from lib_upscalers.latent.modes import LATENT_MODES, Finishers, LatentMode, upscale_latent

__all__ = [
    "LATENT_MODES",
    "Finishers",
    "LatentMode",
    "interpolation",
    "slerp",
    "spectral",
    "upscale_latent",
]
