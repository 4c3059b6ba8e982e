"""Measure Y-PSNR of a network, as papers report it, next to Pillow's Lanczos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from lib_upscalers.errors import InputError
from lib_upscalers.training.drawing import degrade, synthetic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lib_upscalers.training.drawing.damage import RoundTrip
    from lib_upscalers.training.drawing.degrade import Bytes
    from lib_upscalers.training.recipe import Material

    Enlarge = Callable[[Bytes], Bytes]

# Far from the seeds of training pictures, so that no training has seen these.
_HELD_OUT_SEED = 5_000_000_000
_DRAWINGS = ("line art", "lettering", "painting")
# The kinds that networks for all pictures are measured on; it stays the same when kinds are added.
_ALL = ("dead leaves", "fabric", "line art", "lettering")


@dataclass(frozen=True)
class Example:
    """A picture and its small version: uint8, (s * h, s * w, 3) and (h, w, 3)."""

    name: str
    large: Bytes
    small: Bytes


def luma(pixels: Bytes) -> NDArray[np.float64]:
    """Return the luma of RGB pixels, (H, W), from 16 to 235: ITU-R BT.601."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return 16 + pixels.astype(np.float64) @ weights


def psnr(first: Bytes, second: Bytes, border: int) -> float:
    """Return the Y-PSNR of two uint8 pictures (H, W, 3) in dB; `border` pixels are cut off."""
    inner = slice(border, -border or None)
    error = (luma(first) - luma(second))[inner, inner]
    return float(10 * np.log10(255**2 / max(float(np.mean(error**2)), 1e-10)))


def lanczos(small: Bytes, scale: int) -> Bytes:
    """Enlarge as Pillow's Lanczos does, the baseline of every network."""
    size = (small.shape[1] * scale, small.shape[0] * scale)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.LANCZOS))


def through(network: Callable[[torch.Tensor], torch.Tensor]) -> Enlarge:
    """Wrap a network, (1, 3, H, W) in [0, 1] to (1, 3, sH, sW), as a function of uint8 pictures."""

    def enlarge(small: Bytes) -> Bytes:
        values = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            result = network(values)[0].float().clamp(0, 1)
        return (result * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()

    return enlarge


def held_out(
    scale: int,
    material: Material = "all",
    *,
    harm: RoundTrip | None = None,
    each: int = 6,
    side: int = 192,
) -> list[Example]:
    """Draw pictures that no training has seen, shrunk bicubically.

    Args:
        scale: By how much they are shrunk.
        material: "all" is `each` of four kinds, "drawings" crisp line art, lettering and
            paintings alone.
        harm: Damages the small versions, such as a kind in `drawing.damage.DAMAGES`.
        each: How many of a kind.
        side: Width and height.
    """
    examples: list[Example] = []
    drawings = material == "drawings"
    for kind in _DRAWINGS if drawings else _ALL:
        for i in range(each):
            large = _drawing(kind, side, i, crisp=drawings)
            small = degrade.shrink(large, scale)
            if harm is not None:
                small = harm(np.random.default_rng(_HELD_OUT_SEED + i), small)
            examples.append(Example(f"{kind} {i}", large, small))
    return examples


@lru_cache(maxsize=64)
def _drawing(kind: str, side: int, number: int, *, crisp: bool) -> Bytes:
    """Return a picture that no training has seen; it is drawn once for all scales and damages."""
    return synthetic.draw(kind, side, _HELD_OUT_SEED + number, crisp=crisp)


def benchmark(folder: Path, scale: int) -> list[Example]:
    """Read the pictures of a benchmark: ``N_x2_LR.png`` beside ``N_x2_HR.png`` and so on.

    Raises:
        InputError: There are none.
    """
    examples: list[Example] = []
    for path in sorted(folder.glob(f"*_x{scale}_LR.png")):
        beside = path.with_name(path.name.replace("_LR", "_HR"))
        with Image.open(path) as small, Image.open(beside) as large:
            pair = [np.asarray(image.convert("RGB")) for image in (large, small)]
        examples.append(Example(path.name.split("_")[0], *pair))
    if not examples:
        raise InputError(
            f"Expected pictures named like '1_x{scale}_LR.png' in {folder}, but found none; "
            "give the folder that holds the benchmark."
        )
    return examples


def scores(enlarge: Enlarge, examples: Sequence[Example], scale: int) -> list[float]:
    """Return the Y-PSNR in dB of every example, `scale` pixels of border cut off."""
    return [psnr(enlarge(each.small), each.large, scale) for each in examples]


def gains(enlarge: Enlarge, examples: Sequence[Example], scale: int) -> list[float]:
    """Return by how many dB of Y-PSNR every example is better than Pillow's Lanczos."""
    plain = scores(lambda small: lanczos(small, scale), examples, scale)
    ours = scores(enlarge, examples, scale)
    return [mine - theirs for mine, theirs in zip(ours, plain, strict=True)]
