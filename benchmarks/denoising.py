"""From which denoising strength on a latent mode looks clean, by a small denoiser of our own.

    OMP_NUM_THREADS=1 python -m benchmarks.denoising SET5 DENOISER WORK --tiny ENCODER DECODER

Does what Hires. fix does, from many starts: a picture is shrunk, encoded and enlarged as a latent
by every mode, noise is added at the level of a denoising strength, and the denoiser (made by
`benchmarks.denoising_network`) takes it away again in ten deterministic steps. Beside the modes go
the latent of the original and the pixel route, the latent of the picture enlarged by Lanczos, with
the same noise and with another.

WORK keeps the results, so that a run that was stopped goes on. docs/explanation/latent.md says how
to read the table; `--sheet "set5 1" FILE` puts a picture's results side by side, to look at.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from benchmarks.denoising_judging import ORIGINAL, OTHER, PIXELS, print_table, write_sheet
from benchmarks.denoising_network import Denoiser, levels_from, load_denoiser
from benchmarks.latent import FACTOR, Coder, Here
from lib_upscalers.file_writing import writing_path
from lib_upscalers.geometry import Size
from lib_upscalers.latent import LATENT_MODES, LatentSpace, upscale_latent
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder
from lib_upscalers.resampling.resample import resample
from lib_upscalers.training.measure import held_out

if TYPE_CHECKING:
    from collections.abc import Mapping

SIDE = 160
STRENGTHS = tuple(round(0.1 * i, 1) for i in range(1, 9))
STEPS = 10
# At x2 it is "Latent (nearest-exact)".
SAME = "Latent (area)"
SHEET = (
    PIXELS,
    OTHER,
    "Latent (Lab)",
    "Latent (TAESD)",
    "Latent (nearest-exact)",
    "Latent (bilinear)",
    "Latent (Lanczos3)",
    "Latent (bislerp)",
)


@dataclass(frozen=True)
class Tools:
    """What a picture goes through."""

    denoiser: Denoiser
    context: Here


def pictures(folder: Path, each: int) -> dict[str, torch.Tensor]:
    """Return Set5's pictures and held-out drawings by name: (1, 3, SIDE, SIDE) in [0, 1]."""
    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*_x2_HR.png")):
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB"))
        top, left = ((side - SIDE) // 2 for side in pixels.shape[:2])
        found[f"set5 {path.name[0]}"] = _batch(pixels[top : top + SIDE, left : left + SIDE])
    for example in held_out(2, each=each, side=SIDE):
        found[example.name] = _batch(example.large)
    return found


def _batch(pixels: np.ndarray) -> torch.Tensor:
    values = torch.from_numpy(np.ascontiguousarray(pixels))
    return values.permute(2, 0, 1)[None].float() / 255


def starts(original: torch.Tensor, context: Here) -> dict[str, torch.Tensor]:
    """Return the latents that denoising starts from, by name."""
    half = Size(SIDE // 2, SIDE // 2)
    low = (resample(original, half, "Bicubic").clamp(0, 1) * 255).round() / 255
    samples = context.codec.encode(low)
    enlarged = resample(low, Size(SIDE, SIDE), "Lanczos").clamp(0, 1)
    pixels = context.codec.encode(enlarged)
    found = {PIXELS: pixels, OTHER: pixels, ORIGINAL: context.codec.encode(original)}
    size = Size(SIDE // FACTOR, SIDE // FACTOR)
    for mode in LATENT_MODES:
        if mode != SAME:
            found[mode] = upscale_latent(samples, size, mode, context=context)
    return found


def denoised(
    begin: Mapping[str, torch.Tensor], tools: Tools, strength: float, seed: int
) -> torch.Tensor:
    """Return what comes out of each start: uint8, (K, 3, SIDE, SIDE)."""
    first = torch.cat(list(begin.values()))
    random = torch.Generator().manual_seed(seed)
    one, other = torch.randn((2, *first.shape[1:]), generator=random)
    noise = torch.stack([other if name == OTHER else one for name in begin])
    result = tools.denoiser.sample(first, noise, levels_from(strength, STEPS))
    decode = tools.context.codec.decode
    done = torch.cat([decode(item[None]).clamp(0, 1) for item in result])
    return (done * 255).round().to(torch.uint8)


def make(folder: Path, work: Path, tools: Tools, each: int) -> list[Path]:
    """Make the files that are missing, one a picture, and return them all."""
    paths: list[Path] = []
    for seed, (name, original) in enumerate(pictures(folder, each).items()):
        path = work / f"{name}.pt"
        paths.append(path)
        if path.exists():
            continue
        begin = starts(original, tools.context)
        results = [denoised(begin, tools, strength, seed) for strength in STRENGTHS]
        state = {"names": list(begin), "strengths": list(STRENGTHS), "results": results}
        with writing_path(path, overwrite=True, make_folders=True) as scratch:
            torch.save(state, scratch)
        print(name, flush=True)
    return paths


def main() -> None:
    """Make what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("set5", type=Path)
    parser.add_argument("denoiser", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--tiny", nargs=2, metavar=("ENCODER", "DECODER"), required=True)
    parser.add_argument("--each", type=int, default=1, help="held-out drawings of each kind")
    parser.add_argument("--sheet", nargs=2, metavar=("PICTURE", "FILE"))
    arguments = parser.parse_args()
    tiny = load_tiny_autoencoder(*map(Path, arguments.tiny))
    space = LatentSpace("flux2", tiny.channels, FACTOR)
    tools = Tools(
        load_denoiser(arguments.denoiser), Here(space, Coder(tiny.encode, tiny.decode), ())
    )
    with torch.inference_mode():
        paths = make(arguments.set5, arguments.work, tools, arguments.each)
    if arguments.sheet:
        picture, sheet = arguments.sheet
        write_sheet(arguments.work / f"{picture}.pt", SHEET, Path(sheet))
    print_table(paths)


if __name__ == "__main__":
    main()
