"""Predict which mode will make the result for the loaded model, without running anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelError
from lib_upscalers.latent.learned import find_weights
from lib_upscalers.latent.mode_registry import LATENT_MODES
from lib_upscalers.latent.spaces import describe

if TYPE_CHECKING:
    from lib_upscalers.latent.context import LatentContext


@dataclass(frozen=True)
class Outlook:
    """Which mode will be used for the loaded model.

    Attributes:
        used: The name of the mode that will make the result, as far as can be predicted.
        models: The models with these latents, for the user; "" if they are unknown.
    """

    used: str
    models: str


def foresee(mode: str, context: LatentContext, *, tiny: bool) -> Outlook:
    """Return which mode will be used if `mode` is chosen.

    Args:
        mode: A name in `LATENT_MODES`.
        context: What the host knows of the model; files are only looked for, not read.
        tiny: Whether a tiny autoencoder is installed or can be downloaded.
    """
    space = context.space()
    models = "" if space is None else describe(space.name)
    entry = LATENT_MODES[mode]
    while entry.otherwise:
        if entry.family == "learned" and _has_network(context):
            break
        if entry.family == "round trip" and tiny:
            break
        entry = LATENT_MODES[entry.otherwise]
    return Outlook(entry.name, models)


def _has_network(context: LatentContext) -> bool:
    space = context.space()
    if space is None:
        return False
    try:
        find_weights(space, context.vae_hashes(), context.weight_folders())
    except ModelError:
        return False
    return True
