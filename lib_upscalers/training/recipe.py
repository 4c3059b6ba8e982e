"""Define the hyperparameters of a training, which determine the weights of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from lib_upscalers.errors import InputError

Material = Literal["all", "drawings"]
Arithmetic = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Recipe:
    """All that determines the weights.

    Attributes:
        scale: Output pixels an input pixel, on each side.
        features: Channels of the inner layers.
        layers: Inner convolutions.
        seed: Of the weights, the pictures and the crops.
        pictures: How many pictures to draw.
        side: Their width and height.
        steps: Steps of the training proper.
        batch: Crops a step.
        crop: Width and height of the small crops.
        rate: The greatest learning rate; it rises for `warm_up` steps, then falls as a cosine.
        warm_up: See `rate`.
        decay: The steps that the cosine is made for; 0 stands for `steps`. With more, the
            training proper ends while its rate is still high.
        memory: The share of the averaged weights that remains at each step.
        flat: The share of crops that are one flat colour, which has to stay flat.
        settle: Steps after those, at a small learning rate and with many more flat crops, which
            remove the last errors of flat colours at the borders.
        settle_rate: The learning rate that they begin with; it falls to 0.
        settle_flat: Their share of flat crops.
        settle_shaded: The share of these that have a gentle gradient instead, so that smooth
            shades show no steps.
        settle_weight: The weight of these, relative to others.
        start: The built-in network, such as "Lab Fast 2x", or the .safetensors file to begin
            with, or several with " + " between them for their mean (`export.shipped`); none if
            empty. It may be smaller, see `warm_start.grow`.
        material: "drawings" is mostly line art, and crisp.
        damaged: The share of small versions that are damaged, see `drawing.damage`.
        autoencoder: The folder of a tiny autoencoder, files ``*encoder*`` and ``*decoder*``, whose
            round trips are part of the damage; none if empty.
        settle_peak: The weight of `losses.flat_peak_error` in settling.
        contrast: The weight of `losses.contrast_error` beside `losses.charbonnier`.
        colour: The weight of `losses.colour_error`.
        arithmetic: "bf16" computes the convolutions in bfloat16 by autocast; the weights, their
            average, the loss and the optimiser stay in fp32.
    """

    scale: int = 2
    features: int = 32
    layers: int = 8
    seed: int = 1
    pictures: int = 500
    side: int = 256
    steps: int = 7000
    batch: int = 16
    crop: int = 32
    rate: float = 1e-3
    warm_up: int = 200
    decay: int = 0
    memory: float = 0.999
    flat: float = 0.04
    settle: int = 1500
    settle_rate: float = 2e-4
    settle_flat: float = 0.5
    settle_shaded: float = 0.0
    settle_weight: float = 1.0
    settle_peak: float = 0.0
    start: str = ""
    material: Material = "all"
    damaged: float = 0.0
    autoencoder: str = ""
    contrast: float = 0.0
    colour: float = 0.0
    arithmetic: Arithmetic = "fp32"

    @property
    def total(self) -> int:
        """All steps of the training."""
        return self.steps + self.settle

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InputError: A count is below 1, the pictures cannot hold a crop, or there is no such
                material or arithmetic.
        """
        counts = ("scale", "features", "pictures", "steps", "batch", "crop")
        wrong = {name: getattr(self, name) for name in counts if getattr(self, name) < 1}
        if wrong:
            raise InputError(f"Expected at least 1 of each, but got {wrong}.")
        if self.material not in get_args(Material):
            raise InputError(
                f"Expected one of {get_args(Material)} as material, but got {self.material!r}."
            )
        if self.arithmetic not in get_args(Arithmetic):
            raise InputError(
                f"Expected one of {get_args(Arithmetic)} as arithmetic, but got "
                f"{self.arithmetic!r}."
            )
        if self.side % self.scale or self.side < self.crop * self.scale:
            raise InputError(
                f"Expected pictures with a side that is a multiple of {self.scale} and at least "
                f"{self.crop * self.scale} (crop x scale), but got {self.side}; change --side."
            )
