"""Make the pictures of the page "Which one?": what a second pass makes of several starts.

    OMP_NUM_THREADS=1 python -m benchmarks.guide_pictures eyes PAIRS --tiny ENCODER DECODER
    OMP_NUM_THREADS=1 python -m benchmarks.denoising_network PAIRS DENOISER --minutes 30
    OMP_NUM_THREADS=1 python -m benchmarks.guide_pictures draw DENOISER --tiny ENCODER DECODER

The model of the second pass is a small one of our own, `benchmarks.denoising_network`, which has
seen nothing but variants of the sample picture, the eye of `lib_upscalers.ui.sample`: bent, turned,
mirrored and in other colours. So it paints eyes as a large model paints all that people ask for.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch.nn.functional import grid_sample, interpolate

from benchmarks.denoising_network import levels_from, load_denoiser
from benchmarks.latent import FACTOR, Coder, Here
from lib_upscalers.file_writing import writing_path
from lib_upscalers.geometry import Size
from lib_upscalers.guide.rules import picture_file
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.latent import LATENT_MODES, LatentSpace, upscale_latent
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder
from lib_upscalers.targets import Target
from lib_upscalers.training.latent.latent_pairs import LatentPair, part_path, save_part
from lib_upscalers.ui.sample import HEIGHT, WIDTH, draw_sample
from lib_upscalers.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from lib_upscalers.latent import Codec

LARGE = Size(2 * WIDTH, 2 * HEIGHT)
STEPS = 20
COUNT = 500
QUALITY = 90
# Each picture of the page: file, what begins it, the denoising strength.
SHOWN = (
    ("nearest_30", "Nearest", 0.3),
    ("lanczos_30", "Lanczos", 0.3),
    ("bilinear_30", "Latent (bilinear)", 0.3),
    ("bilinear_60", "Latent (bilinear)", 0.6),
    ("lab_30", "Latent (Lab)", 0.3),
    ("network_30", "Lab Fine 2x", 0.3),
)


def variants(count: int) -> Iterator[torch.Tensor]:
    """Yield sample pictures that are bent, turned, mirrored, recoloured: (1, 3, H, W), [0, 1]."""
    whole = _batch(draw_sample(4).pixels)
    rows, columns = torch.meshgrid(
        torch.linspace(-1, 1, LARGE.height), torch.linspace(-1, 1, LARGE.width), indexing="ij"
    )
    ratio = LARGE.width / LARGE.height
    for number in range(count):
        random = torch.Generator().manual_seed(number)
        angle, zoom, right, down, mirror, spread = (
            2 * torch.rand(6, generator=random) - 1
        ).tolist()
        bend = 0.04 * torch.randn(1, 2, 4, 5, generator=random)
        bend = interpolate(bend, (LARGE.height, LARGE.width), mode="bicubic")[0]
        turned = torch.tensor(0.3 * angle)
        x, y = columns * ratio, rows
        bent_x = (x * turned.cos() - y * turned.sin()) / ratio
        bent_y = x * turned.sin() + y * turned.cos()
        size = 0.8 + 0.2 * zoom
        places = torch.stack(
            [size * bent_x + 0.15 * right + bend[0], size * bent_y + 0.15 * down + bend[1]], -1
        )
        picture = grid_sample(
            whole, places[None].clamp(-1, 1), padding_mode="reflection", align_corners=False
        )
        if mirror > 0:
            picture = picture.flip(3)
        yield _recoloured(picture, spread, random)


def _recoloured(picture: torch.Tensor, spread: float, random: torch.Generator) -> torch.Tensor:
    """Turn the colours about the grey axis, half of the pictures a little and half at will."""
    angle = (0.3 if spread < 0 else 3.1) * (2 * torch.rand(1, generator=random) - 1)
    axis = torch.full((3,), 3**-0.5)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * 3**-0.5
    turn = angle.cos() * torch.eye(3) + angle.sin() * cross
    turn = turn + (1 - angle.cos()) * torch.outer(axis, axis)
    return torch.einsum("cd,ndhw->nchw", turn, picture).clamp(0, 1)


def _batch(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def write_latents(folder: Path, codec: Codec) -> None:
    """Encode the variants, as pairs of latents whose small one nobody uses."""
    pairs = [LatentPair(torch.zeros(1), codec.encode(each)[0].half()) for each in variants(COUNT)]
    save_part(part_path(folder, 0), pairs)


def starts(context: Here) -> dict[str, torch.Tensor]:
    """Return the latents that the second pass begins with, by the upscaler's name."""
    small = _batch(draw_sample().pixels)
    samples = context.codec.encode(small)
    cells = Size(LARGE.width // FACTOR, LARGE.height // FACTOR)
    found: dict[str, torch.Tensor] = {}
    upscaler = Upscaler(StandaloneHost())
    for name in dict.fromkeys(name for _, name, _ in SHOWN):
        if name in LATENT_MODES:
            found[name] = upscale_latent(samples, cells, name, context=context)
        else:
            done = upscaler.run(draw_sample(), upscaler.find(name), Target(scale=2))
            found[name] = context.codec.encode(_batch(done.picture.pixels))
    return found


def draw(denoiser: Path, context: Here) -> None:
    """Denoise each start and write the guide's pictures."""
    model, begin = load_denoiser(denoiser), starts(context)
    noise = torch.randn(begin["Lanczos"].shape, generator=torch.Generator().manual_seed(5))
    for file, name, strength in SHOWN:
        latent = model.sample(begin[name], noise, levels_from(strength, STEPS))
        pixels = (context.codec.decode(latent)[0].clamp(0, 1) * 255).round().to(torch.uint8)
        write(f"{file}.webp", pixels.permute(1, 2, 0).numpy())


def write(file: str, pixels: np.ndarray) -> None:
    """Write one of the guide's pictures."""
    path = picture_file(file)
    with writing_path(path, overwrite=True, make_folders=True) as scratch:
        Image.fromarray(pixels).save(scratch, "WEBP", quality=QUALITY, method=6)


def main() -> None:
    """Make latents to train on, or the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=["eyes", "draw"])
    parser.add_argument("path", type=Path, help="the folder of pairs, or the denoiser")
    parser.add_argument("--tiny", nargs=2, metavar=("ENCODER", "DECODER"), required=True)
    arguments = parser.parse_args()
    tiny = load_tiny_autoencoder(*map(Path, arguments.tiny))
    space = LatentSpace("flux2", tiny.channels, FACTOR)
    context = Here(space, Coder(tiny.encode, tiny.decode), ())
    with torch.inference_mode():
        if arguments.what == "eyes":
            write_latents(arguments.path, context.codec)
        else:
            draw(arguments.path, context)


if __name__ == "__main__":
    main()
