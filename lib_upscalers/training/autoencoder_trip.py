"""Encode and decode training pictures by a real autoencoder, as damage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lib_upscalers.errors import InputError
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder
from lib_upscalers.training.drawing.damage import shifted_round_trip

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.training.drawing.damage import RoundTrip
    from lib_upscalers.training.drawing.degrade import Bytes


def _only(folder: Path, part: str) -> Path:
    found = sorted(folder.glob(f"*{part}*"))
    if len(found) != 1:
        raise InputError(
            f"Expected one file *{part}* of a tiny autoencoder in {folder}, but found "
            f"{len(found)}; give the folder that holds its encoder and its decoder."
        )
    return found[0]


def load_round_trip(folder: Path) -> RoundTrip:
    """Return the round trip of a tiny autoencoder of the TAESD family.

    Raises:
        InputError: The folder has not exactly one encoder and one decoder.
        ModelFileError: They are not those of a tiny autoencoder.
    """
    codec = load_tiny_autoencoder(_only(folder, "encoder"), _only(folder, "decoder"))

    def code(picture: Bytes) -> Bytes:
        values = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            back = codec.decode(codec.encode(values))[0].clamp(0, 1)
        return (back * 255).round().to(torch.uint8).permute(1, 2, 0).numpy().astype(np.uint8)

    return shifted_round_trip(code)
