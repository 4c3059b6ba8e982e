"""Modes that weigh neighbouring values with a kernel, channel by channel.

Two of them are torch's own functions, because their names commonly mean torch's result: "area" (the
plain mean of the values that an output touches) and "bicubic". The hosts' bicubic is cubic
convolution with a = -3/4, which overshoots more than the a = -1/2 that Keys derived and that torch
itself takes once antialias is set; ours with a = -1/2 is "Latent (Catmull-Rom)", which is the same
spline. All others use the one resampling engine, whose kernels name their sources, and is
antialiased when it shrinks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.latent.mode_registry import latent_mode
from lib_upscalers.resampling.resample import resample

if TYPE_CHECKING:
    import torch

    from lib_upscalers.geometry import Size

# Kernels differ by less than the measurement's precision: 0.60 to 0.62.
_CLEAN_FROM = 0.6


def _kernel(
    name: str, kernel: str, explanation: str, *twins: tuple[str, bool], rare: bool = False
) -> None:
    """Register a mode of the resampling engine."""

    def enlarge(samples: torch.Tensor, size: Size) -> torch.Tensor:
        return resample(samples, size, kernel)

    enter = latent_mode(name, "kernel", explanation, clean_from=_CLEAN_FROM, twins=twins, rare=rare)
    enter(enlarge)


_kernel(
    "Latent (nearest-exact)",
    "Nearest",
    "Repeats values: crisp blocks, full contrast.",
    ("nearest-exact", False),
)


@latent_mode(
    "Latent (area)",
    "kernel",
    "The mean of the values touched: nearest at whole factors, softer between them.",
    clean_from=_CLEAN_FROM,
    twins=(("area", False),),
    rare=True,
)
def area(samples: torch.Tensor, size: Size) -> torch.Tensor:
    """Return the plain mean of the values that each output value touches, as torch's "area"."""
    from torch.nn.functional import interpolate

    return interpolate(samples, (size.height, size.width), mode="area")


_kernel(
    "Latent (bilinear)",
    "Bilinear",
    "Straight lines between values: smooth, loses contrast in detail.",
    ("bilinear", True),
    ("bilinear", False),
)


@latent_mode(
    "Latent (bicubic)",
    "kernel",
    "The hosts' bicubic, a = -3/4: sharper than Catmull-Rom, overshoots more; aliases downwards.",
    clean_from=_CLEAN_FROM,
    twins=(("bicubic", False),),
    rare=True,
)
def bicubic(samples: torch.Tensor, size: Size) -> torch.Tensor:
    """Return torch's bicubic without antialias: cubic convolution with a = -3/4.

    Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE Transactions on
    Acoustics, Speech, and Signal Processing 29, 1981, https://doi.org/10.1109/TASSP.1981.1163711.
    """
    from torch.nn.functional import interpolate

    return interpolate(samples, (size.height, size.width), mode="bicubic", align_corners=False)


_kernel(
    "Latent (Catmull-Rom)",
    "Bicubic",
    "Bicubic with Keys's a = -1/2: fairly sharp, little overshoot.",
    ("bicubic", True),
    rare=True,
)
_kernel("Latent (Mitchell)", "Mitchell", "A cubic halfway between blur and ringing.")
_kernel(
    "Latent (Hermite)",
    "Hermite",
    "A cubic of two values: no overshoot, slightly blocky.",
    rare=True,
)
_kernel("Latent (B-spline)", "B-spline", "The smoothest cubic: blurs, never overshoots.", rare=True)
_kernel(
    "Latent (Lanczos2)", "Lanczos2", "A windowed sinc of 2 lobes, close to Catmull-Rom.", rare=True
)
_kernel("Latent (Lanczos3)", "Lanczos", "A windowed sinc of 3 lobes: sharp, rings a little.")
_kernel(
    "Latent (Lanczos4)", "Lanczos4", "A windowed sinc of 4 lobes: sharper, rings more.", rare=True
)
_kernel(
    "Latent (Magic Kernel Sharp)",
    "Magic Kernel Sharp 2021",
    "A smooth kernel sharpened to a flat spectrum: even detail, hardly any ringing.",
    rare=True,
)
