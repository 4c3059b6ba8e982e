"""Blend a tile with its neighbours, for networks whose tiles never agree.

A network that averages over all that it sees (channel attention, global attention) gives each tile
a slightly different look, however wide its halo. There a hard cut is visible, and a ramp hides it:
the tile overlaps the neighbours on its left and above it, which are written already, by `band`
pixels, and fades in over them. Each pixel is a convex mix of two results, so nothing gets brighter
or darker, and constant stays constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.geometry import Region

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from lib_upscalers.tiling.plan import Tile


def written_region(tile: Tile, band: int) -> Region:
    """Return what a tile writes: its core, and the band over the neighbours before it.

    Args:
        tile: The tile; its source bounds the band.
        band: Pixels by which it reaches over its left and upper neighbour.
    """
    core, source = tile.core, tile.source
    left = max(core.x - band, source.x, 0)
    top = max(core.y - band, source.y, 0)
    return Region.between(left, top, core.right, core.bottom)


def ramp(length: int) -> NDArray[np.float32]:
    """Return `length` weights that rise from near 0 to near 1 along a half cosine.

    The ramp is symmetric: read backwards it is 1 minus itself.
    """
    position = (np.arange(length, dtype=np.float32) + 0.5) / max(length, 1)
    return (0.5 - 0.5 * np.cos(np.pi * position)).astype(np.float32)


def lay_over(old: NDArray[Any], new: NDArray[Any], left: int, top: int) -> NDArray[Any]:
    """Fade a tile in over what lies there.

    Args:
        old: What is there, shape (H, W, C), integer or float.
        new: The tile, same shape and dtype.
        left: Over how many columns it fades in from the left.
        top: Over how many rows it fades in from the top.

    Returns:
        The mix, same shape and dtype, rounded to nearest where the dtype is an integer.
    """
    if not left and not top:
        return new
    weight = np.ones(new.shape[:2], dtype=np.float32)
    weight[:, :left] *= ramp(left)[None, :]
    weight[:top, :] *= ramp(top)[:, None]
    before = old.astype(np.float32)
    mixed = before + (new.astype(np.float32) - before) * weight[:, :, None]
    return np.rint(mixed).astype(new.dtype) if new.dtype.kind == "u" else mixed.astype(new.dtype)
