from __future__ import annotations

import dataclasses
import os
import struct
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin, features

from lib_upscalers.errors import ImageError, InputError, OutputError, UnknownNameError
from lib_upscalers.geometry import Size
from lib_upscalers.pictures import picture as images
from lib_upscalers.pictures import png
from lib_upscalers.pictures.bit_depth import peak, to_depth
from lib_upscalers.pictures.files import (
    FORMATS,
    format_for,
    read_page,
    read_picture,
    write_picture,
)
from lib_upscalers.pictures.frames import find_frames
from lib_upscalers.pictures.picture import Metadata, Picture
from tests.cases import each_case

if TYPE_CHECKING:
    from collections.abc import Callable

DEPTHS = (np.uint8, np.uint16, np.float32)
LOSSLESS = ("png", "tiff", "bmp", "webp")
WRITABLE = [name for name in FORMATS if name != "avif" or "avif" in features.get_supported()]
WITH_EXIF = [name for name in WRITABLE if FORMATS[name].room.exif]
each_format = each_case("name", WRITABLE)


def noise(
    rng: np.random.Generator, depth: type, channels: int, *, alpha: bool, side: int = 21
) -> Picture:
    shape = (side, side + 4, channels + 1)
    values = rng.random(shape, dtype=np.float32)
    if depth != np.float32:
        values = np.floor(values * (peak(depth) + 1)).astype(depth)
    return Picture(values[..., :channels].copy(), values[..., -1].copy() if alpha else None)


def smooth(side: int = 64) -> Picture:
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    planes = (across * 4, down * 4, (across + down) * 2)
    return Picture(np.stack(planes, axis=2).clip(0, 255).astype(np.uint8))


@each_case("name", LOSSLESS)
@each_case("depth", DEPTHS)
@each_case("channels", [1, 3])
@each_case("alpha", [False, True])
def test_lossless_formats_give_back_what_they_can_hold(
    name: str, depth: type, channels: int, alpha: bool, tmp_path: Path, rng: np.random.Generator
) -> None:
    picture = noise(rng, depth, channels, alpha=alpha)
    if alpha and not FORMATS[name].alpha:
        picture = dataclasses.replace(picture, alpha=np.full_like(picture.alpha, peak(depth)))
    file = tmp_path / f"picture.{name}"
    write_picture(picture, file, quality=100)
    back = read_picture(file)
    kept = np.uint16 if depth != np.uint8 and FORMATS[name].deep else np.uint8
    assert back.pixels.dtype == kept
    if not (name == "webp" or (name == "tiff" and alpha and kept == np.uint16)):
        assert back.pixels.shape == picture.pixels.shape
    assert (back.pixels == to_depth(picture.pixels, kept)).all()
    assert (back.alpha is not None) == (alpha and FORMATS[name].alpha)
    if back.alpha is not None:
        assert picture.alpha is not None
        assert (back.alpha == to_depth(picture.alpha, kept)).all()


@each_format
def test_lossy_formats_come_close(name: str, tmp_path: Path) -> None:
    for quality, allowed in ((None, 6), (95, 6), (60, 30)):
        write_picture(smooth(), tmp_path / "picture", format=name, quality=quality)
        difference = read_picture(tmp_path / "picture").pixels.astype(int) - smooth().pixels
        assert np.abs(difference).max() <= allowed


@each_case("name", [name for name in WRITABLE if not FORMATS[name].alpha])
def test_transparency_is_laid_on_white_where_there_is_none(name: str, tmp_path: Path) -> None:
    picture = smooth()
    alpha = np.zeros((64, 64), np.uint8)
    alpha[:, 32:] = 255
    alpha[:, 48:] = 128
    write_picture(dataclasses.replace(picture, alpha=alpha), tmp_path / "it", format=name)
    back = read_picture(tmp_path / "it")
    assert back.alpha is None
    assert (back.pixels[:, :24] >= 250).all()
    assert np.abs(back.pixels[:, 40:44].astype(int) - picture.pixels[:, 40:44]).max() <= 8
    half = (picture.pixels[:, 56:] + 255.0) / 2
    assert np.abs(back.pixels[:, 56:] - half).max() <= 8


@each_format
@each_case("size", [(1, 1), (1, 300), (300, 1)])
@each_case("channels", [1, 3])
def test_thin_pictures(name: str, size: tuple[int, int], channels: int, tmp_path: Path) -> None:
    picture = Picture(np.full((*size, channels), 200, np.uint8))
    write_picture(picture, tmp_path / "thin", format=name)
    back = read_picture(tmp_path / "thin")
    assert back.size == picture.size
    assert np.abs(back.pixels.astype(int) - 200).max() <= 3


def test_a_picture_of_thirty_thousand_columns(tmp_path: Path) -> None:
    picture = Picture((np.arange(30_000 * 4) % 251).astype(np.uint8).reshape(4, 30_000, 1))
    for ending in ("png", "tif", "bmp"):
        write_picture(picture, tmp_path / f"wide.{ending}")
        assert (read_picture(tmp_path / f"wide.{ending}").pixels == picture.pixels).all()
    write_picture(picture, tmp_path / "wide.jpg")
    assert read_picture(tmp_path / "wide.jpg").size == picture.size


@each_case("name, side", [("webp", 16384), ("jpeg", 65501), ("bmp", 40000)])
def test_a_side_that_a_format_cannot_hold(name: str, side: int, tmp_path: Path) -> None:
    picture = Picture(np.zeros((1, side, 1), np.uint8))
    with pytest.raises(OutputError, match=f"{side}x1: choose PNG"):
        write_picture(picture, tmp_path / "long", format=name)
    assert not list(tmp_path.iterdir())


# What files say beside their pixels.

INFOTEXT = "a cat, 猫, naïve\nNegative prompt: dog\nSteps: 20, Size: 512x512"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def with_metadata(**changes: object) -> Picture:
    return dataclasses.replace(smooth(), metadata=dataclasses.replace(Metadata(), **changes))


def test_png_texts_are_carried_over(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", INFOTEXT, zip=True)
    texts.add_text("Title", "naïve")
    texts.add_itxt("prompt", '{"a": "猫"}', "en", "prompt")
    Image.new("RGB", (4, 4)).save(tmp_path / "in.png", pnginfo=texts)
    picture = read_picture(tmp_path / "in.png")
    expected = {"parameters": INFOTEXT, "Title": "naïve", "prompt": '{"a": "猫"}'}
    assert dict(picture.metadata.text) == expected
    assert all(type(text) is str for text in picture.metadata.text.values())
    write_picture(picture, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        image.load()
        assert image.text == expected


def test_keys_that_png_cannot_hold_are_left_out(tmp_path: Path) -> None:
    texts = {"": "a", "x" * 80: "b", "猫": "c", "a\0b": "d", "good": "e\0f"}
    write_picture(with_metadata(text=texts), tmp_path / "out.png")
    assert dict(read_picture(tmp_path / "out.png").metadata.text) == {"good": "ef"}


@each_case("name", [name for name in WITH_EXIF if not FORMATS[name].room.text])
def test_infotext_goes_where_webuis_look_for_it(name: str, tmp_path: Path) -> None:
    write_picture(with_metadata(text={"parameters": INFOTEXT}), tmp_path / "out", format=name)
    with Image.open(tmp_path / "out") as image:
        image.load()
        comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[0x9286]
    assert comment == b"UNICODE\0" + INFOTEXT.encode("utf-16-be")
    assert dict(read_picture(tmp_path / "out").metadata.text) == {"parameters": INFOTEXT}
    write_picture(read_picture(tmp_path / "out"), tmp_path / "back.png")
    assert read_picture(tmp_path / "back.png").metadata.text["parameters"] == INFOTEXT


@each_case(
    "comment",
    [
        b"UNICODE\0" + "a cat".encode("utf-16-le").join((b"\xff\xfe", b"")),
        b"ASCII\0\0\0a cat",
        b"\0\0\0\0\0\0\0\0a cat\0\0",
    ],
)
def test_comments_of_other_programs_are_read(comment: bytes, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.IFD.Exif] = {0x9286: comment}
    Image.new("RGB", (4, 4)).save(tmp_path / "in.jpg", exif=exif)
    assert dict(read_picture(tmp_path / "in.jpg").metadata.text) == {"parameters": "a cat"}


def test_infotext_too_long_for_a_jpeg_segment_is_left_out(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    picture = with_metadata(text={"parameters": "x" * 70_000}, exif=exif.tobytes())
    notes = write_picture(picture, tmp_path / "out.jpg")
    assert '"parameters" (70,000 characters) does not fit' in " ".join(notes)
    back = read_picture(tmp_path / "out.jpg")
    assert not back.metadata.text
    assert back.metadata.exif == exif.tobytes()


@each_case("name", [name for name in WITH_EXIF if FORMATS[name].room.profile])
def test_profile_and_exif_are_carried_over(name: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    exif[ExifTags.IFD.Exif] = {0x9003: "2026:01:01 00:00:00", 0xA002: 17}
    exif[ExifTags.IFD.GPSInfo] = {1: "N"}
    exif[0x0112] = 6
    smaller = Image.fromarray(smooth().pixels)
    smaller.save(tmp_path / "in.jpg", exif=exif, icc_profile=PROFILE, dpi=(300, 200))
    write_picture(read_picture(tmp_path / "in.jpg"), tmp_path / "out", format=name)
    with Image.open(tmp_path / "out") as image:
        image.load()
        found = image.getexif()
        assert image.info["icc_profile"] == PROFILE
        assert found[0x010F] == "a maker"
        assert 0x0112 not in found
        assert found.get_ifd(ExifTags.IFD.Exif)[0x9003] == "2026:01:01 00:00:00"
        assert 0xA002 not in found.get_ifd(ExifTags.IFD.Exif)
        assert found.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    dpi = read_picture(tmp_path / "out").metadata.dpi
    expected = {"webp": None, "avif": None}.get(name, (300, 200))
    assert dpi == (expected and pytest.approx(expected, abs=0.1))


@each_case("name", ["png", "tiff", "jpeg"])
def test_a_profile_of_another_colour_space_is_left_out(name: str, tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    grey = Picture(np.zeros((4, 4, 1), np.uint8), None, Metadata(icc_profile=lab))
    notes = write_picture(grey, tmp_path / "out", format=name)
    assert "colour profile does not fit" in " ".join(notes)
    assert read_picture(tmp_path / "out").metadata.icc_profile is None


def test_a_tiffs_own_directory_does_not_go_on(tmp_path: Path) -> None:
    """Of a TIFF, EXIF begins with where its pixels lie."""
    write_picture(smooth(), tmp_path / "in.tif")
    picture = read_picture(tmp_path / "in.tif")
    assert picture.metadata.exif is None
    small = dataclasses.replace(picture, pixels=picture.pixels[:3, :5].copy())
    write_picture(small, tmp_path / "out.tif")
    assert (read_picture(tmp_path / "out.tif").pixels == small.pixels).all()


@each_case("damaged", [b"Exif\0\0MM\0*", b"nonsense", b"Exif\0\0II*\0\xff\xff\0\0"])
def test_damaged_exif_does_not_cost_the_picture(damaged: bytes, tmp_path: Path) -> None:
    Image.fromarray(smooth().pixels).save(tmp_path / "in.jpg", exif=damaged, dpi=(72, 72))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = read_picture(tmp_path / "in.jpg")
    assert picture.size == smooth().size
    assert picture.metadata.exif is None


def test_a_damaged_value_costs_neither_the_others_nor_the_orientation(tmp_path: Path) -> None:
    make, camera = 0x010F, b"Kamera\0\0"
    # Orientation 6, a maker, and an exposure of -1/0 in a directory of its own.
    entries = (
        struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0),
        struct.pack("<HHII", make, 2, 7, 50),
        struct.pack("<HHII", 0x8769, 4, 1, 58),
    )
    nested = struct.pack("<HHHIII", 1, 0x9204, 10, 1, 76, 0)
    first = struct.pack("<H", 3) + b"".join(sorted(entries, key=lambda each: each[1::-1]))
    block = b"II*\0" + struct.pack("<I", 8) + first + bytes(4) + camera + nested
    block += struct.pack("<ii", -1, 0)
    Image.new("RGB", (8, 4)).save(tmp_path / "in.jpg", exif=b"Exif\0\0" + block)
    picture = read_picture(tmp_path / "in.jpg")
    assert picture.size == Size(4, 8), "turned"
    assert any("1 value is damaged" in note for note in picture.notes)
    assert picture.metadata.exif is not None
    exif = Image.Exif()
    exif.load(picture.metadata.exif)
    assert exif[make] == "Kamera"


def test_comments_in_either_order_of_bytes_and_in_unknown_encodings(tmp_path: Path) -> None:
    for comment, expected in (
        (b"UNICODE\0" + "котик".encode("utf-16-le"), "котик"),
        (b"UNICODE\0" + "котик".encode("utf-16-be"), "котик"),
        (b"UNICODE\0" + "a cat".encode("utf-16-le"), "a cat"),
        (b"UNICODE\0" + "猫".encode("utf-16-be"), "猫"),
        (b"JIS\0\0\0\0\0" + b"\x93\xfa\x96\x7b", None),
    ):
        exif = Image.Exif()
        exif[ExifTags.IFD.Exif] = {0x9286: comment}
        Image.new("RGB", (4, 4)).save(tmp_path / "in.jpg", exif=exif)
        text = read_picture(tmp_path / "in.jpg").metadata.text
        assert text.get("parameters") == expected, comment


def test_an_orientation_in_xmp_is_not_applied_twice(tmp_path: Path) -> None:
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", xmp)
    Image.new("RGB", (4, 2)).save(tmp_path / "in.png", pnginfo=texts)
    picture = read_picture(tmp_path / "in.png")
    assert (picture.size.width, picture.size.height) == (2, 4)
    write_picture(picture, tmp_path / "out.png")
    assert read_picture(tmp_path / "out.png").size == picture.size


@each_case("name", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_read(name: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    options = {"lossless": True} if name == "webp" else {}
    file = tmp_path / f"moving.{name}"
    frames[0].save(file, save_all=True, append_images=frames[1:], **options)
    picture = read_picture(file)
    assert (picture.pixels == [255, 0, 0]).all()


# Bytes that Pillow does not write.


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(values: np.ndarray, colour: int, *extra: bytes) -> bytes:
    """A PNG file of 16-bit values, unfiltered."""
    height, width, _ = values.shape
    lines = values.astype(">u2").view(np.uint8).reshape(height, -1)
    filtered = np.concatenate((np.zeros((height, 1), np.uint8), lines), axis=1)
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *extra, chunk(b"IDAT", zlib.compress(filtered.tobytes()))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def raw_tiff(values: np.ndarray, order: str, *, packed: bool, extra: int | None) -> bytes:
    """A TIFF file of 16-bit values, in either byte order, compressed or not."""
    height, width, bands = values.shape
    data = values.astype(f"{order}u2").tobytes()
    data = zlib.compress(data) if packed else data
    depths = struct.pack(f"{order}{bands}H", *(16,) * bands)
    tags = [
        *((256, 4, width), (257, 4, height), (258, 3, None), (259, 3, 8 if packed else 1)),
        *((262, 3, 2), (273, 4, None), (277, 3, bands), (278, 4, height), (279, 4, len(data))),
        *([] if extra is None else [(338, 3, extra)]),
    ]
    behind = 8 + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, kind, value in tags:
        count = bands if tag == 258 else 1
        number = {258: behind, 273: behind + len(depths)}.get(tag, value)
        whole = kind == 4 or count > 1
        field = struct.pack(
            f"{order}I" if whole else f"{order}HH", *([number] if whole else [number, 0])
        )
        entries += struct.pack(f"{order}HHI", tag, kind, count) + field
    label = b"II" if order == "<" else b"MM"
    head = label + struct.pack(f"{order}HI", 42, 8) + struct.pack(f"{order}H", len(tags))
    return head + entries + bytes(4) + depths + data


@each_case("bands, colour", [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_sixteen_bit_png_of_other_programs(
    bands: int, colour: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    values = rng.integers(0, 65536, (7, 9, bands), dtype=np.uint16)
    (tmp_path / "deep.png").write_bytes(raw_png(values, colour))
    picture = read_picture(tmp_path / "deep.png")
    assert picture.pixels.dtype == np.uint16
    assert (picture.pixels == values[..., : bands - (bands % 2 == 0)]).all()
    if bands % 2 == 0:
        assert picture.alpha is not None
        assert (picture.alpha == values[..., -1]).all()
    else:
        assert picture.alpha is None


def test_one_colour_of_sixteen_bits_may_stand_for_transparency(tmp_path: Path) -> None:
    values = np.array([[[1, 2, 3], [1, 2, 259]]], np.uint16)
    key = chunk(b"tRNS", struct.pack(">3H", 1, 2, 259))
    (tmp_path / "key.png").write_bytes(raw_png(values, 2, key))
    picture = read_picture(tmp_path / "key.png")
    assert (picture.pixels == values).all()
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [65535, 0]


def test_sixteen_bits_are_turned_and_keep_metadata(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    values = rng.integers(0, 65536, (3, 5, 3), dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    block = chunk(b"eXIf", exif.tobytes()[6:])
    text = chunk(b"tEXt", b"parameters\0a cat")
    (tmp_path / "turned.png").write_bytes(raw_png(values, 2, block, text))
    picture = read_picture(tmp_path / "turned.png")
    assert (picture.pixels == np.rot90(values, -1)).all()
    assert dict(picture.metadata.text) == {"parameters": "a cat"}
    assert picture.metadata.exif is None


@each_case("order", ["<", ">"])
@each_case("packed", [False, True])
@each_case("bands, extra", [(3, None), (4, 2), (4, 0)])
def test_sixteen_bit_tiff_of_other_programs(
    order: str,
    packed: bool,
    bands: int,
    extra: int | None,
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    values = rng.integers(0, 65536, (7, 9, bands), dtype=np.uint16)
    (tmp_path / "deep.tif").write_bytes(raw_tiff(values, order, packed=packed, extra=extra))
    picture = read_picture(tmp_path / "deep.tif")
    assert picture.pixels.dtype == np.uint16
    assert (picture.pixels == values[..., :3]).all()
    assert (picture.alpha is not None) == (extra == 2)
    if picture.alpha is not None:
        assert (picture.alpha == values[..., 3]).all()


def test_png_of_large_pixels_and_of_few_colours_is_small(tmp_path: Path) -> None:
    """Where more than single bytes repeats, that is looked for."""
    pixels = np.random.default_rng(4).integers(0, 256, (64, 64, 3), np.uint8)
    large = pixels.repeat(8, axis=0).repeat(8, axis=1)
    write_picture(Picture(large), tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size < large.nbytes / 20
    assert np.array_equal(read_picture(tmp_path / "large.png").pixels, large)


@each_case("depth", [np.uint8, np.uint16])
@each_case("alpha", [False, True])
def test_png_is_the_same_in_many_strips(
    depth: type,
    alpha: bool,
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(png, "_STRIP_BYTES", 500)
    picture = noise(rng, depth, 3, alpha=alpha, side=90)
    write_picture(picture, tmp_path / "strips.png")
    data = (tmp_path / "strips.png").read_bytes()
    assert data.count(b"IDAT") > 30
    # Pillow checks neither zlib's checksum nor what follows the pixels.
    pieces, offset = b"", 8
    while offset < len(data):
        (length,) = struct.unpack(">I", data[offset : offset + 4])
        kind, body = data[offset + 4 : offset + 8], data[offset + 8 : offset + 8 + length]
        assert data[offset : offset + 12 + length] == chunk(kind, body)
        pieces += body if kind == b"IDAT" else b""
        offset += 12 + length
    bands = 3 + alpha
    assert len(zlib.decompress(pieces)) == 90 * (1 + 94 * bands * np.dtype(depth).itemsize)
    back = read_picture(tmp_path / "strips.png")
    assert (back.pixels == picture.pixels).all()
    assert (back.alpha is None) != alpha


# Bad input.


@each_case("content", [b"not a picture", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\0" * 999])
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"Expected a .*odd\.png"):
        read_picture(tmp_path / "odd.png")


@each_format
@each_case("share", [0.1, 0.5, 0.9])
def test_a_truncated_picture_is_refused(
    name: str, share: float, tmp_path: Path, rng: np.random.Generator
) -> None:
    file = tmp_path / f"cut.{name}"
    write_picture(noise(rng, np.uint8, 3, alpha=False, side=80), file)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ImageError, match=r"Expected a .*cut\."):
            read_picture(file)


def test_a_truncated_picture_of_sixteen_bits_is_refused(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    data = raw_png(rng.integers(0, 65536, (90, 90, 3), dtype=np.uint16), 2)
    (tmp_path / "cut.png").write_bytes(data[:-20000])
    with pytest.raises(ImageError, match=r"cut\.png cannot be decoded"):
        read_picture(tmp_path / "cut.png")


def test_every_byte_may_be_wrong(tmp_path: Path, rng: np.random.Generator) -> None:
    """Damage is told as ImageError or not noticed, and nothing else is raised."""
    for ending in ("png", "jpg", "webp", "tif", "bmp"):
        write_picture(with_metadata(text={"parameters": "a"}), tmp_path / f"in.{ending}")
        data = (tmp_path / f"in.{ending}").read_bytes()
        for _ in range(60):
            wrong = bytearray(data)
            for place in rng.integers(0, min(len(data), 400), 3):
                wrong[place] = rng.integers(256)
            (tmp_path / "wrong").write_bytes(wrong)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    read_picture(tmp_path / "wrong", max_pixels=1 << 20)
                except ImageError:
                    continue


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match=r"empty\.png is empty \(0 bytes\)"):
        read_picture(tmp_path / "empty.png")


@each_case("name", ["missing.png", "no/such/folder.png", "x" * 300, "a\0b"])
def test_a_file_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be opened"):
        read_picture(tmp_path / name)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is a folder: name a file in it"):
        read_picture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="not a regular file"):
        read_picture(tmp_path / "pipe.png")


def bomb(side: int) -> bytes:
    """A PNG file that says it is large and holds nothing."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@each_case("side", [16385, 60_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(side))
    with pytest.raises(ImageError, match=r"268,435,456 pixels.*raise the limit: --max-pixels"):
        read_picture(tmp_path / "bomb.png")


def test_the_limit_can_be_moved(tmp_path: Path) -> None:
    write_picture(smooth(), tmp_path / "in.png")
    with pytest.raises(ImageError, match="at most 4,095 pixels"):
        read_picture(tmp_path / "in.png", max_pixels=4095)
    assert read_picture(tmp_path / "in.png", max_pixels=4096).size == smooth().size


def icns_of(png_file: bytes) -> bytes:
    """An icon of 128 x 128, says its header."""
    entry = b"ic07" + struct.pack(">I", len(png_file) + 8) + png_file
    return b"icns" + struct.pack(">I", len(entry) + 8) + entry


def ico_of(png_file: bytes) -> bytes:
    """An icon of 64 x 64, says its header."""
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(png_file), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + png_file


@each_case("made", [icns_of, ico_of])
def test_a_bomb_inside_an_icon_is_refused_before_it_is_decoded(
    made: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / "icon").write_bytes(made(bomb(60_000)))
    with pytest.raises(ImageError, match=r"3,600,000,000.*raise the limit: --max-pixels"):
        read_picture(tmp_path / "icon")


def test_a_frame_or_page_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    small, large = Image.new("L", (20, 10)), Image.new("L", (90, 50))
    small.save(tmp_path / "pages.tif", save_all=True, append_images=[large])
    assert read_page(tmp_path / "pages.tif", 0, max_pixels=250).size.area == 200
    with pytest.raises(ImageError, match=r"at most 250 pixels.*4,500.*raise the limit"):
        read_page(tmp_path / "pages.tif", 1, max_pixels=250)
    small.save(tmp_path / "moving.gif", save_all=True, append_images=[Image.new("L", (20, 10), 9)])
    data = bytearray((tmp_path / "moving.gif").read_bytes())
    frame = data.rindex(b"\x2c")
    data[frame + 1 : frame + 5] = struct.pack("<HH", 60_000, 60_000)
    (tmp_path / "moving.gif").write_bytes(data)
    with pytest.raises(ImageError, match="raise the limit"):
        find_frames(tmp_path / "moving.gif")


def lower_pillows_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be far below the picture, and above our strips, as it is for large pictures."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr(images, "_STRIP_BYTES", 1500)


@each_case("name", ["png", "tiff", "webp", "jpeg", "bmp"])
def test_pillows_own_limit_neither_stops_us_nor_changes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its warning would be an error in these tests."""
    write_picture(smooth(), tmp_path / "in", format=name)
    lower_pillows_limit(monkeypatch)
    assert read_picture(tmp_path / "in").size == smooth().size
    assert Image.MAX_IMAGE_PIXELS == 1000
    (tmp_path / "bad").write_bytes(b"nonsense")
    with pytest.raises(ImageError):
        read_picture(tmp_path / "bad")
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_threads_read_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lower_pillows_limit(monkeypatch)
    for ending in ("png", "tif"):
        write_picture(smooth(), tmp_path / f"in.{ending}")
    failures: list[Exception] = []

    def read() -> None:
        try:
            for ending in ("png", "tif") * 10:
                read_picture(tmp_path / f"in.{ending}")
        except (Warning, ImageError) as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert Image.MAX_IMAGE_PIXELS == 1000


# Bad output.


def test_formats_are_found_by_name_and_ending() -> None:
    for name, each in FORMATS.items():
        for ending in each.suffixes:
            assert format_for(f"a/b.c{ending.upper()}") is each
            assert format_for("a.png", ending) is each
            assert format_for("a.png", ending[1:].upper()) is each
        assert format_for("a.png", name) is each


@each_case("path, name", [("a.pngg", None), ("a.png", "pngg"), ("a", None)])
def test_an_unknown_format_is_refused(path: str, name: str | None, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"an output format.*png"):
        write_picture(smooth(), tmp_path / path, format=name)
    assert not list(tmp_path.iterdir())


@each_case("quality", [0, -1, 101])
def test_an_impossible_quality_is_refused(quality: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"from 1 to 100, but got {quality}"):
        write_picture(smooth(), tmp_path / "a.jpg", quality=quality)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.png.*make the folder first"):
        write_picture(smooth(), tmp_path / "none" / "a.png")


def test_a_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match="Expected the name of a file"):
        write_picture(smooth(), tmp_path / "a.png")
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here first")
    with pytest.raises(OutputError, match="choose another folder"):
        write_picture(smooth(), tmp_path / "file" / "a.png")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no such device")
def test_a_device_is_left_alone() -> None:
    with pytest.raises(OutputError, match="Expected the name of a file"):
        write_picture(smooth(), "/dev/full", format="png")
    assert Path("/dev/full").is_char_device()


unless_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root"
)


@unless_root
def test_a_file_without_the_right_to_read_it(tmp_path: Path) -> None:
    write_picture(smooth(), tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0o200)
    with pytest.raises(ImageError, match="may not be read"):
        read_picture(tmp_path / "a.png")


@unless_root
def test_an_unwritable_folder_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="choose another folder"):
        write_picture(smooth(), tmp_path / "a.png")


@each_format
@pytest.mark.skipif(sys.platform == "win32", reason="has no limit on file sizes")
def test_a_full_folder_leaves_what_was_there(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    """The system ends the file after 20,000 bytes, as a full disk does."""
    import resource

    file = tmp_path / "kept"
    write_picture(smooth(), file, format=name)
    before = file.read_bytes()
    large = noise(rng, np.uint8, 3, alpha=False, side=200)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="free some space"):
            write_picture(large, file, format=name, quality=95)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_tiff_of_more_than_four_gigabytes_is_refused(tmp_path: Path) -> None:
    huge = np.broadcast_to(np.zeros(1, np.uint8), (40_000, 40_000, 3))
    with pytest.raises(OutputError, match=r"less than 4 GiB.*choose PNG"):
        write_picture(Picture(huge), tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_text("older")
    write_picture(smooth(), file)
    assert (read_picture(file).pixels == smooth().pixels).all()
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_goes_on_pointing(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_text("older")
    (tmp_path / "link.png").symlink_to("real.png")
    write_picture(smooth(), tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert (read_picture(tmp_path / "real.png").pixels == smooth().pixels).all()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such rights")
def test_a_new_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_picture(smooth(), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_real_pictures_survive(shared_data: Path, tmp_path: Path) -> None:
    for file in sorted((shared_data / "set5").glob("*_LR.png")):
        picture = read_picture(file)
        with Image.open(file) as image:
            expected = np.asarray(image.convert("RGB" if picture.pixels.shape[2] == 3 else "L"))
        assert (picture.pixels.squeeze() == expected).all()
        for ending in ("png", "tif", "bmp"):
            write_picture(picture, tmp_path / f"out.{ending}")
            assert (read_picture(tmp_path / f"out.{ending}").pixels == picture.pixels).all()
