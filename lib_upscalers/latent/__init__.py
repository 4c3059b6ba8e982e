"""Enlarge latents: the modes, the finishers, and a preview."""

from __future__ import annotations

# Each of these registers its modes when it is imported; their order here is the order of the menu.
# isort: off
from lib_upscalers.latent import learned, round_trip, interpolation, slerp, spectral

# isort: on
from lib_upscalers.latent.context import Codec, LatentContext, LatentSpace
from lib_upscalers.latent.modes import (
    LATENT_MODES,
    Fallback,
    Finishers,
    LatentMode,
    upscale_latent,
)

__all__ = [
    "LATENT_MODES",
    "Codec",
    "Fallback",
    "Finishers",
    "LatentContext",
    "LatentMode",
    "LatentSpace",
    "interpolation",
    "learned",
    "round_trip",
    "slerp",
    "spectral",
    "upscale_latent",
]
