from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.pictures.files import read_picture
from tests.corpus.pictures import VARIABLE, classify, compare, files, folders

if TYPE_CHECKING:
    from pathlib import Path


def test_pictures_are_put_into_classes(tmp_path: Path, rng: np.random.Generator) -> None:
    for mode, channels in (("L", 1), ("RGB", 3), ("RGBA", 4)):
        pixels = rng.integers(0, 256, (9, 7, channels), dtype=np.uint8)
        Image.fromarray(pixels.squeeze()).save(tmp_path / f"{mode}.png")
        assert classify(tmp_path / f"{mode}.png") == ("done", ""), mode
    (tmp_path / "text.png").write_text("no picture")
    assert classify(tmp_path / "text.png")[0] == "refused"
    assert classify(tmp_path)[0] == "refused"


def test_another_pixel_than_pillows_is_noticed(tmp_path: Path) -> None:
    Image.new("RGBA", (9, 7), (10, 20, 30, 40)).save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    assert compare(picture, tmp_path / "in.png") == ""
    brighter = replace(picture, pixels=picture.pixels + 3)
    assert compare(brighter, tmp_path / "in.png") == "3 levels from Pillow's pixels."
    assert "Transparency" in compare(replace(picture, alpha=None), tmp_path / "in.png")


def test_no_public_picture_raises_anything_unexpected() -> None:
    if not folders():
        pytest.skip(f"{VARIABLE} names no folders of test pictures")
    results = {path: classify(path) for path in files(folders())}
    internal = {path: text for path, (kind, text) in results.items() if kind == "internal"}
    assert not internal
