from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, features

from lib_upscalers.errors import ImageError, OutputError
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.files import FORMATS, check_output, read_picture, write_picture
from lib_upscalers.pictures.picture import Picture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def values_of(height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(40, 255, (height, width, 3), dtype=np.uint8)


def test_frames_and_pages_that_are_left_out_are_stated(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 4), (i * 90, 20, 30)) for i in range(3)]
    kinds = {"gif": "animation", "png": "animation", "webp": "animation", "tiff": "3 pages"}
    if features.check("avif"):
        kinds["avif"] = "animation"
    for ending, word in kinds.items():
        file = tmp_path / f"moving.{ending}"
        frames[0].save(file, save_all=True, append_images=frames[1:])
        notes = read_picture(file).notes
        assert len(notes) == 1, ending
        assert word in notes[0], ending
        assert "3" in notes[0], ending
        frames[0].save(tmp_path / f"still.{ending}")
        assert not read_picture(tmp_path / f"still.{ending}").notes, ending


def test_what_writing_converts_is_stated(tmp_path: Path) -> None:
    deep = Picture(np.full((4, 4, 3), 700, np.uint16), np.full((4, 4), 9000, np.uint16))
    plain = Picture(np.full((4, 4, 3), 70, np.uint8))
    for name, each in FORMATS.items():
        if name == "avif" and not features.check("avif"):
            continue
        notes = " ".join(write_picture(deep, tmp_path / "out", format=name))
        assert ("laid on white" in notes) != each.alpha, name
        assert ("rounded to 8 bits" in notes) != each.deep, name
        assert not write_picture(plain, tmp_path / "out", format=name), name


def test_an_output_is_refused_before_the_work() -> None:
    for name, size in (
        ("out.webp", Size(16_384, 1)),
        ("out.jpg", Size(1, 65_536)),
        ("out.avif", Size(32_769, 1)),
        ("out.png", Size(2**31, 1)),
        ("out.bmp", Size(40_000, 1)),
        ("out.tif", Size(40_000, 40_000)),
    ):
        with pytest.raises(OutputError, match=f"but got {size}|{size} are .* GiB"):
            check_output(name, size)
    assert not check_output("out.webp", Size(16_383, 16_383))
    assert not check_output("out.tif", Size(40_000, 40_000), channels=1)
    with pytest.raises(OutputError):
        check_output("out.tif", Size(40_000, 40_000), channels=1, deep=True, alpha=True)


def cut(file: Path, share: float) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


def test_what_is_there_of_a_truncated_picture_can_be_taken(tmp_path: Path) -> None:
    values = values_of()
    for name, options in (
        ("a.jpg", {"quality": 95}),
        ("p.jpg", {"quality": 95, "progressive": True}),
        ("a.png", {}),
    ):
        file = tmp_path / name
        Image.fromarray(values).save(file, **options)
        whole = read_picture(file)
        assert not read_picture(file, partial=True).notes, name
        cut(file, 0.7)
        with pytest.raises(ImageError, match="damaged or cut short"):
            read_picture(file)
        picture = read_picture(file, partial=True)
        assert picture.size == whole.size
        assert "cut short" in " ".join(picture.notes), name
        top = picture.pixels[:8].astype(int) - whole.pixels[:8]
        assert np.abs(top).max() <= (150 if "p." in name else 0), name


def test_a_truncated_picture_of_sixteen_bits_can_be_taken(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(1000, 65_535, (64, 64, 3), dtype=np.uint16)
    for ending in ("png", "tif"):
        file = tmp_path / f"deep.{ending}"
        write_picture(Picture(pixels), file)
        cut(file, 0.7)
        picture = read_picture(file, partial=True)
        assert (picture.pixels[:20] == pixels[:20]).all(), ending


def test_where_nothing_is_left_nothing_is_taken(tmp_path: Path) -> None:
    Image.fromarray(values_of()).save(tmp_path / "a.png")
    for size in (20, 45):
        (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:size])
        with pytest.raises(ImageError):
            read_picture(tmp_path / "cut.png", partial=True)


def test_reading_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither Pillow's warnings, which are errors here, nor what libtiff prints, come through."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\2\0\x0f\x01\2\0\xff\0\0\0\xf0\xff\0\0"
    Image.fromarray(values_of()).save(tmp_path / "a.jpg", exif=exif)
    Image.fromarray(values_of()).save(tmp_path / "a.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[200:400] = b"\xff" * 200
    (tmp_path / "a.tif").write_bytes(data)
    read_picture(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="damaged"):
        read_picture(tmp_path / "a.tif")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(tmp_path / "a.jpg").size == Size(80, 60)
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == ""
