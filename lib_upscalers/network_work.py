"""A network over a whole picture: channels, transparency, passes, exact size."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.geometry import Size
from lib_upscalers.images import bleed_free
from lib_upscalers.progress import NULL, SubRange
from lib_upscalers.resample import resample_pixels
from lib_upscalers.targets import least_passes, reduced_size
from lib_upscalers.tiling.run import run_network

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from lib_upscalers.images import Picture
    from lib_upscalers.network import Network
    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.policy import Job

    Pixels = NDArray[Any]


@dataclass
class NetworkWork:
    """One picture's way through a network; it also keeps account of what was done.

    Attributes:
        network: What enlarges it; nobody else may use it meanwhile.
        job: Where and how the network runs.
        size: The exact size of the result.
        kernel: The kernel that brings the network's result there.
        linear_light: Whether that kernel mixes light and not sRGB values.
        reduced: Whether a further pass runs on a picture that was first reduced to the least
            size that suffices.
        passes: How often the network ran over the picture.
        tiles: In how many tiles, in all.
        precision: In which precision the last one ran.
        device: Where the last one ran.
    """

    network: Network
    job: Job
    size: Size
    kernel: str
    linear_light: bool = False
    reduced: bool = False
    passes: int = field(default=0, init=False)
    tiles: int = field(default=0, init=False)
    precision: str = field(default="", init=False)
    device: str = field(default="", init=False)

    def run(self, picture: Picture, progress: Progress, *, alpha_by_network: bool) -> Picture:
        """Enlarge colour and transparency.

        Args:
            picture: What to enlarge.
            progress: Told of every tile.
            alpha_by_network: Whether transparency that varies goes through the network too, as
                grey; else through the kernel. Transparency that is the same everywhere stays
                just that.
        """
        alpha = picture.alpha
        if self.network.traits.channels == 4:
            return self._with_transparency(picture, progress)
        if alpha is None or (alpha == alpha.flat[0]).all():
            pixels = self._colour(picture.pixels, progress)
            return replace(picture, pixels=pixels, alpha=self._constant(alpha))
        share = 0.5 if alpha_by_network else 0.95
        pixels = self._colour(bleed_free(picture.pixels, alpha), SubRange(progress, 0.0, share))
        later = SubRange(progress, share, 1.0, "transparency: ")
        plane = alpha[..., None]
        larger = self._colour(plane, later) if alpha_by_network else self._exact(plane, later)
        return replace(picture, pixels=pixels, alpha=larger[..., 0])

    def _constant(self, alpha: Pixels | None) -> Pixels | None:
        if alpha is None:
            return None
        return np.full((self.size.height, self.size.width), alpha.flat[0], alpha.dtype)

    def _with_transparency(self, picture: Picture, progress: Progress) -> Picture:
        """Run a network that takes RGBA."""
        pixels, alpha = picture.pixels, picture.alpha
        opaque = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
        plane = np.full(pixels.shape[:2], opaque, pixels.dtype) if alpha is None else alpha
        colour = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
        larger = self._enlarge(np.concatenate([colour, plane[..., None]], axis=2), progress)
        colour = _grey(larger[..., :3]) if pixels.shape[2] == 1 else larger[..., :3]
        return replace(picture, pixels=colour, alpha=None if alpha is None else larger[..., 3])

    def _colour(self, pixels: Pixels, progress: Progress) -> Pixels:
        """Enlarge grey or RGB pixels with a network that takes grey or RGB."""
        has, takes = pixels.shape[2], self.network.traits.channels
        if has == takes:
            return self._enlarge(pixels, progress)
        if takes == 3:
            return _grey(self._enlarge(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), progress))
        planes = [
            self._enlarge(pixels[..., i : i + 1], SubRange(progress, i / has, (i + 1) / has))
            for i in range(has)
        ]
        return np.concatenate(planes, axis=2)

    def _enlarge(self, pixels: Pixels, progress: Progress) -> Pixels:
        """Run the network as often as needed, then resample to the exact size."""
        dtype, scale = pixels.dtype, self.network.traits.scale
        sizes = self._sizes(pixels)
        self.passes = len(sizes)
        costs = [size.area for size in sizes]
        done = 0.0
        for i, size in enumerate(sizes):
            share = costs[i] / sum(costs)
            text = f"pass {i + 1}/{len(sizes)}, " if len(sizes) > 1 else ""
            part = SubRange(progress, done, done + share, text)
            done += share
            pixels = self._exact(pixels, size=size)
            final = i == len(sizes) - 1 and size.scaled(scale) == self.size
            # 16 bits hold all that a later step can still see, in half the memory of a float.
            between = dtype if final or dtype.kind == "f" else np.dtype(np.uint16)
            enlarged = run_network(self.network, pixels, self.job, dtype=between, progress=part)
            pixels = enlarged.pixels
            self.tiles += enlarged.tiles
            self.precision, self.device = enlarged.precision, enlarged.device
        return self._exact(pixels, dtype=dtype)

    def _sizes(self, pixels: Pixels) -> list[Size]:
        """Return the size at which each pass begins."""
        scale = self.network.traits.scale
        size = Size(pixels.shape[1], pixels.shape[0])
        count = least_passes(size, self.size, scale)
        sizes: list[Size] = []
        for i in range(count):
            if self.reduced and i:
                size = reduced_size(size, self.size, scale, count - i)
            sizes.append(size)
            size = size.scaled(scale)
        return sizes

    def _exact(
        self,
        pixels: Pixels,
        progress: Progress = NULL,
        *,
        size: Size | None = None,
        dtype: np.dtype[Any] | None = None,
    ) -> Pixels:
        """Resample to `size`, or to the size of the result; nothing is done where it is there."""
        size = size or self.size
        if (size.height, size.width) == pixels.shape[:2] and dtype in (None, pixels.dtype):
            return pixels
        return resample_pixels(
            pixels,
            size,
            self.kernel,
            linear_light=self.linear_light,
            dtype=dtype,
            progress=progress,
        )


def _grey(pixels: Pixels) -> Pixels:
    """Return the mean of the channels, shape (H, W, 1), same dtype."""
    mean = pixels.mean(axis=2, keepdims=True, dtype=np.float32)
    return mean if pixels.dtype.kind == "f" else np.rint(mean).astype(pixels.dtype)
