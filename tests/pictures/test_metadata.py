"""Colour spaces, XMP and texts, from every format into every other."""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, features

from lib_upscalers.pictures.colour_spaces import CodePoints, profile_of_points
from lib_upscalers.pictures.files import FORMATS, read_picture, write_picture
from lib_upscalers.pictures.icc import (
    SRGB_PRIMARIES,
    for_pixels,
    gamma_curve,
    grey_profile,
    offset_curve,
    rgb_profile,
)
from lib_upscalers.pictures.picture import Metadata, Picture, from_pil, to_pil
from lib_upscalers.pictures.xmp import add_texts, correct_xmp, take_texts

if TYPE_CHECKING:
    from pathlib import Path

WITH_METADATA = [
    name for name, each in FORMATS.items() if each.room.profile and each.room.exif and each.room.xmp
]
if not features.check("avif"):
    WITH_METADATA.remove("avif")
PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">'
    b"A caf\xc3\xa9</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    b'<?xpacket end="w"?>'
)
TEXTS = {
    "parameters": "a cat, 猫\nSteps: 20",
    "prompt": '{"3": {"class_type": "KSampler", "text": "naïve 猫"}}',
    "workflow": '{"nodes": [1, 2], "ü": "</rdf:RDF> & <b>"}',
    "invokeai_metadata": '{"seed": 1}',
    "Comment": "two\nlines\r\nand\ttabs",
    "猫": "a key of its own",
}


def pixels() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def picture(**changes: object) -> Picture:
    return Picture(pixels(), None, dataclasses.replace(Metadata(), **changes))


def through(source: Picture, name: str, folder: Path) -> tuple[Picture, str]:
    """Write a picture in a format and read it again; return it and what was left out."""
    notes = write_picture(source, folder / f"out.{name}", format=name)
    return read_picture(folder / f"out.{name}"), " ".join(notes)


# XMP.


def test_xmp_goes_from_every_format_to_every_other(tmp_path: Path) -> None:
    for first in WITH_METADATA:
        there, notes = through(picture(xmp=PACKET), first, tmp_path)
        assert there.metadata.xmp == PACKET, first
        assert not notes, first
        for second in WITH_METADATA:
            again, _ = through(there, second, tmp_path)
            assert again.metadata.xmp == PACKET, (first, second)
            with Image.open(tmp_path / f"out.{second}") as image:
                image.load()
                assert b"A caf\xc3\xa9" in (tmp_path / f"out.{second}").read_bytes()
    assert "XMP does not fit" in through(picture(xmp=PACKET), "bmp", tmp_path)[1]


def test_xmp_of_pillow_is_read(tmp_path: Path) -> None:
    image = Image.fromarray(pixels())
    for name in ("webp", "avif", "tiff", "jpeg"):
        if name in WITH_METADATA:
            if name == "tiff":
                image.save(tmp_path / "in", "TIFF", tiffinfo={700: PACKET})
            else:
                image.save(tmp_path / "in", name.upper(), xmp=PACKET)
            assert read_picture(tmp_path / "in").metadata.xmp == PACKET, name


def test_xmp_says_what_the_pixels_are_now() -> None:
    old = (
        b'<r tiff:Orientation="6" tiff:ImageWidth="4000" exif:PixelXDimension=\'4000\' dc:a="b">'
        b"<tiff:Orientation>8</tiff:Orientation><exif:PixelYDimension>3</exif:PixelYDimension></r>"
    )
    new = b'<r tiff:Orientation="1" dc:a="b"><tiff:Orientation>1</tiff:Orientation></r>'
    assert correct_xmp(old) == new


def test_xmp_that_is_too_long_for_jpeg_is_stated(tmp_path: Path) -> None:
    long = PACKET.replace(b"A caf", b"A" * 70_000)
    back, notes = through(picture(xmp=long), "jpeg", tmp_path)
    assert back.metadata.xmp is None
    assert "XMP does not fit into a .jpg file" in notes


# Texts.


def test_texts_go_from_every_format_to_every_other(tmp_path: Path) -> None:
    for first in WITH_METADATA:
        there, notes = through(picture(text=TEXTS, xmp=PACKET), first, tmp_path)
        expected = {key: text for key, text in TEXTS.items() if first != "png" or key != "猫"}
        assert dict(there.metadata.text) == expected, first
        assert ("猫" in notes) == (first == "png"), first
        assert there.metadata.xmp == PACKET, first
        for second in WITH_METADATA:
            again, _ = through(there, second, tmp_path)
            assert expected.items() - again.metadata.text.items() <= {("猫", TEXTS["猫"])}, second


def test_comfyui_finds_its_texts_in_webp(tmp_path: Path) -> None:
    write_picture(picture(text=TEXTS), tmp_path / "out.webp")
    with Image.open(tmp_path / "out.webp") as image:
        block = image.info["exif"]
    assert b"prompt:" + TEXTS["prompt"].encode() in block
    assert b"workflow:" + TEXTS["workflow"].encode() in block


def test_texts_in_exif_keep_their_letters(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "José 猫".encode()
    exif[0x8769] = {0x9286: b"UNICODE\0" + "naïve".encode("utf-16-be"), 0xA434: "Ä lens".encode()}
    source = picture(exif=exif.tobytes(), text={"prompt": "ü"})
    for first in WITH_METADATA:
        for second in WITH_METADATA:
            back, _ = through(through(source, first, tmp_path)[0], second, tmp_path)
            block = back.metadata.exif
            assert block is not None, (first, second)
            assert "José 猫".encode() in block, (first, second)
            assert "Ä lens".encode() in block, (first, second)


def test_a_cameras_name_is_no_workflow(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker: of cameras", "Model"
    back, _ = through(picture(exif=exif.tobytes(), text=TEXTS), "webp", tmp_path)
    assert dict(back.metadata.text) == TEXTS
    assert back.metadata.exif is not None
    found = Image.Exif()
    found.load(back.metadata.exif)
    assert found[0x010F] == "Maker: of cameras"
    assert found[0x0110] == "Model"


def test_long_texts_are_stated_where_they_do_not_fit(tmp_path: Path) -> None:
    texts = {"seed": "1", "workflow": "x" * 100_000}
    for name in WITH_METADATA:
        back, notes = through(picture(text=texts), name, tmp_path)
        assert back.metadata.text["seed"] == "1", name
        assert ("workflow" in back.metadata.text) != ("100,000 characters" in notes), name
        assert ("workflow" in notes) == (name == "jpeg"), name
    assert '"seed", "workflow"' in through(picture(text=texts), "bmp", tmp_path)[1]


def test_a_text_of_png_counts_more_than_one_of_its_xmp(tmp_path: Path) -> None:
    """A program that does not know our XMP has written the newer one beside it."""
    packet = add_texts(None, {"parameters": "old", "prompt": "only here"})
    assert packet is not None
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "new")
    texts.add_itxt("XML:com.adobe.xmp", packet.decode("utf-8"))
    Image.fromarray(pixels()).save(tmp_path / "both.png", pnginfo=texts)
    found = read_picture(tmp_path / "both.png").metadata.text
    assert found == {"parameters": "new", "prompt": "only here"}


def test_texts_in_xmp_come_back_whatever_is_in_them() -> None:
    for packet in (None, PACKET):
        whole = add_texts(packet, {"a": "<>&\"'\r\n", "b\t": "\x00\x0b\ud800end"})
        assert whole is not None
        rest, texts = take_texts(whole)
        assert rest == packet
        assert texts == {"a": "<>&\"'\r\n", "b\t": "\ufffd\ufffd\ufffdend"}
    assert add_texts(b"no RDF", {"a": "b"}) is None


# Colour spaces.


def png_with(*chunks: tuple[bytes, bytes], grey: bool = False) -> bytes:
    values = pixels()[..., 0] if grey else pixels()
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    data = file.getvalue()
    extra = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return data[:33] + extra + data[33:]


def xys(*values: float) -> bytes:
    return struct.pack(">8I", *(round(value * 100_000) for value in values))


P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB_CURVE = offset_curve(2.4, 0.055, 12.92, 0.04045)


def as_srgb(profile: bytes, colour: tuple[int, ...], mode: str = "RGB") -> list[int]:
    """Return what lcms makes of a colour in that profile."""
    image = Image.new(mode, (1, 1), colour if mode == "RGB" else colour[0])
    converted = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=1,
        outputMode="RGB",
    )
    assert converted is not None
    return list(converted.getpixel((0, 0)))


def test_profiles_mean_what_they_are_made_of() -> None:
    srgb = rgb_profile("sRGB", SRGB_PRIMARIES, SRGB_CURVE)
    assert srgb is not None
    for colour in ((0, 0, 0), (255, 255, 255), (200, 30, 90), (10, 20, 30)):
        assert np.abs(np.subtract(as_srgb(srgb, colour), colour)).max() <= 1, colour
    p3 = rgb_profile("P3", P3, SRGB_CURVE)
    assert p3 is not None
    # Apple's values for Display P3 of sRGB's (255, 0, 0), rounded.
    assert np.abs(np.subtract(as_srgb(p3, (234, 51, 35)), (255, 0, 0))).max() <= 3
    linear = rgb_profile("linear", SRGB_PRIMARIES, gamma_curve(1.0))
    assert linear is not None
    assert np.abs(np.subtract(as_srgb(linear, (55, 55, 55)), 128)).max() <= 1
    grey = grey_profile("grey", gamma_curve(1.0))
    assert abs(as_srgb(grey, (55,), "L")[0] - 128) <= 1
    assert rgb_profile("none", (0.3, 0.0, *SRGB_PRIMARIES[2:]), SRGB_CURVE) is None
    assert rgb_profile("flat", (0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2), SRGB_CURVE) is None


def test_profiles_change_between_grey_and_rgb(tmp_path: Path) -> None:
    grey = grey_profile("grey", gamma_curve(1.8))
    wide = for_pixels(grey, grey=False)
    assert wide is not None
    expected = as_srgb(grey, (100,), "L")
    assert np.abs(np.subtract(as_srgb(wide, (100,) * 3), expected)).max() <= 1
    assert for_pixels(wide, grey=True) is not None
    source = Picture(pixels()[..., :1], None, Metadata(icc_profile=grey))
    for name in WITH_METADATA:
        back, notes = through(source, name, tmp_path)
        assert not notes, name
        mode = "L" if back.pixels.shape[2] == 1 else "RGB"
        assert back.metadata.icc_profile is not None, name
        found = as_srgb(back.metadata.icc_profile, (100,) * 3, mode)
        assert np.abs(np.subtract(found, expected)).max() <= 1, name


@pytest.mark.slow
def test_colour_chunks_of_png_become_profiles_that_go_everywhere(tmp_path: Path) -> None:
    gamma = struct.pack(">I", 100_000)
    for chunks, colour, expected in (
        ([(b"gAMA", gamma)], (55, 55, 55), (128, 128, 128)),
        ([(b"gAMA", struct.pack(">I", 45_455)), (b"cHRM", xys(*P3))], (234, 51, 35), (255, 0, 0)),
        ([(b"cHRM", xys(*P3))], (234, 51, 35), (255, 0, 0)),
        ([(b"cICP", bytes((12, 13, 0, 1)))], (234, 51, 35), (255, 0, 0)),
        ([(b"cICP", bytes((1, 8, 0, 1))), (b"gAMA", gamma)], (55, 55, 55), (128, 128, 128)),
    ):
        (tmp_path / "in.png").write_bytes(png_with(*chunks))
        source = read_picture(tmp_path / "in.png")
        for name in WITH_METADATA:
            back, notes = through(source, name, tmp_path)
            assert "profile" not in notes, (chunks, name)
            profile = back.metadata.icc_profile
            assert profile is not None, (chunks, name)
            assert np.abs(np.subtract(as_srgb(profile, colour), expected)).max() <= 5, chunks
        assert to_pil(source).info["icc_profile"] == source.metadata.icc_profile
        assert "colour profile does not fit" in through(source, "bmp", tmp_path)[1]


def test_what_means_srgb_needs_no_profile(tmp_path: Path) -> None:
    gamma = (b"gAMA", struct.pack(">I", 45_455))
    for chunks in (
        [gamma],
        [gamma, (b"cHRM", xys(*SRGB_PRIMARIES))],
        [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000))],
        [(b"cICP", bytes((1, 13, 0, 1))), (b"gAMA", struct.pack(">I", 100_000))],
        [(b"cICP", bytes((2, 2, 0, 1)))],
    ):
        (tmp_path / "in.png").write_bytes(png_with(*chunks))
        source = read_picture(tmp_path / "in.png")
        assert source.metadata.icc_profile is None, chunks
        assert not source.notes, chunks


def test_grey_png_with_gamma_has_a_grey_profile(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(png_with((b"gAMA", struct.pack(">I", 100_000)), grey=True))
    profile = read_picture(tmp_path / "in.png").metadata.icc_profile
    assert profile is not None
    assert profile[16:20] == b"GRAY"


def test_hdr_keeps_its_code_points_and_is_stated(tmp_path: Path) -> None:
    light = ((b"mDCV", bytes(24)), (b"cLLI", bytes(8)))
    for transfer in (16, 18):
        (tmp_path / "in.png").write_bytes(png_with((b"cICP", bytes((9, transfer, 0, 1))), *light))
        source = read_picture(tmp_path / "in.png")
        assert "HDR" in " ".join(source.notes)
        assert source.metadata.points == (9, transfer)
        again, _ = through(source, "png", tmp_path)
        assert again.metadata.points == (9, transfer)
        assert again.metadata.hdr_chunks == light
        for name in WITH_METADATA:
            back, _ = through(source, name, tmp_path)
            profile = back.metadata.icc_profile
            assert profile is not None, name
            assert b"cicp\0\0\0\0" + bytes((9, transfer, 0, 1)) in profile, name


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_code_points_of_avif_are_read_and_written(tmp_path: Path) -> None:
    Image.fromarray(pixels()).save(tmp_path / "in.avif")
    plain = (tmp_path / "in.avif").read_bytes()
    assert read_picture(tmp_path / "in.avif").metadata.icc_profile is None
    place = plain.index(b"colrnclx") + 8
    for points in ((12, 16), (9, 16), (12, 13), (9, 18), (1, 8)):
        changed = plain[:place] + struct.pack(">HH", *points) + plain[place + 4 :]
        (tmp_path / "in.avif").write_bytes(changed)
        source = read_picture(tmp_path / "in.avif")
        assert source.metadata.points == points
        assert source.metadata.icc_profile is not None
        for name in ("avif", "png"):
            assert through(source, name, tmp_path)[0].metadata.points == points, name


@pytest.mark.slow
def test_every_known_code_point_has_a_profile() -> None:
    for primaries in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22):
        for transfer in (1, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18):
            for grey in (False, True):
                points = CodePoints(primaries, transfer)
                profile = profile_of_points(points, grey=grey)
                assert (profile is None) == points.is_srgb, points
                if profile is not None:
                    white = as_srgb(profile, (255,) * 3, "L" if grey else "RGB")
                    assert min(white) >= 254, points
    assert profile_of_points(CodePoints(77, 13), grey=False) is None


def test_unknown_code_points_are_stated(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(png_with((b"cICP", bytes((77, 9, 0, 1)))))
    assert "unknown and left out" in " ".join(read_picture(tmp_path / "in.png").notes)


def test_primaries_of_tiff_become_a_profile(tmp_path: Path) -> None:
    tags = {318: P3[:2], 319: P3[2:]}
    Image.fromarray(pixels()).save(tmp_path / "in.tif", tiffinfo=tags)
    profile = read_picture(tmp_path / "in.tif").metadata.icc_profile
    assert profile is not None
    assert np.abs(np.subtract(as_srgb(profile, (234, 51, 35)), (255, 0, 0))).max() <= 3


# What was lossless.


def test_a_lossless_file_that_becomes_lossy_is_stated(tmp_path: Path) -> None:
    image = Image.fromarray(pixels())
    image.save(tmp_path / "lossy.webp")
    image.save(tmp_path / "lossless.webp", lossless=True)
    image.save(tmp_path / "in.png")
    image.save(tmp_path / "in.jpg")
    for name, lossless in (
        ("lossy.webp", False),
        ("lossless.webp", True),
        ("in.png", True),
        ("in.jpg", False),
    ):
        source = read_picture(tmp_path / name)
        assert source.metadata.lossless == lossless, name
        for quality in (None, 80, 100):
            notes = " ".join(write_picture(source, tmp_path / "out.webp", quality=quality))
            assert ("lossless" in notes) == (lossless and quality != 100), (name, quality)
        assert ("lossless" in through(source, "jpeg", tmp_path)[1]) == lossless, name
        assert "lossless" not in through(source, "png", tmp_path)[1], name


def test_images_in_memory_bring_their_metadata() -> None:
    image = Image.fromarray(pixels())
    image.info["xmp"] = PACKET
    assert from_pil(image).metadata.xmp == PACKET
    assert to_pil(from_pil(image)).info["xmp"] == PACKET
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", "{}")
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=texts)
    with Image.open(file) as opened:
        assert dict(from_pil(opened).metadata.text) == {"prompt": "{}"}
