"""Fill a folder with 200 network files of all kinds, for `benchmarks.listing`.

    python -m benchmarks.mixed_networks FOLDER

A fifth are copies of the real ones in `$UPSCALER_LAB_DATA/networks`, where that is set. The others
are random: every tiny network of the tests in several formats, Compact, ESRGAN and SPAN of many
sizes, .onnx files and ncnn pairs, files that a trainer wrapped, LoRAs, and files that are damaged
or no network at all.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tests.models.networks import ESRGANS, esrgan_state
from tests.models.tiny import TINY, compact, random_network, save

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 200
_REAL = 40
_SUFFIXES = (".pth", ".safetensors", ".pth")
_EXPORTED = ("Compact", "ESRGAN", "SPAN", "RCAN", "PLKSR", "ArtCNN", "DIS", "SPANF3")


def real_files() -> list[Path]:
    """Return the real networks that are here; an ncnn pair is its .param."""
    data = os.environ.get("UPSCALER_LAB_DATA")
    found = sorted((Path(data) / "networks").rglob("*")) if data else []
    return [path for path in found if path.suffix in (".pth", ".safetensors", ".param")]


def copy(real: list[Path], folder: Path) -> None:
    """Copy real networks until there are enough; a file that is there already is linked to."""
    for i in range(_REAL if real else 0):
        path = real[i % len(real)]
        for each in {path, path.with_suffix(".bin") if path.suffix == ".param" else path}:
            target, first = (folder / f"real_{n}_{each.name}" for n in (i, i % len(real)))
            shutil.copy(each, target) if i < len(real) else target.hardlink_to(first)


def random_files(folder: Path) -> Iterator[Path]:
    """Make random networks, one after another, and yield their files."""
    for i, suffix in enumerate(_SUFFIXES):
        for name in TINY:
            state = random_network(name).state_dict()
            wrapped = {"params_ema": state} if i == 2 else state
            yield save(wrapped, folder / f"{name}_{i}{suffix}")
    for name in _EXPORTED:
        yield exported(name, folder / f"{name}.onnx")
    for kind in ESRGANS:
        yield save(esrgan_state(kind), folder / f"ESRGAN {kind}.pth")
        yield save(
            esrgan_state(kind, new=kind != "plus"), folder / f"new ESRGAN {kind}.safetensors"
        )
    for features in range(8, 80, 8):
        for scale in (1, 2, 3, 4):
            state = compact(num_feat=features, upscale=scale).state_dict()
            legacy = scale == 3
            yield save(state, folder / f"{scale}x_compact_{features}.pth", legacy=legacy)


def exported(name: str, path: Path) -> Path:
    """Export a network as most people do, for pictures of any size."""
    free = {"in": {2: "h", 3: "w"}, "out": {2: "h", 3: "w"}}
    options: dict[str, Any] = {"input_names": ["in"], "output_names": ["out"], "dynamic_axes": free}
    picture = torch.rand(1, 3, 32, 32)
    torch.onnx.export(random_network(name), (picture,), str(path), dynamo=False, **options)
    return path


def other_files(folder: Path) -> Iterator[Path]:
    """Make files without end that are no upscaler, and yield them."""
    lora = {"lora_unet_down.weight": torch.zeros(4, 4), "lora_unet_up.weight": torch.zeros(4, 4)}
    unknown = {"strange.weight": torch.zeros(8, 8), "stranger.weight": torch.zeros(8)}
    whole = save(random_network("SPAN").state_dict(), folder / "whole.pth")
    yield whole
    for i in range(COUNT):
        path = folder / f"other_{i}.pth"
        if i % 4 == 0:
            yield save(lora, folder / f"lora_{i}.safetensors")
        elif i % 4 == 1:
            yield save(unknown, path)
        else:
            path.write_bytes(whole.read_bytes()[: 900 * i] if i % 4 == 2 else b"<html></html>")
            yield path


def main() -> None:
    """Fill the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("Expected an empty folder: python -m benchmarks.mixed_networks FOLDER")
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    real = real_files()
    copy(real, folder)
    left = COUNT - (_REAL if real else 0)
    for files in (random_files(folder), other_files(folder)):
        for _ in files:
            left -= 1
            if not left:
                return


if __name__ == "__main__":
    main()
