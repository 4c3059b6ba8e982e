"""Run a network over a total picture: channels, transparency, passes, exact size."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.geometry import Size, row_strips
from lib_upscalers.pictures.bleed import fill_hidden
from lib_upscalers.progress import SubRange
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.targets import pass_sizes
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.upscaling.edge_limits import limit_edges, limit_transparency

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from lib_upscalers.network import Network
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.loop import Enlarged
    from lib_upscalers.tiling.policy import Job

    Pixels = NDArray[Any]

# The rest of the progress is for the resampling to the exact size.
_SHARE_OF_PASSES = 0.95


@dataclass(frozen=True)
class Enlargement:
    """A picture enlarged by a network, and how it was computed.

    Attributes:
        picture: Of the exact size.
        passes: How often the network ran over the picture.
        tiles: In how many tiles, in all.
        precision: In which precision the last one ran.
        device: Where the last one ran.
        tiling: The decisions about tiles, in words, each once.
    """

    picture: Picture
    passes: int
    tiles: int
    precision: str
    device: str
    tiling: str


@dataclass
class _Account:
    """What one run has done so far."""

    passes: int = 0
    tiles: int = 0
    precision: str = ""
    device: str = ""
    notes: list[str] = field(default_factory=list[str])

    def add(self, enlarged: Enlarged) -> None:
        self.tiles += enlarged.tiles
        self.precision, self.device = enlarged.precision, enlarged.device
        self.notes.append(enlarged.note.text)

    def close(self, picture: Picture) -> Enlargement:
        tiling = "; ".join(dict.fromkeys(self.notes))
        return Enlargement(picture, self.passes, self.tiles, self.precision, self.device, tiling)


@dataclass(frozen=True)
class NetworkWork:
    """How a picture runs through a network.

    Attributes:
        network: What enlarges it; nobody else may use it meanwhile.
        job: Where and how the network runs.
        size: The exact size of the result.
        kernel: The kernel that brings the network's result there.
        linear_light: Whether that kernel mixes light and not sRGB values.
        reduced: Whether a further pass runs on a picture that was first reduced to the least
            size that suffices.
    """

    network: Network
    job: Job
    size: Size
    kernel: str
    linear_light: bool = False
    reduced: bool = False

    def run(self, picture: Picture, progress: Progress, *, alpha_by_network: bool) -> Enlargement:
        """Enlarge colour and transparency.

        Args:
            picture: What to enlarge.
            progress: Updated after every tile; can cancel within one.
            alpha_by_network: Whether the network also enlarges transparency that varies, as grey;
                else the kernel does. A network that takes RGBA always gets it. Constant
                transparency stays constant.
        """
        steps = _Steps(self, _Account())
        return steps.account.close(steps.run(picture, progress, alpha_by_network=alpha_by_network))


@dataclass(frozen=True)
class _Steps:
    """The steps of one run, with its account."""

    work: NetworkWork
    account: _Account

    def run(self, picture: Picture, progress: Progress, *, alpha_by_network: bool) -> Picture:
        alpha = picture.alpha
        varies = alpha is not None and bool((alpha != alpha.flat[0]).any())
        pixels = fill_hidden(picture.pixels, alpha) if alpha is not None else picture.pixels
        if self.work.network.traits.channels == 4:
            colour, plane = self._run_rgba(pixels, alpha, progress)
            if alpha is not None and varies:
                return _join_alpha(picture, colour, _limit_alpha(plane, alpha))
            return replace(picture, pixels=colour, alpha=self._constant_alpha(alpha))
        if alpha is None or not varies:
            colour = self.colour(pixels, progress)
            return replace(picture, pixels=colour, alpha=self._constant_alpha(alpha))
        share = 0.5 if alpha_by_network else 0.95
        colour = self.colour(pixels, SubRange(progress, 0.0, share))
        later = SubRange(progress, share, 1.0, "transparency: ")
        # Transparency is linear already.
        linear = replace(self, work=replace(self.work, linear_light=False))
        plane = alpha[..., None]
        if not alpha_by_network:
            return _join_alpha(picture, colour, linear.exact(plane, later)[..., 0])
        plane = linear.colour(plane, later)[..., 0]
        return _join_alpha(picture, colour, _limit_alpha(plane, alpha))

    def _constant_alpha(self, alpha: Pixels | None) -> Pixels | None:
        if alpha is None:
            return None
        return np.full((self.work.size.height, self.work.size.width), alpha.flat[0], alpha.dtype)

    def _run_rgba(
        self, pixels: Pixels, alpha: Pixels | None, progress: Progress
    ) -> tuple[Pixels, Pixels]:
        """Run a network that takes RGBA."""
        opaque = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
        plane = np.full(pixels.shape[:2], opaque, pixels.dtype) if alpha is None else alpha
        colour = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
        larger = self._enlarge(np.concatenate([colour, plane[..., None]], axis=2), progress)
        colour = _grey(larger[..., :3]) if pixels.shape[2] == 1 else larger[..., :3]
        return colour, larger[..., 3]

    def colour(self, pixels: Pixels, progress: Progress) -> Pixels:
        """Enlarge grey or RGB pixels with a network that takes and gives grey or RGB.

        The result has as many channels as the pixels, whatever the network gives.
        """
        has, traits = pixels.shape[2], self.work.network.traits
        if has == 1 or traits.channels == 3 or traits.result_channels == 3:
            return _with_channels(self._enlarge(pixels, progress), has)
        planes = [
            self._enlarge(pixels[..., i : i + 1], SubRange(progress, i / has, (i + 1) / has))
            for i in range(has)
        ]
        return np.concatenate(planes, axis=2)

    def _enlarge(self, pixels: Pixels, progress: Progress) -> Pixels:
        """Run the network as often as needed, then resample to the exact size."""
        dtype, scale = pixels.dtype, self.work.network.traits.scale
        size = Size(pixels.shape[1], pixels.shape[0])
        sizes = pass_sizes(size, self.work.size, scale, reduced=self.work.reduced)
        self.account.passes = len(sizes)
        fits = sizes[-1].scaled(scale) == self.work.size
        total = sum(size.area for size in sizes) / (1.0 if fits else _SHARE_OF_PASSES)
        done = 0.0
        for i, size in enumerate(sizes):
            share = size.area / total
            text = f"pass {i + 1}/{len(sizes)}, " if len(sizes) > 1 else ""
            pixels = self.exact(pixels, SubRange(progress, done, done), size=size)
            # 16 bits are enough for a later step, in half the memory of a float.
            last = fits and i == len(sizes) - 1
            between = dtype if last or dtype.kind == "f" else np.dtype(np.uint16)
            part = SubRange(progress, done, done + share, text)
            pixels = self._pass(pixels, between, part, deep=dtype.itemsize > 1)
            done += share
        return self.exact(pixels, SubRange(progress, done, 1.0), dtype=dtype)

    def _pass(
        self, pixels: Pixels, dtype: np.dtype[Any], progress: Progress, *, deep: bool
    ) -> Pixels:
        network, job = self.work.network, self.work.job
        pixels = _with_channels(pixels, network.traits.channels)
        enlarged = run_network(network, pixels, job, dtype=dtype, deep=deep, progress=progress)
        self.account.add(enlarged)
        return enlarged.pixels

    def exact(
        self,
        pixels: Pixels,
        progress: Progress,
        *,
        size: Size | None = None,
        dtype: np.dtype[Any] | None = None,
    ) -> Pixels:
        """Resample to `size`, or to the result's size; return pixels of that size unchanged."""
        size = size or self.work.size
        if (size.height, size.width) == pixels.shape[:2] and dtype in (None, pixels.dtype):
            return pixels
        return resample_pixels(
            pixels,
            size,
            self.work.kernel,
            linear_light=self.work.linear_light,
            dtype=dtype,
            progress=progress,
        )


def _join_alpha(picture: Picture, pixels: Pixels, alpha: Pixels) -> Picture:
    """Return the enlarged colours and transparency of a picture as one."""
    small = picture.size
    if picture.alpha is not None and pixels.shape[0] >= small.height:
        pixels = limit_edges(pixels, alpha, picture.pixels, picture.alpha)
    return replace(picture, pixels=pixels, alpha=alpha)


def _limit_alpha(plane: Pixels, alpha: Pixels) -> Pixels:
    """Return the transparency that a network made, where it is no smaller than the source's."""
    smaller = plane.shape[0] < alpha.shape[0] or plane.shape[1] < alpha.shape[1]
    return plane if smaller else limit_transparency(plane, alpha)


def _with_channels(pixels: Pixels, channels: int) -> Pixels:
    """Return pixels with that many channels: grey repeated, or the mean of the colours."""
    if pixels.shape[2] == channels:
        return pixels
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)) if channels == 3 else _grey(pixels)


def _grey(pixels: Pixels) -> Pixels:
    """Return the mean of the channels, shape (H, W, 1), same dtype; in strips, to save memory."""
    result = np.empty((*pixels.shape[:2], 1), pixels.dtype)
    for rows in row_strips(len(pixels), 4 * pixels[0].size):
        mean = pixels[rows].mean(axis=2, keepdims=True, dtype=np.float32)
        result[rows] = mean if pixels.dtype.kind == "f" else np.rint(mean)
    return result
