"""Frames of which only the tiles that changed are enlarged: exact, without drift, stated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lib_upscalers.cli.main import main
from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.progress import NULL
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.settings import Settings
from lib_upscalers.upscaling.upscaler import Result, Upscaler
from lib_upscalers.video.changed_tiles import ChangedTiles, Reuse
from tests.video.clips import Clip, frames_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.plan import Rules

    Pixels = NDArray[Any]

SIZE = Size(200, 168)


class Enlarger:
    """Enlarges by a real upscaler and notes the sizes."""

    def __init__(
        self, name: str, factor: int, levels: int, settings: Settings | None = None
    ) -> None:
        self._upscaler = Upscaler(StandaloneHost(device_name="cpu"))
        self._choice = self._upscaler.find(name)
        self._settings = settings or Settings()
        self.sizes: list[Size] = []
        self.tiles = ChangedTiles(Reuse(self.run, self._rules, factor, levels))

    def run(self, picture: Picture, target: Target, progress: Progress) -> Result:
        self.sizes.append(picture.size)
        return self._upscaler.run(picture, self._choice, target, self._settings, progress)

    def _rules(self) -> Rules:
        target = Target(size=SIZE.scaled(self.tiles._reuse.factor))
        return self._upscaler.tile_rules(self._choice, target, self._settings, SIZE)

    def whole(self, pixels: Pixels) -> Pixels:
        target = Target(size=SIZE.scaled(self.tiles._reuse.factor))
        result = self._upscaler.run(Picture(pixels), self._choice, target, self._settings)
        return result.picture.pixels


def noise(dtype: type = np.uint8) -> Pixels:
    most = np.iinfo(dtype).max
    generator = np.random.default_rng(3)
    return generator.integers(0, most, (SIZE.height, SIZE.width, 3), dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "factor"), [("Lab Fast 2x", 2), ("Lab Fast 2x", 3), ("Lab Fast 2x", 4), ("Lanczos", 3)]
)
def test_a_frame_of_changed_tiles_equals_the_whole_one(name: str, factor: int) -> None:
    work, pixels = Enlarger(name, factor, 0), noise()
    work.tiles.run(Picture(pixels), NULL)
    for top, left in ((90, 100), (0, 0), (160, 192), (91, 20)):
        pixels = pixels.copy()
        pixels[top : top + 8, left : left + 8] ^= 255
        found = work.tiles.run(Picture(pixels), NULL)
        assert found.pixels is not None
        assert 0 < found.share < 1, (top, left)
        difference = np.abs(found.pixels.astype(int) - work.whole(pixels))
        assert difference.max() <= 1, (top, left)
    assert all(size.area < SIZE.area for size in work.sizes[1:])


def test_an_equal_frame_is_not_enlarged_and_two_far_changes_are_two_parts() -> None:
    work, pixels = Enlarger("Nearest", 2, 0), noise(np.uint16)
    work.tiles.run(Picture(pixels), NULL)
    assert work.tiles.run(Picture(pixels.copy()), NULL).pixels is None
    pixels = pixels.copy()
    pixels[2, 2] ^= 1
    pixels[-2, -2] ^= 1
    found = work.tiles.run(Picture(pixels), NULL)
    assert len(work.sizes) == 3
    assert np.array_equal(found.pixels, pixels.repeat(2, 0).repeat(2, 1))


def test_differences_do_not_add_up() -> None:
    """A picture that becomes brighter by a level a frame is never more than the limit behind."""
    work, first = Enlarger("Nearest", 2, 3), np.full((SIZE.height, SIZE.width, 3), 50, np.uint8)
    shown = first
    for step in range(12):
        found = work.tiles.run(Picture(first + np.uint8(step)), NULL)
        shown = shown if found.pixels is None else found.pixels
        assert 0 <= 50 + step - int(shown.min()) <= 3, step
    assert len(work.sizes) == 3


def test_a_frame_that_the_encoder_still_has_stays() -> None:
    work, pixels = Enlarger("Nearest", 2, 0), noise()
    first = work.tiles.run(Picture(pixels), NULL).pixels
    assert first is not None
    before = first.copy()
    changed = pixels.copy()
    changed[0, 0] ^= 255
    work.tiles.run(Picture(changed), NULL)
    assert np.array_equal(first, before)


def test_settings_that_let_parts_differ_are_refused() -> None:
    for settings in (Settings(padding="reflect"), Settings(passes="reduced")):
        with pytest.raises(InputError, match="Expected no padding and whole passes"):
            Enlarger("Lab Fast 2x", 2, 0, settings).tiles.run(Picture(noise()), NULL)


@pytest.mark.slow
@pytest.mark.usefixtures("own_folders")
def test_a_video_of_changed_tiles_states_what_was_spared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clip = Clip(size=(320, 160), codec="ffv1", pixel_format="yuv444p", options={}, still=True)
    source = clip.write(Path("in.mkv"))
    arguments = ["video", str(source), "-u", "Lanczos", "--scale", "2", "--codec", "ffv1"]
    assert main([*arguments, "whole.mkv"]) == 0
    assert "taken from the frame before" not in capsys.readouterr().err
    assert main([*arguments, "tiles.mkv", "--changed-tiles", "0"]) == 0
    assert "% of the others taken from the frame before" in capsys.readouterr().err
    for whole, tiles in zip(
        frames_of(Path("whole.mkv")), frames_of(Path("tiles.mkv")), strict=True
    ):
        assert np.array_equal(whole.to_ndarray(), tiles.to_ndarray())


@pytest.mark.usefixtures("own_folders")
def test_tiles_need_a_whole_scale(capsys: pytest.CaptureFixture[str]) -> None:
    source = Clip((0, 40, 80)).write(Path("in.mkv"))
    for more, words in (
        (["--scale", "1.5", "--changed-tiles", "0"], "Expected a whole scale"),
        (["--scale", "2", "--changed-tiles", "33"], "Expected 0 to 32 levels"),
    ):
        assert main(["video", str(source), "out.mkv", "-u", "Nearest", *more]) == 2
        assert words in capsys.readouterr().err
