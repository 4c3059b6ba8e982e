from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps

from lib_upscalers.errors import ImageError
from lib_upscalers.geometry import Size
from lib_upscalers.pictures import bleed as bleed_module
from lib_upscalers.pictures.bit_depth import peak, to_depth
from lib_upscalers.pictures.picture import (
    Metadata,
    Picture,
    bleed_free,
    from_pil,
    from_tensor,
    to_pil,
    to_tensor,
)
from tests.cases import each_case

DEPTHS = (np.uint8, np.uint16, np.float32)
CPU = torch.device("cpu")
each_depth = each_case("depth", DEPTHS)


def pixels_of(rng: np.random.Generator, depth: type, *shape: int) -> np.ndarray:
    values = rng.random(shape, dtype=np.float32)
    return values if depth == np.float32 else np.floor(values * (peak(depth) + 1)).astype(depth)


def gradient(mode: str, width: int = 9, height: int = 5) -> Image.Image:
    """An image whose every value differs from its neighbours'."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    values = np.arange(width * height * bands, dtype=np.uint8).reshape(height, width, bands) * 5
    return Image.frombytes(mode, (width, height), values.tobytes())


@each_case("channels", [1, 3])
@each_case("depth", DEPTHS)
def test_a_picture_is_checked(channels: int, depth: type) -> None:
    pixels = np.zeros((3, 4, channels), depth)
    assert Picture(pixels, np.zeros((3, 4), depth)).size == Size(4, 3)
    with pytest.raises(ImageError, match="Expected alpha of shape"):
        Picture(pixels, np.zeros((4, 3), depth))
    with pytest.raises(ImageError, match="Expected alpha of shape"):
        Picture(pixels, np.zeros((3, 4), np.float64))


@each_case("shape", [(3, 4), (3, 4, 2), (3, 4, 4), (0, 4, 3), (3, 0, 1)])
def test_a_picture_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="Expected pixels of shape"):
        Picture(np.zeros(shape, np.uint8))


def test_a_picture_of_another_dtype_is_refused() -> None:
    with pytest.raises(ImageError, match="uint8, uint16, float32, but got float64"):
        Picture(np.zeros((2, 2, 3)))


@each_case("value", [255.0, -3.0, np.nan, np.inf])
def test_float_pixels_of_another_range_are_refused(value: float) -> None:
    pixels = np.full((2, 3, 3), 0.5, np.float32)
    assert Picture(pixels * 2.5).size == Size(3, 2), "a little beyond white is usual"
    pixels[1, 2, 0] = value
    with pytest.raises(ImageError, match="Expected float pixels from 0 to 1, but"):
        Picture(pixels)


@each_depth
@each_case("wanted", DEPTHS)
def test_depths_round_to_the_nearest(depth: type, wanted: type) -> None:
    count = 256 if depth == np.uint8 else 65536
    values = np.arange(count) if depth != np.float32 else np.linspace(0, 1, count)
    values = values.astype(depth).reshape(16, -1)
    expected = values.astype(np.float64) / peak(depth) * peak(wanted)
    result = to_depth(values, wanted)
    assert result.dtype == wanted
    allowed = 1e-7 if wanted == np.float32 else 0.501
    assert np.abs(result.astype(np.float64) - expected).max() <= allowed
    assert (result is values) == (depth == wanted)
    if peak(wanted) >= peak(depth) > 1 or wanted == np.float32:
        assert (to_depth(result, depth) == values).all()


def test_floats_beyond_black_and_white_are_clipped() -> None:
    assert to_depth(np.array([-1.0, 2.0], np.float32), np.uint8).tolist() == [0, 255]


@each_case("mode", ["L", "LA", "RGB", "RGBA"])
def test_eight_bit_modes_come_and_go_unchanged(mode: str) -> None:
    image = gradient(mode)
    picture = from_pil(image)
    assert picture.metadata.mode == mode
    assert picture.pixels.shape == (5, 9, 1 if mode.startswith("L") else 3)
    assert (picture.alpha is not None) == mode.endswith("A")
    back = to_pil(picture)
    assert back.mode == mode
    assert back.tobytes() == image.tobytes()


def test_channels_are_red_green_blue() -> None:
    picture = from_pil(Image.new("RGB", (2, 1), (10, 20, 30)))
    assert picture.pixels[0, 0].tolist() == [10, 20, 30]
    assert to_tensor(picture.pixels, CPU, torch.float32)[:, 0, 0].mul(255).tolist() == [10, 20, 30]


@each_case("mode", ["1", "P", "PA", "RGBX", "YCbCr", "HSV", "CMYK", "La", "RGBa"])
def test_other_modes_come_as_pillow_converts_them(mode: str) -> None:
    premultiplied = mode in ("La", "RGBa")
    image = gradient("LA" if mode == "La" else "RGBA" if premultiplied else "RGB").convert(mode)
    if mode == "PA":
        image = gradient("RGBA").convert("RGB").convert("P").convert("PA")
    picture = from_pil(image)
    grey = mode in ("1", "La")
    transparent = mode in ("PA", "La", "RGBa")
    wanted = ("L" if grey else "RGB") + ("A" if transparent else "")
    assert to_pil(picture).mode == wanted
    assert to_pil(picture).tobytes() == image.convert(wanted).tobytes()
    assert picture.metadata.mode == mode


def test_a_palette_may_hold_transparency() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    for transparency, alpha in ((1, [255, 0, 255]), (bytes([0, 128, 255]), [0, 128, 255])):
        image.info["transparency"] = transparency
        picture = from_pil(image)
        assert picture.alpha is not None
        assert picture.alpha[0].tolist() == alpha
        assert picture.pixels[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_a_palettes_colours_may_have_alpha() -> None:
    image = Image.new("P", (2, 1))
    image.putdata([0, 1])
    image.putpalette([255, 0, 0, 255, 0, 255, 0, 128], rawmode="RGBA")
    picture = from_pil(image)
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [255, 128]
    assert picture.pixels[0].tolist() == [[255, 0, 0], [0, 255, 0]]


@each_case("mode, key", [("L", 7), ("RGB", (7, 7, 7))])
def test_one_colour_may_stand_for_transparency(mode: str, key: object) -> None:
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), key)
    image.info["transparency"] = key
    picture = from_pil(image)
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [255, 0]


@each_case("mode", ["I;16", "I;16L", "I;16B", "I"])
def test_sixteen_bits_of_grey_are_kept(mode: str) -> None:
    values = np.array([[0, 1, 256], [257, 40000, 65535]])
    kind = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2", "I": "=i4"}[mode]
    image = Image.frombytes(mode, (3, 2), values.astype(kind).tobytes())
    picture = from_pil(image)
    assert picture.pixels.dtype == np.dtype("=u2")
    assert picture.pixels.dtype.isnative
    assert picture.pixels[..., 0].tolist() == values.tolist()
    back = to_pil(picture)
    assert back.mode == "I;16"
    assert np.asarray(back).tolist() == values.tolist()


def test_a_key_value_of_sixteen_bits() -> None:
    image = Image.frombytes("I;16", (2, 1), np.array([300, 301], "<u2").tobytes())
    image.info["transparency"] = 301
    picture = from_pil(image)
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [65535, 0]


def test_thirty_two_bits_become_sixteen() -> None:
    image = Image.frombytes("I", (2, 1), np.array([[0, 0x7FFFFFFF]], np.int32).tobytes())
    assert from_pil(image).pixels.ravel().tolist() == [0, 65535]


@each_case(
    "values, expected",
    [
        ([0.0, 0.25, 1.0], [0.0, 0.25, 1.0]),
        ([-0.5, 0.5, 1.5], [0.0, 0.5, 1.0]),
        ([0.0, 51.0, 255.0], [0.0, 0.2, 1.0]),
        ([0.0, 13107.0, 65535.0], [0.0, 0.2, 1.0]),
        ([0.0, 1e5, 2e5], [0.0, 0.5, 1.0]),
        ([float("nan"), 0.5, float("inf")], [0.0, 0.5, 1.0]),
    ],
)
def test_float_images_find_their_white(values: list[float], expected: list[float]) -> None:
    image = Image.fromarray(np.array([values], np.float32))
    picture = from_pil(image)
    assert picture.pixels.dtype == np.float32
    assert picture.pixels.ravel().tolist() == pytest.approx(expected)


def test_float_grey_comes_back() -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    back = to_pil(from_pil(Image.fromarray(values)))
    assert back.mode == "F"
    assert (np.asarray(back) == values).all()


@each_case("depth", [np.uint16, np.float32])
def test_what_pillow_cannot_hold_is_rounded(depth: type, rng: np.random.Generator) -> None:
    picture = Picture(pixels_of(rng, depth, 4, 5, 3), pixels_of(rng, depth, 4, 5))
    image = to_pil(picture)
    assert image.mode == "RGBA"
    assert (np.asarray(image)[..., :3] == to_depth(picture.pixels, np.uint8)).all()


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def test_a_colour_profile_is_kept() -> None:
    image = gradient("RGB")
    image.info["icc_profile"] = profile("sRGB")
    picture = from_pil(image)
    assert picture.metadata.icc_profile == profile("sRGB")
    assert to_pil(picture).info["icc_profile"] == profile("sRGB")


def grey_ink_profile() -> bytes:
    """A CMYK profile, of one table, by which every ink is grey: none is white, four are black.

    ICC.1:2010, https://www.color.org/specification/ICC1v43_2010-12.pdf, lut8Type.
    """
    identity = bytes(range(256))
    inks = [sum(map(int, f"{index:04b}")) for index in range(16)]
    corners = b"".join(bytes([255 - 255 * count // 4, 128, 128]) for count in inks)
    matrix = struct.pack(">9i", *(65536, 0, 0, 0, 65536, 0, 0, 0, 65536))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + 4 * identity + corners
    table += 3 * identity
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    white = struct.pack(">3i", 63190, 65536, 54061)
    head = struct.pack(
        ">I4sI4s4s4s", 144 + len(table), bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab "
    )
    head += bytes(12) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + tags + table


def test_cmyk_is_converted_by_its_profile() -> None:
    image = Image.new("CMYK", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 0))
    assert np.ptp(from_pil(image).pixels[0, 0]) == 255
    image.info["icc_profile"] = grey_ink_profile()
    picture = from_pil(image)
    assert np.ptp(picture.pixels[0, 0].astype(int)) <= 3
    assert 150 < picture.pixels[0, 0, 1] < 220
    assert (picture.pixels[0, 1] >= 250).all()
    assert picture.metadata.icc_profile is None


@each_case("damaged", [b"", b"nonsense" * 30, profile("sRGB")])
def test_cmyk_becomes_srgb_and_says_so(damaged: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A profile that cannot be used does not stop it; the CMYK profile never goes on."""
    image = gradient("RGB").convert("CMYK")
    image.info["icc_profile"] = damaged
    picture = from_pil(image)
    assert picture.metadata.icc_profile is None
    assert (picture.pixels == np.asarray(image.convert("RGB"))).all()
    assert ("profile cannot be used" in caplog.text) == bool(damaged)


def test_lab_is_converted_by_its_definition() -> None:
    grey = Image.merge("LAB", [Image.new("L", (2, 2), value) for value in (137, 128, 128)])
    red, green, blue = from_pil(grey).pixels[0, 0].astype(int)
    assert abs(red - green) <= 3
    assert abs(green - blue) <= 3
    assert 110 < green < 145


@each_case("orientation", range(1, 9))
@each_case("mode", ["L", "RGBA", "I;16"])
def test_orientation_is_applied_and_removed(orientation: int, mode: str) -> None:
    image = (
        gradient(mode)
        if mode != "I;16"
        else Image.fromarray(np.arange(12, dtype=np.uint16)[None].repeat(3, 0))
    )
    exif = image.getexif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    picture = from_pil(Image.open(buffer))
    expected = ImageOps.exif_transpose(Image.open(buffer))
    assert expected is not None
    assert (np.asarray(to_pil(picture)) == np.asarray(expected)).all()
    assert picture.pixels.flags.c_contiguous
    assert picture.metadata.exif is not None
    kept = Image.Exif()
    kept.load(picture.metadata.exif)
    assert dict(kept) == {0x010F: "a maker"}


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(ImageError, match="at least one pixel"):
        from_pil(Image.new("RGB", (0, 5)))


def test_large_images_are_copied_in_strips(rng: np.random.Generator) -> None:
    values = rng.integers(0, 256, (1100, 1203, 3), dtype=np.uint8)
    assert (from_pil(Image.fromarray(values)).pixels == values).all()


def test_metadata_goes_to_pillow_under_pillows_names() -> None:
    metadata = Metadata(text={"parameters": "a cat"}, dpi=(72, 72), exif=b"Exif\0\0")
    info = to_pil(Picture(np.zeros((1, 1, 1), np.uint8), None, metadata)).info
    assert info == {"parameters": "a cat", "dpi": (72, 72), "exif": b"Exif\0\0"}


@each_depth
@each_case("channels", [1, 3, 4])
def test_pixels_come_back_from_tensors(
    depth: type, channels: int, rng: np.random.Generator
) -> None:
    pixels = pixels_of(rng, depth, 13, 17, channels)
    tensor = to_tensor(pixels, CPU, torch.float32)
    assert tensor.shape == (channels, 13, 17)
    assert tensor.is_contiguous()
    assert tensor.min() >= 0
    assert tensor.max() <= 1
    back = from_tensor(tensor, depth)
    assert back.dtype == depth
    assert back.flags.c_contiguous
    assert (back == pixels).all()


@each_case("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_eight_bits(dtype: torch.dtype) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    tensor = to_tensor(pixels, CPU, dtype)
    assert tensor.dtype == dtype
    back = from_tensor(tensor, np.uint8).astype(int)
    assert np.abs(back - pixels).max() <= (0 if dtype == torch.float16 else 1)


@each_depth
def test_a_tensor_shares_no_memory_with_its_picture(depth: type, rng: np.random.Generator) -> None:
    pixels = pixels_of(rng, depth, 4, 5, 3)
    before = pixels.copy()
    to_tensor(pixels, CPU, torch.float32).zero_()
    assert (pixels == before).all()
    tensor = torch.rand(3, 4, 5)
    copy = tensor.clone()
    from_tensor(tensor, depth)[:] = 0
    assert torch.equal(tensor, copy)


@each_depth
def test_any_view_becomes_a_tensor(depth: type, rng: np.random.Generator) -> None:
    whole = pixels_of(rng, depth, 10, 12, 3)
    frozen = whole.copy()
    frozen.flags.writeable = False
    views = (whole[2:7, 3:9], whole[::-1], whole[:, ::-2], frozen, whole.transpose(1, 0, 2))
    for view in views:
        expected = torch.from_numpy(view.astype(np.float64) / peak(depth)).permute(2, 0, 1)
        assert torch.allclose(to_tensor(view, CPU, torch.float32), expected.float())


@each_depth
def test_tensors_are_clipped_and_rounded(depth: type) -> None:
    step = 1 / peak(depth) if depth != np.float32 else 0.25
    tensor = torch.tensor([-0.3, 0.0, 0.4 * step, 0.6 * step, 1.0, 1.7])[None, None]
    low = [0.1, 0.15] if depth == np.float32 else [0, 1]
    white = peak(depth)
    expected = [0, 0, *low, white, white]
    assert from_tensor(tensor, depth).ravel().tolist() == pytest.approx(expected)
    assert tensor.max() == torch.tensor(1.7)


def test_tensors_that_need_gradients_are_taken() -> None:
    tensor = torch.full((1, 1, 1), 0.5, requires_grad=True)
    assert from_tensor(tensor, np.uint8).item() == 128


@pytest.mark.gpu
@each_depth
def test_a_gpu_converts_alike(depth: type, rng: np.random.Generator) -> None:
    pixels = pixels_of(rng, depth, 13, 17, 3)
    tensor = to_tensor(pixels, torch.device("cuda"), torch.float32)
    assert torch.equal(tensor.cpu(), to_tensor(pixels, CPU, torch.float32))
    assert (from_tensor(tensor, depth) == pixels).all()


def distance_to_visible(alpha: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(alpha)
    distance = np.zeros(alpha.shape, int)
    for y, x in zip(*np.nonzero(alpha == 0), strict=True):
        distance[y, x] = (np.abs(rows - y) + np.abs(columns - x)).min()
    return distance


@each_case("share", [0.003, 0.1, 0.6])
@each_case("shape", [(1, 1), (1, 30), (30, 1), (17, 40), (40, 17)])
def test_hidden_pixels_get_the_nearest_visible_colour(
    share: float, shape: tuple[int, int], rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bleed_module, "_STRIP_BYTES", 8 * 100)
    visible = rng.random(shape) < share
    visible[tuple(rng.integers(side) for side in shape)] = True
    alpha = np.where(visible, rng.integers(1, 256, shape), 0).astype(np.uint8)
    # Each visible pixel has its place for colour, and hidden ones a colour of their own.
    place = np.stack((*np.indices(shape), np.zeros(shape, int)), axis=2).astype(np.uint16)
    pixels = np.where(visible[..., None], place, 9999).astype(np.uint16)
    before = pixels.copy()
    result = bleed_free(pixels, alpha)
    assert (pixels == before).all()
    assert (result[visible] == pixels[visible]).all()
    distance = distance_to_visible(alpha)
    taken = np.abs(result.astype(int) - place)[..., :2].sum(axis=2)
    assert (taken == distance).all()


@each_case("value", [0, 1, 255])
def test_where_all_or_nothing_is_visible_nothing_changes(value: int) -> None:
    pixels = np.zeros((3, 4, 3), np.uint8)
    assert bleed_free(pixels, np.full((3, 4), value, np.uint8)) is pixels
