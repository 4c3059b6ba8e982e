"""Measure the results of every latent mode and finisher, decoded by an autoencoder.

    python -m benchmarks.latent FOLDER --tiny ENCODER DECODER
    python -m benchmarks.latent FOLDER --loader my_vae.py:load --scales 2 --plot latent.svg

Each picture is cropped so that its latents have whole sizes, shrunk bicubically, encoded, enlarged
as a latent, and decoded: that is what a denoising strength of 0 would give. `--tiny` takes the two
weight files of a tiny autoencoder (TAESD family); `--loader` a function of yours that takes the
device and returns (encode, decode), from pictures (1, 3, H, W) in [0, 1] to latents and back.
`--space` names the latent space, for the learned mode, which finds its networks in `--networks`
and among those that come with the library.
"""

from __future__ import annotations

import argparse
import math
import runpy
import statistics
import time
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from benchmarks.latent_measures import Scores, energies, gradient, luma, new_energy, psnr, ssim
from lib_upscalers.geometry import Size
from lib_upscalers.latent import LATENT_MODES, Codec, Finishers, LatentSpace, upscale_latent
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder
from lib_upscalers.resampling.resample import resample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Code = Callable[[torch.Tensor], torch.Tensor]
    Enlarge = Callable[[torch.Tensor, Size], torch.Tensor]

FACTOR = 8
SLOW = 0.2
ORIGINAL, PIXELS = "the original itself", "Lanczos in pixels"


@dataclass(frozen=True)
class Sample:
    """A picture and what every method starts from and is compared with."""

    original: torch.Tensor
    low: torch.Tensor
    samples: torch.Tensor
    truth: torch.Tensor
    trip: torch.Tensor
    scale: float


@dataclass(frozen=True)
class Coder:
    """The autoencoder that is measured with. Implements `latent.context.Codec`."""

    encode: Code
    decode: Code


@dataclass(frozen=True)
class Here:
    """What the modes may ask. Implements `latent.context.LatentContext`."""

    known: LatentSpace
    codec: Codec
    folders: tuple[Path, ...]

    def space(self) -> LatentSpace:
        """Return what the command line says."""
        return self.known

    def tiny_codec(self) -> Codec:
        """Return the autoencoder that is measured with."""
        return self.codec

    def enlarge_pixels(self, pixels: torch.Tensor, size: Size) -> torch.Tensor:
        """Enlarge by Lanczos."""
        return resample(pixels, size, "Lanczos")

    def weight_folders(self) -> tuple[Path, ...]:
        """Return what the command line says."""
        return self.folders

    def vae_hashes(self) -> tuple[str, ...]:
        """Return none: any network of the latent space will do."""
        return ()


def read(path: Path, scale: float, device: str) -> torch.Tensor:
    """Read a picture (1, 3, H, W) in [0, 1], cropped to whole latents before and after."""
    with Image.open(path) as image:
        pixels = torch.from_numpy(np.array(image.convert("RGB")))
    # The smallest side whose latent and whose small latent are whole numbers.
    step = next(n for n in range(FACTOR, 999, FACTOR) if (n / scale / FACTOR).is_integer())
    height, width = (side - side % step for side in pixels.shape[:2])
    values = pixels[:height, :width].permute(2, 0, 1)[None].float() / 255
    return values.to(device)


def prepare(path: Path, scale: float, device: str, encode: Code, decode: Code) -> Sample:
    """Make everything that does not depend on the mode."""
    original = read(path, scale, device)
    height, width = (round(side / scale) for side in original.shape[-2:])
    low = resample(original, Size(width, height), "Bicubic").clamp(0, 1)
    low = (low * 255).round() / 255
    truth = encode(original)
    return Sample(original, low, encode(low), truth, decode(truth), scale)


def score(result: torch.Tensor, sample: Sample, decode: Code, seconds: float) -> Scores:
    """Compare an enlarged latent."""
    edge = math.ceil(sample.scale)
    inner = slice(edge, -edge)
    planes = [luma(each)[inner, inner] for each in (decode(result), sample.original, sample.trip)]
    made, original, trip = planes
    bands = [a / b for a, b in zip(energies(made), energies(original), strict=True)]
    high = new_energy(result, sample.scale) / new_energy(sample.truth, sample.scale)
    return Scores(
        psnr(made, original),
        ssim(made, original),
        psnr(made, trip),
        ssim(made, trip),
        gradient(made) / gradient(original),
        *bands,
        high,
        seconds * 1e3,
    )


def zero_padding(samples: torch.Tensor, size: Size) -> torch.Tensor:
    """Enlarge by padding the plain spectrum: the borders wrap around, and the corners align."""
    height, width = samples.shape[-2:]
    padded = samples.new_zeros((*samples.shape[:2], size.height, size.width), dtype=torch.complex64)
    top, left = size.height // 2 - height // 2, size.width // 2 - width // 2
    shifted = torch.fft.fftshift(torch.fft.fft2(samples), dim=(-2, -1))
    padded[..., top : top + height, left : left + width] = shifted
    whole = torch.fft.ifft2(torch.fft.ifftshift(padded, dim=(-2, -1))).real
    return whole * (size.area / (height * width))


def finished(base: str) -> Mapping[str, Finishers]:
    """Return the finishers that are tried on one mode."""
    short = base.removeprefix("Latent ").strip("()")
    return {
        f"{short} + blend 0.5 with bislerp": Finishers(blend_with="Latent (bislerp)", blend=0.5),
        f"{short} + sharpen 0.5": Finishers(sharpen=0.5),
        f"{short} + sharpen 1": Finishers(sharpen=1),
        f"{short} + match": Finishers(match=True),
        f"{short} + renoise 0.5": Finishers(renoise=0.5),
        f"{short} + renoise 1": Finishers(renoise=1),
    }


def methods(base: str, context: Here) -> Mapping[str, Enlarge]:
    """Return all that is compared, by name."""
    found: dict[str, Enlarge] = {
        mode: partial(upscale_latent, mode=mode, context=context) for mode in LATENT_MODES
    }
    for name, finishers in finished(base).items():
        found[name] = partial(upscale_latent, mode=base, finishers=finishers)
    found["plain FFT zero padding"] = zero_padding
    return found


def timed(call: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
    """Return what a call gives, and its seconds: of quick ones the fastest of four."""
    best, rounds = math.inf, 0
    while True:
        start = time.perf_counter()
        result = call()
        if result.is_cuda:
            torch.cuda.synchronize()
        best, rounds = min(best, time.perf_counter() - start), rounds + 1
        if rounds == 4 or best > SLOW:
            return result, best


def measure(
    sample: Sample, calls: Mapping[str, Enlarge], codes: tuple[Code, Code]
) -> dict[str, Scores]:
    """Return the scores of everything for one picture."""
    encode, decode = codes
    height, width = sample.truth.shape[-2:]
    pixels = Size(sample.original.shape[-1], sample.original.shape[-2])
    enlarged = encode(resample(sample.low, pixels, "Lanczos").clamp(0, 1))
    scores = {
        ORIGINAL: score(sample.truth, sample, decode, 0),
        PIXELS: score(enlarged, sample, decode, 0),
    }
    for name, call in calls.items():
        result, seconds = timed(partial(call, sample.samples, Size(width, height)))
        scores[name] = score(result, sample, decode, seconds)
    return scores


def average(every: Sequence[Scores]) -> Scores:
    """Return the mean of each score."""
    return Scores(*(statistics.fmean(values) for values in zip(*map(astuple, every), strict=True)))


def table(rows: Mapping[str, Scores]) -> str:
    """Return a Markdown table."""
    heads = [field.name.replace("_", " ") for field in fields(Scores)]
    lines = ["| encoded | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name, scores in rows.items():
        values = [
            f"{value:.3f}" if "ssim" in head else f"{value:.2f}"
            for head, value in zip(heads, astuple(scores), strict=True)
        ]
        lines.append(f"| {name} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def chart(rows: Mapping[str, Scores], title: str) -> str:
    """Return an SVG picture of the Y-PSNR of every row."""
    most, height = max(scores.psnr for scores in rows.values()), 20 * len(rows) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}">',
        "<style>text { font: 12px sans-serif }</style>",
        f'<text x="4" y="16">{title}</text>',
    ]
    for i, (name, scores) in enumerate(rows.items()):
        y, length = 20 * i + 26, 330 * scores.psnr / most
        lines += [
            f'<rect x="230" y="{y}" width="{length:.0f}" height="14" fill="#4a7ebb"/>',
            f'<text x="4" y="{y + 12}">{name}</text>',
            f'<text x="{234 + length:.0f}" y="{y + 12}">{scores.psnr:.2f} dB</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def load(arguments: argparse.Namespace) -> tuple[Code, Code]:
    """Return the encoder and the decoder that the command line names."""
    if arguments.loader:
        path, _, function = arguments.loader.rpartition(":")
        return runpy.run_path(path)[function](arguments.device)
    tiny = load_tiny_autoencoder(*map(Path, arguments.tiny), arguments.device)
    return tiny.encode, tiny.decode


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pattern", default="*.png", help="which pictures of the folder")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--tiny", nargs=2, metavar=("ENCODER", "DECODER"))
    source.add_argument("--loader", help="FILE.py:FUNCTION")
    parser.add_argument("--space", default="flux2", help="the latent space (default: flux2)")
    parser.add_argument("--networks", type=Path, nargs="*", default=[], help="folders")
    parser.add_argument("--modes", nargs="+", help="only these rows, not all")
    parser.add_argument("--scales", type=float, nargs="+", default=[1.5, 2.0])
    parser.add_argument("--base", default="Latent (bilinear)", help="the mode that is finished")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plot", type=Path, help="an SVG file for the last scale")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.glob(arguments.pattern))
    if not paths:
        parser.error(f"no picture matches {arguments.pattern} in {arguments.folder}")
    codes = load(arguments)
    samples = codes[0](torch.zeros(1, 3, 64, 64, device=arguments.device))
    space = LatentSpace(arguments.space, samples.shape[1], 64 // samples.shape[-1])
    context = Here(space, Coder(*codes), tuple(arguments.networks))
    calls = methods(arguments.base, context)
    if arguments.modes:
        calls = {name: calls[name] for name in arguments.modes}
    for scale in arguments.scales:
        every: dict[str, list[Scores]] = {}
        with torch.inference_mode():
            for path in paths:
                sample = prepare(path, scale, arguments.device, *codes)
                for name, scores in measure(sample, calls, codes).items():
                    every.setdefault(name, []).append(scores)
        rows = {name: average(scores) for name, scores in every.items()}
        title = f"x{scale:g}, {len(paths)} pictures, {arguments.device}"
        print(f"\n{title}, {torch.get_num_threads()} threads\n\n{table(rows)}", flush=True)
        if arguments.plot:
            arguments.plot.write_text(chart(rows, title), encoding="utf-8")


if __name__ == "__main__":
    main()
