"""Define the measures of `benchmarks.latent`."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d

BANDS = 4


@dataclass(frozen=True)
class Scores:
    """How a decoded picture compares; the names are the table's heads.

    Attributes:
        psnr: Y-PSNR in dB against the original, border cut off; ssim: its SSIM.
        psnr_trip: Y-PSNR against the original encoded and decoded; ssim_trip: its SSIM.
        sharp: Mean gradient by that of the original.
        band_1: Energy by the original's in frequencies up to 1/8 of the limit; band_2 to 1/4;
            band_3 to 1/2; band_4 to the limit.
        latent_high: Energy of the latent by that of the original's in the frequencies that the
            small latent cannot hold.
        ms: Milliseconds that enlarging took.
    """

    psnr: float
    ssim: float
    psnr_trip: float
    ssim_trip: float
    sharp: float
    band_1: float
    band_2: float
    band_3: float
    band_4: float
    latent_high: float
    ms: float


def luma(pixels: torch.Tensor) -> torch.Tensor:
    """Return the luma of (1, 3, H, W) in [0, 1], rounded to 8 bit: (H, W), 16 to 235, BT.601."""
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64) / 255
    levels = (pixels[0].clamp(0, 1) * 255).round().double().cpu()
    return 16 + torch.einsum("chw,c->hw", levels, weights)


def psnr(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the PSNR of two luma planes in dB."""
    return 10 * math.log10(255**2 / max(float((first - second).square().mean()), 1e-10))


def ssim(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the structural similarity of two luma planes, Gaussian window of 11.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE
    Transactions on Image Processing 13, 2004, https://doi.org/10.1109/TIP.2003.819861.
    """
    line = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    window = torch.outer(line, line)[None, None] / line.sum() ** 2
    stack = torch.stack([first, second, first * first, second * second, first * second])
    x, y, xx, yy, xy = conv2d(stack[:, None], window)[:, 0]
    light, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * x * y + light) * (2 * (xy - x * y) + contrast)
    return float((top / ((x * x + y * y + light) * (xx - x * x + yy - y * y + contrast))).mean())


def gradient(plane: torch.Tensor) -> float:
    """Return the mean length of a plane's gradient."""
    return float(torch.hypot(plane[:-1].diff(dim=1), plane[:, :-1].diff(dim=0)).mean())


def spectrum(planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the power of the frequencies of (..., H, W), and how far they are, 1 the limit."""
    height, width = planes.shape[-2:]
    window = torch.outer(torch.hann_window(height), torch.hann_window(width)).double()
    centred = planes.double().cpu() - planes.double().cpu().mean((-2, -1), keepdim=True)
    power = torch.fft.rfft2(centred * window).abs().square()
    down, across = torch.fft.fftfreq(height)[:, None].abs(), torch.fft.rfftfreq(width)
    return power, torch.maximum(down, across.expand(height, -1)) * 2


def energies(plane: torch.Tensor) -> list[float]:
    """Return the energy of the four bands, the uppermost an octave and so on down."""
    power, distance = spectrum(plane)
    edges = [0.0, *(2.0 ** (i - BANDS + 1) for i in range(BANDS))]
    return [
        float(power[(distance > low) & (distance <= high)].sum())
        for low, high in itertools.pairwise(edges)
    ]


def new_energy(samples: torch.Tensor, scale: float) -> float:
    """Return a latent's energy in the frequencies that one `scale` times smaller cannot hold."""
    power, distance = spectrum(samples)
    return float(power[..., distance > 1 / scale].sum())
