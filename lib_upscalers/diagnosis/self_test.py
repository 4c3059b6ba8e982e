"""Enlarge a small drawing, to find out whether the device computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.diagnosis.recent_problems import describe_error
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.upscaling.upscaler import Upscaler

_SIDE = 48
_NETWORK, _KERNEL = "Lab Fast 2x", "Lanczos"
# Of 255: on this drawing a network that works differs from a kernel by less than 3.
_MOST_DIFFERENCE = 12.0


def self_test(upscaler: Upscaler) -> str:
    """Return one line: that a built-in network works on the host's device, or what goes wrong."""
    try:
        picture, target = _drawing(), Target(scale=2)
        done = upscaler.run(picture, upscaler.find(_NETWORK), target)
        kernel = upscaler.run(picture, upscaler.find(_KERNEL), target)
    except Exception as error:  # noqa: BLE001 - that is what is to be found out
        return "FAILED: " + " | ".join(describe_error(error))
    off = _difference(done.picture, kernel.picture)
    fault = "" if off < _MOST_DIFFERENCE else f"WRONG, {off:.0f} of 255 from {_KERNEL}: "
    return (
        f"{fault}{_NETWORK} enlarged a drawing of {picture.size} in {done.run_seconds:.2f} s "
        f"({done.precision} on {done.device}, {done.load_seconds:.2f} s to load)"
    )


def _drawing() -> Picture:
    """Return a disc on a gradient: RGB, 8 bit."""
    import numpy as np

    from lib_upscalers.pictures.picture import Picture

    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32)
    shade = 40 + 3 * x + y
    shade[(x - 24) ** 2 + (y - 20) ** 2 < 200] = 30
    return Picture(np.stack([shade, shade * 0.8, 255 - shade], axis=2).astype(np.uint8))


def _difference(one: Picture, other: Picture) -> float:
    import numpy as np

    return float(np.abs(one.pixels.astype(np.float32) - other.pixels).mean())
