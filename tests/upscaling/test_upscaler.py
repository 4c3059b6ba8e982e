"""The use case: a picture, a choice and a target, from end to end."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from lib_upscalers.errors import (
    Cancelled,
    InputError,
    MemoryExhaustedError,
    ModelFileError,
    UnknownNameError,
)
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.catalogue.model_marks import ModelMarks
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.resampling.resample import KERNELS, resample_pixels
from lib_upscalers.targets import Target
from lib_upscalers.training.compact import Compact
from lib_upscalers.upscaling.settings import Settings
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.models.networks import compact_file
from tests.tiling.test_loop import Recorder, picture


@dataclass(frozen=True)
class Host(StandaloneHost):
    """A host whose folders and memory are the test's own."""

    folder: Path = Path()
    free: int = 2**34

    def model_folders(self) -> list[Path]:
        return [self.folder / "models"]

    def data_folder(self) -> Path:
        return self.folder / "data"

    def free_memory(self, device: torch.device) -> int:
        del device
        return self.free


def save_network(path: Path, scale: int = 2) -> Path:
    torch.manual_seed(scale)
    path.parent.mkdir(parents=True, exist_ok=True)
    network = Compact(features=8, layers=2, scale=scale)
    torch.save({f"{name}": value for name, value in network.state_dict().items()}, path)
    return path


@pytest.fixture
def upscaler(tmp_path: Path) -> Upscaler:
    save_network(tmp_path / "models" / "Tiny 2x.pth")
    save_network(tmp_path / "models" / "deep" / "Tiny 3x.pth", scale=3)
    return Upscaler(Host(device_name="cpu", folder=tmp_path))


def test_built_in_networks_come_first_then_the_users_then_kernels(upscaler: Upscaler) -> None:
    names = [choice.name for choice in upscaler.choices()]
    networks, kernels = names[: -len(KERNELS)], names[-len(KERNELS) :]
    assert kernels == list(KERNELS)
    assert networks[-2:] == ["Tiny 2x", "Tiny 3x"]
    assert networks[:-2]
    assert all(name.startswith("Lab ") for name in networks[:-2])


def test_arguments_of_a_wrong_kind_are_named(upscaler: Upscaler) -> None:
    good = (Picture(np.zeros((4, 4, 3), np.uint8)), upscaler.find("Lanczos"), Target(scale=2))
    for place, wrong, words in (
        (0, np.zeros((4, 4, 3), np.uint8), "Expected a Picture, .* but got ndarray"),
        (1, "Lanczos", "Expected a Choice, .* but got str"),
        (2, 2, "Expected a Target, .* but got int"),
    ):
        arguments: list[Any] = [*good]
        arguments[place] = wrong
        with pytest.raises(InputError, match=words):
            upscaler.run(*arguments)
    for odd in ({"scale": "2"}, {"size": (100, 50)}):
        with pytest.raises(InputError, match="Expected a number as scale or a Size as size"):
            Target(**cast("Any", odd))
    with pytest.raises(InputError, match="as a numpy array, but got list"):
        Picture(cast("Any", [[0]]))
    assert Target(scale=cast("Any", np.float32(2))).resolve(Size(3, 4)) == Size(6, 8)


def test_what_the_list_says_comes_from_the_file(upscaler: Upscaler) -> None:
    choice = upscaler.find("Tiny 3x")
    assert (choice.kind, choice.scale, choice.architecture) == ("network", 3, "RealESRGAN Compact")
    assert choice.path is not None
    assert choice.size_bytes == choice.path.stat().st_size


@pytest.mark.parametrize("name", list(KERNELS))
def test_every_kernel_gives_the_exact_size(upscaler: Upscaler, name: str) -> None:
    source = Picture(picture(1, 31, 47))
    result = upscaler.run(source, upscaler.find(name), Target(scale=2.5)).picture
    assert result.size == Size(118, 78)
    expected = resample_pixels(source.pixels, Size(118, 78), name)
    np.testing.assert_array_equal(result.pixels, expected)


def test_every_network_gives_the_exact_size_and_says_what_it_cost(upscaler: Upscaler) -> None:
    for choice in upscaler.choices():
        if choice.kind == "network":
            result = upscaler.run(Picture(picture(2, 37, 33)), choice, Target(scale=2))
            assert result.picture.size == Size(66, 74)
            assert (result.passes, result.tiles, result.precision) == (1, 1, "fp32")
            assert result.run_seconds > 0


def test_a_network_in_any_file_can_be_chosen_by_its_path(
    upscaler: Upscaler, tmp_path: Path
) -> None:
    path = save_network(tmp_path / "elsewhere" / "Other.pth")
    choice = upscaler.find(str(path))
    assert (choice.name, choice.scale) == ("Other", 2)


def test_case_does_not_matter_where_the_name_is_clear(upscaler: Upscaler) -> None:
    assert upscaler.find("tiny 2X").name == "Tiny 2x"


def test_an_unknown_name_is_answered_with_the_nearest(upscaler: Upscaler) -> None:
    with pytest.raises(UnknownNameError, match="Lanczos"):
        upscaler.find("Lancsoz")
    with pytest.raises(UnknownNameError, match="Tiny 2x"):
        upscaler.find("Tyni 2x")


def test_an_unknown_kernel_in_the_settings_is_refused_before_any_work(upscaler: Upscaler) -> None:
    with pytest.raises(UnknownNameError, match="Mitchell"):
        upscaler.run(
            Picture(picture(3, 8, 8)),
            upscaler.find("Tiny 2x"),
            Target(scale=2),
            Settings(kernel="Mitchel"),
        )


def test_a_tile_that_makes_no_sense_is_refused(upscaler: Upscaler) -> None:
    with pytest.raises(InputError, match="at least 32"):
        upscaler.run(
            Picture(picture(3, 80, 80)),
            upscaler.find("Tiny 2x"),
            Target(scale=2),
            Settings(tile=5),
        )


def test_a_network_whose_file_went_away_is_an_error_that_names_it(
    upscaler: Upscaler, tmp_path: Path
) -> None:
    choice = upscaler.find("Tiny 2x")
    (tmp_path / "models" / "Tiny 2x.pth").unlink()
    with pytest.raises(ModelFileError, match="Tiny 2x"):
        upscaler.run(Picture(picture(4, 8, 8)), choice, Target(scale=2))


def test_a_result_that_memory_cannot_hold_is_refused_with_both_numbers(tmp_path: Path) -> None:
    upscaler = Upscaler(Host(device_name="cpu", folder=tmp_path, free=2**20))
    with pytest.raises(MemoryExhaustedError, match=r"4000x4000.*GiB.*GiB.*smaller"):
        upscaler.run(Picture(picture(5, 100, 100)), upscaler.find("Nearest"), Target(scale=40))


@pytest.mark.parametrize("name", ["Lanczos", "Tiny 2x"])
def test_cancelling_ends_with_nothing(upscaler: Upscaler, name: str) -> None:
    source = Picture(picture(6, 120, 120))
    with pytest.raises(Cancelled):
        upscaler.run(source, upscaler.find(name), Target(scale=2), progress=Recorder(cancel_at=0))
    assert upscaler.run(source, upscaler.find(name), Target(scale=2)).picture.size.width == 240


def test_several_threads_share_a_network(upscaler: Upscaler) -> None:
    source = Picture(picture(7, 60, 60))
    choice = upscaler.find("Tiny 2x")
    expected = upscaler.run(source, choice, Target(scale=2)).picture.pixels
    results: list[np.ndarray] = []

    def work() -> None:
        results.append(upscaler.run(source, choice, Target(scale=2)).picture.pixels)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_after_release_everything_still_works(upscaler: Upscaler) -> None:
    source, choice = Picture(picture(8, 20, 20)), upscaler.find("Tiny 2x")
    before = upscaler.run(source, choice, Target(scale=2)).picture.pixels
    upscaler.release()
    after = upscaler.run(source, choice, Target(scale=2)).picture.pixels
    np.testing.assert_array_equal(before, after)


def test_it_works_inside_inference_mode_and_outside_after(upscaler: Upscaler) -> None:
    source, choice = Picture(picture(9, 20, 20)), upscaler.find("Tiny 2x")
    with torch.inference_mode():
        inside = upscaler.run(source, choice, Target(scale=2)).picture.pixels
    outside = upscaler.run(source, choice, Target(scale=2)).picture.pixels
    np.testing.assert_array_equal(inside, outside)


@pytest.mark.slow
@pytest.mark.parametrize("tile", [48, 64, 200])
def test_a_trained_network_in_tiles_equals_the_whole_picture(upscaler: Upscaler, tile: int) -> None:
    built_in = next(c for c in upscaler.choices() if c.name.startswith("Lab "))
    y, x = np.mgrid[:230, :310]
    waves = 127 + 60 * np.sin(x / 5 + y / 11) + 60 * ((x // 23 + y // 31) % 2)
    grain = np.random.default_rng(0).normal(0, 6, (230, 310, 3))
    source = Picture(np.clip(waves[..., None] + grain, 0, 255).astype(np.uint8))
    whole = upscaler.run(source, built_in, Target(scale=2), Settings(tile=512)).picture.pixels
    tiled = upscaler.run(source, built_in, Target(scale=2), Settings(tile=tile)).picture.pixels
    error = np.abs(whole.astype(int) - tiled)
    assert (error > 1).mean() < 1e-4
    assert error.mean() < 1e-3


def test_favourites_come_first_and_hidden_networks_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for number, name in enumerate(("a", "b", "c")):
        compact_file(folder / f"{name}.pth", seed=number)
    host = StandaloneHost((folder,), own_data_folder=tmp_path / "data")
    marks = ModelMarks(host.data_folder())
    marks.change(folder / "c.pth", favourite=True)
    marks.change(folder / "a.pth", hidden=True)
    upscaler = Upscaler(host)
    names = [choice.name for choice in upscaler.choices() if choice.kind == "network"]
    assert names[0] == "c"
    assert "a" not in names
    assert upscaler.find("a").name == "a"
    assert "a" in [entry.name for entry in upscaler.entries()]
