"""Compute the loss functions of the trainings."""

from __future__ import annotations

import torch
from torch.nn import functional

_WINDOW = 5
# Contrast below about two levels is noise.
_NOISE = 0.008
_BLOCK = 16
# What rounding to 8 bits hides.
_HALF_LEVEL = 0.5 / 255


def charbonnier(
    output: torch.Tensor, target: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the mean of sqrt(error ** 2 + 0.001 ** 2): L1, but smooth at 0.

    P. Charbonnier et al. 1994, https://doi.org/10.1109/ICIP.1994.413553

    Args:
        output: Pictures (N, 3, H, W).
        target: The true pictures.
        weights: How much each picture counts, (N,); all alike if None.
    """
    error = torch.sqrt((output - target) ** 2 + 1e-6)
    if weights is None:
        return error.mean()
    return (error.mean((1, 2, 3)) * weights).mean()


def _contrast(pictures: torch.Tensor) -> torch.Tensor:
    """Return the standard deviation of each 5 x 5 window of grey, every second one."""
    grey = pictures.mean(1, keepdim=True)
    mean = functional.avg_pool2d(grey, _WINDOW, 2)
    variance = functional.avg_pool2d(grey**2, _WINDOW, 2) - mean**2
    return torch.sqrt(variance.clamp_min(0) + _NOISE**2)


def contrast_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the mean difference of the contrast in small windows of pictures (N, 3, H, W).

    If the place of an edge is uncertain, `charbonnier` alone is smallest for a soft edge. This term
    is smallest for an edge as strong as the target's, and for none where the target is flat; it
    does not reward an invented pattern.
    """
    return (_contrast(output) - _contrast(target)).abs().mean()


def colour_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the mean difference of the mean colours of blocks of pictures (N, 3, H, W).

    A shift of colour over a whole picture costs `charbonnier` next to nothing beside the errors of
    its edges; here these cancel.

    Args:
        output: Pictures; blocks have 16 x 16 pixels, or fewer in a smaller picture.
        target: The true pictures.
    """
    side = min(_BLOCK, *output.shape[2:])
    return functional.avg_pool2d(output - target, side).abs().mean()


def flat_peak_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the mean of the largest errors of flat pictures (N, 3, H, W), beyond half a level.

    A corner is too small a part of a picture for a mean over its pixels to mend it. Pictures whose
    target is not one flat colour count as 0.
    """
    flat = (target == target[:, :, :1, :1]).all(-1).all(-1).all(-1)
    peaks = ((output - target).abs() - _HALF_LEVEL).clamp_min(0).amax((1, 2, 3))
    return (peaks * flat).mean()
