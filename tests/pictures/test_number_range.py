from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.pictures.picture import from_pil

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RAMP = np.linspace(0, 1, 32 * 32).reshape(32, 32)
_KINDS = {"u": 1, "i": 2, "f": 3}


def grey_tiff(values: NDArray[np.generic], nodata: str = "") -> bytes:
    """A TIFF file of one channel of any numbers, as scientific programs write it."""
    height, width = values.shape
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    text = nodata.encode() + b"\0"
    tags = [
        *((256, 3, width), (257, 3, height), (258, 3, 8 * values.dtype.itemsize), (259, 3, 1)),
        *((262, 3, 1), (273, 4, 0), (277, 3, 1), (278, 3, height), (279, 4, len(data))),
        (339, 3, _KINDS[values.dtype.kind]),
    ]
    offset = 8 + 2 + 12 * (len(tags) + bool(nodata)) + 4
    tags[5] = (273, 4, offset + len(text))
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    if nodata:
        entries += struct.pack("<HHII", 42113, 2, len(text), offset)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags) + bool(nodata))
    return head + entries + bytes(4) + text + data


def read(values: NDArray[np.generic], folder: Path, nodata: str = "") -> tuple[np.ndarray, str]:
    (folder / "in.tif").write_bytes(grey_tiff(values, nodata))
    picture = read_picture(folder / "in.tif")
    return to_depth(picture.pixels[..., 0], np.float32), " ".join(picture.notes)


def with_one(values: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    changed = values.copy()
    changed[16, 16] = value
    return changed


def test_a_ramp_stays_a_ramp_whatever_its_numbers_are(tmp_path: Path) -> None:
    """Neither black nor white throughout, and the range is stated."""
    cases = {
        "HDR": (with_one(RAMP, 3.0).astype(np.float32), "cut off"),
        "far brighter": (with_one(RAMP, 1e5).astype(np.float32), "cut off"),
        "float to 3": ((RAMP * 3).astype(np.float32), "from 0 to 3"),
        "float to 930": ((RAMP * 930).astype(np.float32), "from 0 to 930"),
        "dim float": ((RAMP * 0.001).astype(np.float32), "0.001"),
        "normalised": ((RAMP * 2 - 1).astype(np.float32), "from -1 to 1"),
        "int32": ((RAMP * 93_000).astype(np.int32), "93000"),
        "small int32": ((RAMP * 930).astype(np.int32), "930"),
        "negative int32": ((RAMP * 930 - 100).astype(np.int32), "from -100 to 830"),
        "all negative": ((RAMP * 930 - 2000).astype(np.int32), "from -2000"),
        "hot pixel": (with_one(RAMP * 930, 2e9).astype(np.int32), "2e+09"),
        "uint32": ((RAMP * 4_000_000_000).astype(np.uint32), "4e+09"),
        "int16": ((RAMP * 4000).astype(np.int16), "4000"),
        "negative int16": ((RAMP * 4000 - 2000).astype(np.int16), "from -2000 to 2000"),
        "no data": (with_one(RAMP * 930, -9999).astype(np.float32), "-9999"),
    }
    for name, (values, text) in cases.items():
        found, notes = read(values, tmp_path)
        others = np.delete(found.ravel(), 16 * 32 + 16)
        assert others.min() < 0.12, name
        assert others.max() > 0.85, name
        assert (np.diff(others) >= 0).all(), name
        assert text in notes, (name, notes)


def test_usual_ranges_need_no_note(tmp_path: Path) -> None:
    for values in (
        RAMP.astype(np.float32),
        (RAMP * 255).astype(np.float32),
        (RAMP * 65_535).astype(np.int32),
        (RAMP * 255).astype(np.int32),
        np.zeros((32, 32), np.float32),
    ):
        found, notes = read(values, tmp_path)
        assert not notes, values.dtype
        assert np.abs(found - (RAMP if values.any() else 0)).max() < 1 / 200, values.dtype


def test_numbers_that_are_none_are_counted(tmp_path: Path) -> None:
    values = RAMP.astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    found, notes = read(values, tmp_path)
    assert found[0, :3].tolist() == [0, 1, 0]
    assert "3 values are no finite numbers" in notes
    values[0] = -3.4e38
    found, notes = read(values, tmp_path)
    assert found.max() == 1
    assert "32 values" in notes
    (tmp_path / "in.tif").write_bytes(grey_tiff(np.full((4, 4), np.nan, np.float32)))
    with pytest.raises(ImageError, match="none of its values is a number"):
        read_picture(tmp_path / "in.tif")


def test_values_that_stand_for_nothing_are_left_out(tmp_path: Path) -> None:
    values = (RAMP * 930).astype(np.float32)
    values[:16] = -9999
    found, notes = read(values, tmp_path, nodata="-9999")
    assert found[20].min() > 0.4
    assert "512 values" in notes


def test_numbers_that_pillow_does_not_know_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="64-bit float in 1 channel, compression none"):
        read(RAMP, tmp_path)


def test_pngs_of_sixteen_bits_keep_their_range() -> None:
    dark = Image.frombytes("I;16", (2, 1), np.array([3, 90], "<u2").tobytes())
    assert from_pil(dark).pixels.ravel().tolist() == [3, 90]
    assert not from_pil(dark).notes
    dark = Image.frombytes("I", (2, 1), np.array([3, 90], "=i4").tobytes())
    assert from_pil(dark).pixels.ravel().tolist() == [3, 90]
