"""Predict which mode will make the result for the loaded model, without running anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelError
from lib_upscalers.latent.learned import find_weights
from lib_upscalers.latent.mode_registry import LATENT_MODES
from lib_upscalers.latent.published import is_inventive, space_of_published
from lib_upscalers.latent.spaces import describe

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.latent.context import LatentContext


@dataclass(frozen=True)
class Outlook:
    """Which mode will be used for the loaded model.

    Attributes:
        used: The name of the mode that will make the result, as far as can be predicted.
        models: The models with these latents, for the user; "" if they are unknown.
        by_others: The name of the file, where the network is one that others have published.
        inventive: Whether that network adds texture which the latent does not hold.
    """

    used: str
    models: str
    by_others: str = ""
    inventive: bool = False


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
        if entry.family == "learned" and (path := _network(context)) is not None:
            stranger = space_of_published(path.stem) is not None
            name = path.name if stranger else ""
            return Outlook(entry.name, models, name, inventive=is_inventive(path.stem))
        if entry.family == "round trip" and tiny:
            break
        entry = LATENT_MODES[entry.otherwise]
    return Outlook(entry.name, models)


def _network(context: LatentContext) -> Path | None:
    space = context.space()
    if space is None:
        return None
    try:
        return find_weights(space, context.vae_hashes(), context.weight_folders())
    except ModelError:
        return None
