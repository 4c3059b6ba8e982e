"""Define the resampling kernels, each with its source; their names are the menu.

A kernel is a symmetric function of the distance from the output pixel's centre, in input pixels.
Weights are normalised later, so a constant factor does not matter.

`bc_spline` is the family of Mitchell & Netravali, "Reconstruction Filters in Computer Graphics",
SIGGRAPH 1988, https://doi.org/10.1145/54852.378514.

The names are needed where numpy is not, so it is imported by those that calculate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt

    Distances: TypeAlias = npt.NDArray[np.float64]
    Weigh: TypeAlias = Callable[[Distances], Distances]


@dataclass(frozen=True)
class Kernel:
    """A function that weighs input pixels.

    Attributes:
        support: The weight is 0 from this distance on, in input pixels; it grows with the
            scale when a picture shrinks.
        weigh: From distances (float64, any shape, either sign) to weights of the same shape.
        picks: Whether the nearest pixel is copied, and nothing is weighed.
    """

    support: float
    weigh: Weigh
    picks: bool = False


KERNELS: Registry[Kernel] = Registry("a resampling kernel")


def box(distance: Distances) -> Distances:
    """Return equal weights: the mean when shrinking, the nearest pixel when enlarging."""
    import numpy as np

    # Of two pixels at exactly half a pixel's distance Pillow counts one; so does this, to agree.
    return np.where((distance > -0.5) & (distance <= 0.5), 1.0, 0.0)


KERNELS.add("Nearest", Kernel(0.5, box, picks=True))
KERNELS.add("Box", Kernel(0.5, box))


def kernel(name: str, support: float) -> Callable[[Weigh], Weigh]:
    """Register the decorated function in `KERNELS`."""

    def enter(weigh: Weigh) -> Weigh:
        KERNELS.add(name, Kernel(support, weigh))
        return weigh

    return enter


def bc_spline(distance: Distances, b: float, c: float) -> Distances:
    """Return the piecewise cubic of Mitchell & Netravali with their parameters B and C."""
    import numpy as np

    x = np.abs(distance)
    near = ((12 - 9 * b - 6 * c) * x + (-18 + 12 * b + 6 * c)) * x * x + (6 - 2 * b)
    far = (((-b - 6 * c) * x + (6 * b + 30 * c)) * x + (-12 * b - 48 * c)) * x + (8 * b + 24 * c)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0)) / 6


def windowed_sinc(distance: Distances, lobes: int) -> Distances:
    """Return the sinc function, windowed by the central lobe of a wider one.

    Duchon, "Lanczos Filtering in One and Two Dimensions", Journal of Applied Meteorology 18,
    1979, https://doi.org/10.1175/1520-0450(1979)018%3C1016:LFIOAT%3E2.0.CO;2.
    """
    import numpy as np

    inside = np.abs(distance) < lobes
    return np.where(inside, np.sinc(distance) * np.sinc(distance / lobes), 0.0)


@kernel("Bilinear", 1)
def bilinear(distance: Distances) -> Distances:
    """Return the triangle, which is linear interpolation when enlarging."""
    import numpy as np

    return np.maximum(1 - np.abs(distance), 0.0)


@kernel("Hermite", 1)
def hermite(distance: Distances) -> Distances:
    """Return the cubic that passes every pixel with slope 0: B = C = 0."""
    return bc_spline(distance, 0, 0)


@kernel("Bicubic", 2)
def bicubic(distance: Distances) -> Distances:
    """Return the Catmull-Rom spline: B = 0, C = 1/2, or a = -1/2 in Keys's terms.

    Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE Transactions on
    Acoustics, Speech, and Signal Processing 29, 1981, https://doi.org/10.1109/TASSP.1981.1163711.
    """
    return bc_spline(distance, 0, 1 / 2)


@kernel("Mitchell", 2)
def mitchell(distance: Distances) -> Distances:
    """Return Mitchell & Netravali's own choice, between blur and ringing: B = C = 1/3."""
    return bc_spline(distance, 1 / 3, 1 / 3)


@kernel("B-spline", 2)
def b_spline(distance: Distances) -> Distances:
    """Return the cubic B-spline: smooth, never negative, and it blurs: B = 1, C = 0."""
    return bc_spline(distance, 1, 0)


@kernel("Lanczos2", 2)
def lanczos2(distance: Distances) -> Distances:
    """Return the windowed sinc of two lobes."""
    return windowed_sinc(distance, 2)


@kernel("Lanczos", 3)
def lanczos3(distance: Distances) -> Distances:
    """Return the windowed sinc of three lobes, which is commonly called Lanczos."""
    return windowed_sinc(distance, 3)


@kernel("Lanczos4", 4)
def lanczos4(distance: Distances) -> Distances:
    """Return the windowed sinc of four lobes."""
    return windowed_sinc(distance, 4)


@kernel("Spline36", 3)
def spline36(distance: Distances) -> Distances:
    """Return the weights of a natural cubic spline through the six nearest pixels.

    Dersch, "Testing Interpolator Quality", 1999, of Panorama Tools,
    https://wiki.panotools.org/Interpolation.
    """
    import numpy as np

    x = np.abs(distance)
    first = ((13 / 11 * x - 453 / 209) * x - 3 / 209) * x + 1
    y = x - 1
    second = ((-6 / 11 * y + 270 / 209) * y - 156 / 209) * y
    z = x - 2
    third = ((1 / 11 * z - 45 / 209) * z + 26 / 209) * z
    return np.where(x < 1, first, np.where(x < 2, second, np.where(x < 3, third, 0.0)))


@kernel("Magic Kernel Sharp 2021", 4.5)
def magic_kernel_sharp_2021(distance: Distances) -> Distances:
    """Return the quadratic B-spline, sharpened so that its spectrum is flat to high order.

    Costella, "The Magic Kernel", 2021, https://johncostella.com/magic/.
    """
    import numpy as np

    x = np.abs(distance)
    pieces = (
        577 / 576 - 239 / 144 * x * x,
        (140 * x * x - 379 * x + 239) / 144,
        -(24 * x * x - 113 * x + 130) / 144,
        (4 * x * x - 27 * x + 45) / 144,
        -(4 * x * x - 36 * x + 81) / 1152,
    )
    ends = (0.5, 1.5, 2.5, 3.5, 4.5)
    return np.select([x <= end for end in ends], pieces, 0.0)
