"""Describe the request, progress and outcome of fitting a latent network, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lib_upscalers.training.latent.latent_pairs import PairPlan
from lib_upscalers.training.latent.latent_training import LatentRecipe

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from lib_upscalers.latent.network_card import Figures

Stage = Literal["pictures", "measuring", "training", "judging", "done"]


@dataclass(frozen=True)
class Preview:
    """A held-out drawing: decoded (3, H, W) in [0, 1], on the CPU.

    Attributes:
        before: Its small latent, enlarged bilinearly.
        after: The same, enlarged by the network.
        original: The drawing itself, encoded and decoded.
    """

    before: torch.Tensor
    after: torch.Tensor
    original: torch.Tensor


@dataclass(frozen=True)
class FitReport:
    """The progress of the work.

    Attributes:
        stage: The current stage.
        done: The share of the whole work that is done, 0 to 1.
        seconds_left: About how long the rest will take.
        step: Steps of the training so far.
        loss: The mean loss of the last steps; about 1 without any enlargement. None at first.
        preview: A new one from time to time; else None.
        path: The file with the weights, at the end.
        figures: What the network is worth, once it is done and could be measured. One that
            `loses` lies in a folder where no mode finds it, until `network_files.accept` moves
            it: the user is to be asked.
    """

    stage: Stage
    done: float
    seconds_left: float
    step: int = 0
    loss: float | None = None
    preview: Preview | None = None
    path: Path | None = None
    figures: Figures | None = None


@dataclass(frozen=True)
class FitSettings:
    """The settings of a training.

    Attributes:
        minutes: For all of it, work before a stop included.
        pictures: A folder of the user's pictures, sub-folders included, which replace half of the
            drawings.
        vae_hash: Of the autoencoder, for the name of the file; see `LatentContext.vae_hashes`.
        recipe: Of the training; its channels are replaced.
        plan: Of the pairs; its sizes are adapted to the autoencoder.
        parts: The number of files of pairs; None for as many as a quarter of the time allows.
        start: One of our networks for these latents, to go on from.
    """

    minutes: float = 20.0
    pictures: Path | None = None
    vae_hash: str = ""
    recipe: LatentRecipe = field(default_factory=lambda: LatentRecipe(channels=1))
    plan: PairPlan = field(default_factory=PairPlan)
    parts: int | None = None
    start: Path | None = None
