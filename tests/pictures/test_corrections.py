"""What Pillow reads wrongly, without an error, is read rightly or stated."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin, features
from PIL.TiffImagePlugin import OPEN_INFO

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures.files import picture_size, read_picture, write_picture
from lib_upscalers.pictures.picture import Metadata, Picture

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

HEIGHT, WIDTH = 11, 17
_DEFLATE = 8


def values(rng: np.random.Generator, dtype: type, *bands: int) -> NDArray[Any]:
    return rng.integers(0, np.iinfo(dtype).max, (HEIGHT, WIDTH, *bands), dtype, endpoint=True)


def write_tiff(
    path: Path, parts: list[bytes], tags: dict[int, int | tuple[int, ...]], *, big: bool = False
) -> Path:
    """Write a TIFF file of one strip a part."""
    order = ">" if big else "<"
    tags = {
        256: WIDTH,
        257: HEIGHT,
        259: 1,
        262: 1,
        277: 1,
        278: HEIGHT,
        **tags,
        279: tuple(len(each) for each in parts),
    }
    start = 8 + 2 + 12 * (len(tags) + 1) + 4
    data = b""
    for part in parts:
        data += part
    places = tuple(start + sum(map(len, parts[:number])) for number in range(len(parts)))
    entries = b""
    for tag, value in sorted({**tags, 273: places}.items()):
        listed = value if isinstance(value, tuple) else (value,)
        letter, kind = ("I", 4) if tag in (273, 279) else ("H", 3)
        packed = struct.pack(f"{order}{len(listed)}{letter}", *listed)
        if len(packed) > 4:
            data += b"\0" * (len(data) % 2)
            place, data = start + len(data), data + packed
            packed = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", tag, kind, len(listed)) + packed.ljust(4, b"\0")
    head = b"MM\0*" if big else b"II*\0"
    count = struct.pack(f"{order}H", len(tags) + 1)
    path.write_bytes(head + struct.pack(f"{order}I", 8) + count + entries + b"\0" * 4 + data)
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_white_may_be_zero_of_sixteen_bits(
    compressed: bool, tmp_path: Path, rng: np.random.Generator
) -> None:
    grey = values(rng, np.uint16)
    data = grey.astype("<u2").tobytes()
    tags: dict[int, int | tuple[int, ...]] = {258: 16, 262: 0}
    if compressed:
        tags[259], data = _DEFLATE, zlib.compress(data)
    picture = read_picture(write_tiff(tmp_path / "negative.tif", [data], tags))
    assert (picture.pixels[..., 0] == 65535 - grey).all()


def test_white_may_be_zero_of_floats(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, HEIGHT * WIDTH, dtype="<f4").reshape(HEIGHT, WIDTH)
    file = write_tiff(tmp_path / "float.tif", [ramp.tobytes()], {258: 32, 262: 0, 339: 3})
    assert np.abs(read_picture(file).pixels[..., 0] - (1 - ramp)).max() < 1e-6


def test_twelve_bits_are_as_bright_as_sixteen(tmp_path: Path, rng: np.random.Generator) -> None:
    width = 16
    grey = rng.integers(0, 4096, (HEIGHT, width))
    grey[0, :2] = 0, 4095
    bits = "".join(f"{each:012b}" for each in grey.ravel())
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    picture = read_picture(write_tiff(tmp_path / "12.tif", [data], {256: width, 258: 12}))
    assert (picture.pixels[..., 0] == (grey << 4 | grey >> 8)).all()


@pytest.mark.skipif(
    (b"II", 1, (2,), 1, (8,), ()) not in OPEN_INFO, reason="this Pillow refuses signed bytes"
)
def test_signed_bytes_are_no_unsigned_ones(tmp_path: Path) -> None:
    ramp = np.linspace(-100, 100, HEIGHT * WIDTH).astype(np.int8).reshape(HEIGHT, WIDTH)
    picture = read_picture(write_tiff(tmp_path / "i.tif", [ramp.tobytes()], {258: 8, 339: 2}))
    assert (np.diff(picture.pixels[..., 0].ravel().astype(int)) >= 0).all()
    assert any("-100" in note for note in picture.notes)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_planes_of_sixteen_bits(
    big: bool, alpha: bool, tmp_path: Path, rng: np.random.Generator
) -> None:
    bands = 3 + alpha
    colour = values(rng, np.uint16, bands)
    planes = [colour[..., each].astype(">u2" if big else "<u2").tobytes() for each in range(bands)]
    tags: dict[int, int | tuple[int, ...]] = {258: (16,) * bands, 262: 2, 277: bands, 284: 2}
    if alpha:
        tags[338] = 2
    picture = read_picture(write_tiff(tmp_path / "planes.tif", planes, tags, big=big))
    assert (picture.pixels == colour[..., :3]).all()
    assert (picture.alpha is not None) == alpha
    assert picture.alpha is None or (picture.alpha == colour[..., 3]).all()


def test_compressed_planes_are_said_to_be_read_as_eight_bits(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    colour = values(rng, np.uint16, 3)
    planes = [zlib.compress(colour[..., each].astype("<u2").tobytes()) for each in range(3)]
    tags = {258: (16,) * 3, 259: _DEFLATE, 262: 2, 277: 3, 284: 2}
    picture = read_picture(write_tiff(tmp_path / "planes.tif", planes, tags))
    assert picture.pixels.dtype == np.uint8
    assert (picture.pixels == colour >> 8).all()
    assert any("16 bits" in note for note in picture.notes)


def test_a_single_plane_is_no_other_kind_of_grey(tmp_path: Path, rng: np.random.Generator) -> None:
    grey, deep = values(rng, np.uint8), values(rng, np.uint16)
    bits = np.packbits(grey > 99, axis=1).tobytes()
    for name, data, tags, expected in (
        ("8", grey.tobytes(), {258: 8, 262: 0}, 255 - grey),
        ("16", deep.astype("<u2").tobytes(), {258: 16}, deep),
        ("1", bits, {258: 1, 262: 0}, np.where(grey > 99, 0, 255)),
    ):
        file = write_tiff(tmp_path / f"{name}.tif", [data], {**tags, 284: 2})
        assert (read_picture(file).pixels[..., 0] == expected).all(), name


def test_planes_of_cmyk_are_read_as_whole_pixels_are(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    colour = values(rng, np.uint16, 4)
    tags = {258: (16,) * 4, 262: 5, 277: 4}
    whole = read_picture(write_tiff(tmp_path / "whole.tif", [colour.tobytes()], tags))
    planes = [colour[..., each].tobytes() for each in range(4)]
    apart = read_picture(write_tiff(tmp_path / "planes.tif", planes, {**tags, 284: 2}))
    assert (apart.pixels == whole.pixels).all()
    assert any("16 bits" in note for note in apart.notes)


def test_uncompressed_files_that_libtiff_alone_decodes(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    grey = values(rng, np.uint8)
    ycc = np.dstack([grey, np.full_like(grey, 128), np.full_like(grey, 128)])
    tags = {258: (8,) * 3, 262: 6, 277: 3, 530: (1, 1)}
    file = write_tiff(tmp_path / "y.tif", [ycc.tobytes()], tags)
    picture = read_picture(file)
    assert np.abs(picture.pixels.astype(int) - grey[..., None]).max() <= 1
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ImageError):
        read_picture(file)
    assert not TiffImagePlugin.READ_LIBTIFF


def test_colours_multiplied_by_alpha_keep_their_bits(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    colour, alpha = values(rng, np.uint16, 3), values(rng, np.uint16)
    alpha = np.maximum(alpha, 20_000)
    alpha[0, :2] = 0, 65535
    stored = np.rint(colour * (alpha / 65535)[..., None]).astype("<u2")
    both = np.dstack([stored, alpha]).astype("<u2")
    tags = {258: (16,) * 4, 262: 2, 277: 4, 338: 1}
    picture = read_picture(write_tiff(tmp_path / "m.tif", [both.tobytes()], tags))
    assert picture.alpha is not None
    assert (picture.alpha == alpha).all()
    seen = alpha > 0
    assert np.abs(picture.pixels[seen].astype(int) - colour[seen]).max() <= 2


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return pixels[rows, columns]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiffs_orientation_whatever_its_pixels_are(
    orientation: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    for name, pixels, tags in (
        ("L", values(rng, np.uint8), {258: 8}),
        ("I;16", values(rng, np.uint16), {258: 16}),
        ("RGB", values(rng, np.uint8, 3), {258: (8,) * 3, 262: 2, 277: 3}),
        ("RGBA", values(rng, np.uint8, 4), {258: (8,) * 4, 262: 2, 277: 4, 338: 2}),
        ("RGB;16", values(rng, np.uint16, 3), {258: (16,) * 3, 262: 2, 277: 3}),
    ):
        file = write_tiff(tmp_path / "o.tif", [pixels.tobytes()], {**tags, 274: orientation})
        picture = read_picture(file)
        whole = pixels if pixels.ndim == 3 else pixels[..., None]
        assert (picture.pixels == turned(whole, orientation)[..., :3]).all(), name
        if picture.alpha is not None:
            assert (picture.alpha == turned(pixels, orientation)[..., 3]).all(), name
        assert picture_size(file) == picture.size, name


def write_chunks(
    path: Path, head: tuple[int, ...], rows: bytes, *extra: tuple[bytes, bytes]
) -> Path:
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", *head)), *extra, (b"IDAT", zlib.compress(rows)))
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in (*chunks, (b"IEND", b"")):
        check = zlib.crc32(kind + content)
        data += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_transparent_grey_of_few_bits(bits: int, tmp_path: Path) -> None:
    shades = np.arange(16).reshape(2, 8) % (1 << bits)
    lines = ("".join(f"{each:0{bits}b}" for each in line) for line in shades)
    rows = b"".join(b"\0" + int(line, 2).to_bytes(bits, "big") for line in lines)
    for key in range(min(4, 1 << bits)):
        chunk = (b"tRNS", struct.pack(">H", key))
        file = write_chunks(tmp_path / "t.png", (8, 2, bits, 0, 0, 0, 0), rows, chunk)
        picture = read_picture(file)
        assert picture.alpha is not None
        assert ((picture.alpha == 0) == (shades == key)).all(), key


def test_a_profile_longer_than_pillow_allows(tmp_path: Path, rng: np.random.Generator) -> None:
    before = PngImagePlugin.MAX_TEXT_CHUNK
    profile = rng.bytes(2 * before)
    text = '{"node": 1}' * 200_000
    picture = Picture(values(rng, np.uint8, 3), None, Metadata(icc_profile=profile))
    for content in (
        (b"iCCP", b"a\0\0" + zlib.compress(profile)),
        (b"zTXt", b"workflow\0\0" + zlib.compress(text.encode())),
    ):
        rows = b"".join(b"\0" + row.tobytes() for row in picture.pixels)
        file = write_chunks(tmp_path / "l.png", (WIDTH, HEIGHT, 8, 2, 0, 0, 0), rows, content)
        back = read_picture(file)
        assert (back.pixels == picture.pixels).all()
        assert back.metadata.icc_profile == profile or back.metadata.text == {"workflow": text}
    assert before == PngImagePlugin.MAX_TEXT_CHUNK


@pytest.mark.parametrize("white", [1023, 65535])
def test_netpbm_of_more_than_eight_bits(
    white: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    colour = rng.integers(0, white + 1, (HEIGHT, WIDTH, 3))
    file = tmp_path / "deep.ppm"
    file.write_bytes(b"P6 %d %d %d\n" % (WIDTH, HEIGHT, white) + colour.astype(">u2").tobytes())
    picture = read_picture(file)
    assert picture.pixels.dtype == np.uint16
    assert (picture.pixels == np.rint(colour * (65535 / white))).all()


def test_bits_that_are_not_read_are_stated(tmp_path: Path, rng: np.random.Generator) -> None:
    deep = values(rng, np.uint16, 4)
    cmyk = write_tiff(tmp_path / "c.tif", [deep.tobytes()], {258: (16,) * 4, 262: 5, 277: 4})
    head = struct.pack(">HBBHHHHll4x80sl404x", 474, 0, 2, 2, WIDTH, HEIGHT, 1, 0, 65535, b"", 0)
    sgi = tmp_path / "s.sgi"
    sgi.write_bytes(head + deep[..., 0].astype(">u2").tobytes())
    plain = tmp_path / "p.ppm"
    plain.write_bytes(b"P3 2 1 65535\n0 0 0 65535 32768 12345\n")
    for file in (cmyk, sgi, plain):
        assert any("16 bits" in note for note in read_picture(file).notes), file.name
    grey = tmp_path / "g.jp2"
    if features.check("jpg_2000"):
        Image.fromarray(deep[..., 0]).save(grey)
        picture = read_picture(grey)
        assert picture.pixels.dtype == np.uint16
        assert not picture.notes


def test_a_resolution_that_jpeg_does_not_hold_is_left_out(tmp_path: Path) -> None:
    for dpi in ((101_600.0, 101_600.0), (72.0, 100_000.0), (0.3, 0.3)):
        picture = Picture(np.zeros((2, 2, 3), np.uint8), None, Metadata(dpi=dpi))
        write_picture(picture, tmp_path / "d.jpg")
        assert read_picture(tmp_path / "d.jpg").metadata.dpi is None, dpi
