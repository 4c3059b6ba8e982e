"""Measure what a latent network is worth, on drawings that its training has not seen."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from lib_upscalers.errors import Cancelled, UpscalerError
from lib_upscalers.geometry import Size
from lib_upscalers.latent.network_card import Figures
from lib_upscalers.latent.round_trip import round_trip
from lib_upscalers.resampling.resample import resample
from lib_upscalers.tiling.executor import OutOfMemory, memory_signal
from lib_upscalers.training.drawing import synthetic
from lib_upscalers.training.measure import luma, psnr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lib_upscalers.latent.context import Codec
    from lib_upscalers.training.drawing.degrade import Bytes
    from lib_upscalers.training.latent.teacher import Teacher

    Enlarge = Callable[[torch.Tensor, tuple[int, int]], torch.Tensor]

_log = logging.getLogger("lib_upscalers")
_SEED = 6_000_000_100
_KINDS = ("dead leaves", "line art", "lettering", "fabric", "dead leaves", "line art")
# Of the picture that shows it: lines tell most.
_SHOWN = 1
_BORDER = 2
_BILINEAR, _NETWORK, _TRIP = "bilinear", "network", "round_trip"
_PIXELS, _ORIGINAL = "pixels", "original"
_COMPARED = (_NETWORK, _ORIGINAL)
_LEAST = 1e-6


@dataclass(frozen=True)
class Judgement:
    """What a network is worth.

    Attributes:
        figures: In numbers.
        picture: One of the drawings side by side, uint8 (H, W, 3): bilinear, by the network, by
            the round trip if there is one, by the pixel route, encoded and decoded.
    """

    figures: Figures
    picture: Bytes


def judge(enlarge: Enlarge, teacher: Teacher, side: int) -> Judgement | None:
    """Measure a network against what could be used instead of it.

    Args:
        enlarge: The network: from latents (1, C, h, w), float32, and a size to latents.
        teacher: Its autoencoder.
        side: Width and height of the drawings, a multiple of twice the autoencoder's factor.

    Returns:
        None, with a line in the log, where the autoencoder cannot be used any more.

    Raises:
        Cancelled: The autoencoder's user stopped.
    """
    made: list[Mapping[str, Bytes]] = []
    drawings = [synthetic.draw(kind, side, _SEED + i) for i, kind in enumerate(_KINDS)]
    try:
        with memory_signal(), torch.no_grad():
            made += [_decoded(enlarge, teacher, drawing) for drawing in drawings]
    except (OutOfMemory, UpscalerError) as error:
        _log.warning("What the network is worth cannot be measured: %s", error)
        return None
    means = {
        name: float(np.mean([psnr(each[name], drawing, _BORDER) for each, drawing in pairs]))
        for name in made[0]
        if all(name in each for each in made)
        for pairs in [list(zip(made, drawings, strict=True))]
    }
    cell = side // _cells(teacher, side)
    rough, smooth = (
        float(np.mean([_seams(each[name], cell) for each in made])) for name in _COMPARED
    )
    figures = Figures(
        means[_NETWORK],
        means[_BILINEAR],
        means[_PIXELS],
        means[_ORIGINAL],
        means.get(_TRIP),
        rough / max(smooth, _LEAST),
        len(drawings),
    )
    return Judgement(figures, np.concatenate(list(made[_SHOWN].values()), axis=1))


def _cells(teacher: Teacher, side: int) -> int:
    return teacher.encode(torch.zeros(1, 3, side, side, device=teacher.device)).shape[-1]


def _decoded(enlarge: Enlarge, teacher: Teacher, drawing: Bytes) -> dict[str, Bytes]:
    """Return what each way makes of a drawing that was halved, by its name."""
    values = torch.from_numpy(np.ascontiguousarray(drawing)).permute(2, 0, 1)[None]
    pixels = values.to(teacher.device).float() / 255
    low = functional.avg_pool2d(pixels, 2)
    whole = Size(pixels.shape[-1], pixels.shape[-2])
    small, large = teacher.encode(low), teacher.encode(pixels)
    size = (large.shape[-2], large.shape[-1])
    latents = {
        _BILINEAR: functional.interpolate(small, size, mode="bilinear"),
        _NETWORK: enlarge(small, size),
    }
    trip = None if teacher.tiny is None else _round_trip(teacher.tiny, small, size)
    if trip is not None:
        latents[_TRIP] = trip
    latents[_PIXELS] = teacher.encode(resample(low, whole, "Lanczos").clamp(0, 1))
    latents[_ORIGINAL] = large
    return {name: _bytes(teacher.decode(latent)) for name, latent in latents.items()}


def _round_trip(tiny: Codec, small: torch.Tensor, size: tuple[int, int]) -> torch.Tensor | None:
    """Return what the mode would make; None where it cannot be used, whatever is wrong with it."""
    try:
        return round_trip(tiny.encode, tiny.decode, small, Size(size[1], size[0]))
    except Cancelled:
        raise
    except Exception:  # noqa: BLE001 - a host's autoencoder can raise anything
        _log.warning("The round trip cannot be measured.", exc_info=True)
        return None


def _bytes(pictures: torch.Tensor) -> Bytes:
    levels = (pictures[0].clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).cpu().numpy()


def _seams(picture: Bytes, cell: int) -> float:
    """Return how much luma changes at the borders of cells, by how much it does between them."""
    plane = luma(picture)
    sums = [_changes(each, cell) for each in (plane, plane.T)]
    at, between = (float(np.mean(values)) for values in zip(*sums, strict=True))
    return at / max(between, _LEAST)


def _changes(plane: NDArray[np.float64], cell: int) -> tuple[float, float]:
    steps = np.abs(np.diff(plane, axis=1)).mean(axis=0)
    borders = np.arange(1, len(steps) + 1) % cell == 0
    return float(steps[borders].mean()), float(steps[~borders].mean())
