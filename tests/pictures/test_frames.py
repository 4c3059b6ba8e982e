"""Animations and files of several pages: every frame with its time, and what a format holds."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, features

from lib_upscalers.cli.main import main
from lib_upscalers.errors import ImageError, OutputError
from lib_upscalers.pictures.apng import write_apng
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.pictures.formats import png_extras
from lib_upscalers.pictures.frame_files import holds_frames, write_frames
from lib_upscalers.pictures.frames import FrameReader, find_frames, read_frames
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from lib_upscalers.pictures.frames import Frames

TIMES = [40, 250, 100, 70000]
ANIMATIONS = ["gif", "png", "webp", *(["avif"] if "avif" in features.modules else [])]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def frames_of(count: int = 4, *, alpha: bool = False) -> list[Image.Image]:
    made: list[Image.Image] = []
    for number in range(count):
        pixels = np.zeros((12, 20, 4), np.uint8)
        pixels[..., 0] = 60 * number
        pixels[2:6, 2 + 4 * number : 6 + 4 * number, 1] = 200
        pixels[..., 3] = 255
        if alpha:
            pixels[:4, :, 3] = 0
        made.append(Image.fromarray(pixels).convert("RGBA" if alpha else "RGB"))
    return made


def animate(
    name: str, *, loop: int | None = 0, alpha: bool = False, times: list[int] = TIMES
) -> Path:
    first, *rest = frames_of(len(times), alpha=alpha)
    more = {} if loop is None else {"loop": loop}
    first.save(
        name, save_all=True, append_images=rest, duration=times, lossless=True, quality=100, **more
    )
    return Path(name)


def found(path: Path | str) -> Frames:
    frames = find_frames(path)
    assert frames is not None
    return frames


def is_near(found: np.ndarray, expected: np.ndarray, ending: str) -> bool:
    """Return whether pixels are the same, or nearly so in AVIF, which is lossy."""
    difference = np.abs(found.astype(int) - expected)
    return bool(difference.mean() < 8 if ending == "avif" else difference.max() == 0)


def test_every_frame_with_its_time() -> None:
    for ending in ANIMATIONS:
        frames = found(animate(f"a.{ending}"))
        assert frames.kind == "animation", ending
        assert frames.milliseconds == tuple(map(float, TIMES)), ending
        assert frames.plays == 0, ending
        for frame, drawn in zip(read_frames(frames), frames_of(), strict=True):
            expected = np.asarray(drawn).astype(int)
            assert is_near(frame.pixels, expected, ending), ending


def test_how_often_it_is_played() -> None:
    for name, loop, plays in (
        ("a.gif", None, 1),
        ("b.gif", 0, 0),
        ("c.gif", 2, 3),
        ("d.png", 3, 3),
        ("e.webp", 5, 5),
    ):
        assert found(animate(name, loop=loop)).plays == plays, name


def test_what_has_one_frame_is_a_picture() -> None:
    for ending in (*ANIMATIONS, "tif", "jpg", "bmp"):
        Image.new("RGB", (4, 4)).save(f"one.{ending}")
        assert find_frames(f"one.{ending}") is None, ending


def test_animations_survive_every_format_that_holds_them() -> None:
    for alpha in (False, True):
        frames = found(animate("source.png", loop=3, alpha=alpha))
        assert frames.alpha == alpha
        for ending in ANIMATIONS[1:]:
            write_frames(frames, read_frames(frames), f"made.{ending}", quality=100)
            made = found(f"made.{ending}")
            assert made.milliseconds == frames.milliseconds, ending
            assert made.alpha == alpha, ending
            assert made.plays == (0 if ending == "avif" else 3), ending
            for old, new in zip(read_frames(frames), read_frames(made), strict=True):
                opaque = ... if old.alpha is None else old.alpha > 0
                assert is_near(new.pixels[opaque], old.pixels[opaque], ending), (ending, alpha)
                assert ending == "avif" or alpha == (new.alpha is not None)


def write_gif(name: str, *frames: tuple[tuple[int, int, int, int], int, int]) -> None:
    """Write a GIF of 8 x 8 pixels; of each frame place and size, colour, and how it is removed."""
    palette = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
    data = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x81, 0, 0) + palette
    for (left, top, width, height), colour, removal in frames:
        data += b"\x21\xf9\x04" + struct.pack("<BHBB", removal << 2 | 1, 5, 3, 0)
        data += b"\x2c" + struct.pack("<HHHHB", left, top, width, height, 0)
        # A clear code before each pixel keeps all codes at three bits.
        codes = [code for _ in range(width * height) for code in (4, colour)] + [5]
        bits = "".join(f"{code:03b}" for code in reversed(codes))
        packed = int(bits, 2).to_bytes(-(-len(bits) // 8), "little")
        blocks = (packed[at : at + 255] for at in range(0, len(packed), 255))
        data += b"\x02" + b"".join(bytes([len(each)]) + each for each in blocks) + b"\0"
    Path(name).write_bytes(data + b"\x3b")


def test_a_frame_of_a_gif_stays_unless_its_file_removes_it() -> None:
    keep, clear, restore = 0, 2, 3
    whole, left, right = (0, 0, 8, 8), (1, 1, 2, 2), (5, 5, 2, 2)
    write_gif("a.gif", (whole, 0, keep), (left, 1, restore), (right, 2, keep), (left, 1, keep))
    last = [*read_frames(found("a.gif"))][-1]
    assert last.pixels[6, 6].tolist() == [0, 0, 255]
    write_gif("b.gif", (left, 0, clear), (right, 1, keep), (left, 2, keep))
    last = [*read_frames(found("b.gif"))][-1]
    assert last.alpha is not None
    assert last.alpha[6, 6] == 255
    assert last.alpha.sum() == 255 * 8


def test_bits_of_an_animation_that_are_not_read_are_stated() -> None:
    deep = Picture(np.full((4, 4, 3), 40_000, np.uint16))
    with Path("a.png").open("wb") as file:
        write_apng(file, [deep, deep], png_extras(deep), [100.0, 100.0], 0)
    frames = found("a.png")
    notes = write_frames(frames, read_frames(frames), "made.png")
    assert any("16 bits" in note for note in notes)
    assert read_picture("a.png").pixels.dtype == np.uint16
    assert not any("16 bits" in note for note in read_picture("a.png").notes)


def test_frames_beyond_the_first_ones_size_are_cut() -> None:
    write_gif("a.gif", ((0, 0, 8, 8), 0, 0), ((4, 4, 8, 8), 1, 0))
    frames = found("a.gif")
    assert [frame.size for frame in read_frames(frames)] == [frames.size] * 2
    for ending in ("png", "webp"):
        write_frames(frames, read_frames(frames), f"made.{ending}", quality=100)
        _, last = read_frames(found(f"made.{ending}"))
        assert last.pixels[7, 7].tolist() == [0, 255, 0], ending


def test_a_still_picture_before_an_animation_is_no_frame() -> None:
    still, *rest = frames_of(4)
    still.save("a.png", save_all=True, append_images=rest, duration=50, default_image=True)
    frames = found("a.png")
    assert frames.count == 3
    first = next(iter(read_frames(frames)))
    assert np.array_equal(first.pixels, np.asarray(rest[0]))


def pages(name: str) -> list[np.ndarray]:
    """Draw pages of different sizes and kinds; return their values."""
    deep = np.arange(30, dtype=np.uint16).reshape(5, 6) * 2000
    several = [Image.new("RGB", (9, 7), "red"), Image.new("L", (3, 2), 99), Image.fromarray(deep)]
    several[0].save(name, save_all=True, append_images=several[1:])
    return [np.asarray(each) for each in several]


def test_pages_differ_in_size_and_depth() -> None:
    drawn = pages("a.tif")
    frames = found("a.tif")
    assert frames.kind == "pages"
    write_frames(frames, read_frames(frames), "b.tiff")
    made = found("b.tiff")
    for old, new, expected in zip(read_frames(frames), read_frames(made), drawn, strict=True):
        for picture in (old, new):
            assert picture.pixels.dtype == expected.dtype
            assert np.array_equal(picture.pixels.squeeze(), expected)


def test_previews_are_no_pages() -> None:
    image, preview = Image.new("RGB", (9, 7)), Image.new("RGB", (3, 2))
    preview.encoderinfo = {"tiffinfo": {254: 1}}
    image.save("a.tif", save_all=True, append_images=[preview])
    with Image.open("a.tif") as written:
        written.seek(1)
        if written.tag_v2.get(254) != 1:
            pytest.skip("this Pillow writes no kind of page")
    assert find_frames("a.tif") is None


def test_what_a_format_cannot_hold_is_refused() -> None:
    frames, sheets = found(animate("a.png")), (pages("p.tif"), found("p.tif"))[1]
    for ending, animation, document in (
        ("png", True, False),
        ("webp", True, False),
        ("tiff", False, True),
        ("jpg", False, False),
        ("bmp", False, False),
    ):
        for each, holds in ((frames, animation), (sheets, document)):
            assert holds_frames(f"x.{ending}", each) == holds, ending
            if not holds:
                with pytest.raises(OutputError, match="one file a frame"):
                    write_frames(each, read_frames(each), f"x.{ending}")
                assert not Path(f"x.{ending}").exists()


def test_single_frames() -> None:
    path = animate("a.gif")
    reader = FrameReader()
    expected = [np.asarray(each) for each in frames_of()]
    for number in (0, 1, 3, 2):
        assert np.array_equal(reader.read(path, number).pixels, expected[number]), number
    with pytest.raises(ImageError, match="fewer"):
        reader.read(path, 4)


def test_a_damaged_frame_is_an_error() -> None:
    path = animate("a.png")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 60])
    with pytest.raises(ImageError):
        found(path)


BOX = ("-u", "Box", "--scale", "2")


def run(*arguments: str) -> int:
    return main(["upscale", *arguments])


def test_the_command_enlarges_all_frames(capsys: pytest.CaptureFixture[str]) -> None:
    animate("a.gif", loop=0)
    pages("p.tif")
    assert run("a.gif", "p.tif", "out", *BOX) == 0
    error = capsys.readouterr().err
    assert "All 4 frames." in error
    assert "All 3 pages." in error
    made = found("out/a.png")
    assert made.milliseconds == tuple(map(float, TIMES))
    for new, drawn in zip(read_frames(made), frames_of(), strict=True):
        assert np.array_equal(new.pixels, np.asarray(drawn).repeat(2, 0).repeat(2, 1))
    sizes = [(page.size.width, page.size.height) for page in read_frames(found("out/p.tif"))]
    assert sizes == [(18, 14), (6, 4), (12, 10)]


def test_equal_frames_are_enlarged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = frames_of(2)
    frames = [first, first, second, second, second]
    frames[0].save("a.webp", save_all=True, append_images=frames[1:], duration=50, lossless=True)
    with Image.open("a.webp") as image:
        count = image.n_frames
    enlarge, runs = Upscaler.run, []

    def counting(self: Upscaler, *arguments: object) -> object:
        runs.append(1)
        return enlarge(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Upscaler, "run", counting)
    assert run("a.webp", "b.webp", *BOX) == 0
    assert len(runs) == 2
    assert found("b.webp").count == count


def test_one_file_a_frame_by_choice(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    animate("in/a.gif")
    Image.new("RGB", (4, 4)).save("in/b.png")
    assert run("in", "out", *BOX, "-f", "jpg") == 0
    error = capsys.readouterr().err
    assert "An animation of 4 frames: the first is taken." in error
    assert "--frames files" in error
    for words in ("5 of 5 done.", "5 done before, 0 done now, 0 failed."):
        assert run("in", "files", *BOX, "-f", "jpg", "--frames", "files") == 0
        assert words in capsys.readouterr().err
    names = sorted(path.name for path in Path("files").glob("*.jpg"))
    assert names == ["a-0001.jpg", "a-0002.jpg", "a-0003.jpg", "a-0004.jpg", "b.jpg"]
    assert abs(int(read_picture("files/a-0003.jpg").pixels[-1, 0, 0]) - 120) < 6
    assert run("in/a.gif", "first.png", *BOX, "--frames", "first") == 0
    assert find_frames("first.png") is None
