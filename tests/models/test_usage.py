"""When networks were used last, and how fast they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.usage import Usage, UsageLog
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.cases import each_case
from tests.models.networks import compact_file

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = "net.pth"
LARGE, SMALL = 1_000_000, 32 * 32


class _Clock:
    now = 1e9

    def __call__(self) -> float:
        return self.now


def test_a_use_is_stored_with_its_speed(tmp_path: Path) -> None:
    clock = _Clock()
    UsageLog(tmp_path, clock).note(tmp_path / NETWORK, 2 * LARGE, 3.0, "cpu")
    assert UsageLog(tmp_path).get(tmp_path / NETWORK) == Usage(clock.now, 1.5, "cpu")
    assert UsageLog(tmp_path).get(tmp_path / "other.pth") is None


def test_a_small_picture_changes_the_date_alone(tmp_path: Path) -> None:
    clock = _Clock()
    log = UsageLog(tmp_path, clock)
    log.note(tmp_path / NETWORK, LARGE, 2.0, "cpu")
    clock.now += 100
    log.note(tmp_path / NETWORK, SMALL, 2.0, "cpu")
    assert log.get(tmp_path / NETWORK) == Usage(clock.now, 2.0, "cpu")
    clock.now += 100
    log.note(tmp_path / NETWORK, SMALL, 2.0, "cuda:0")
    assert log.get(tmp_path / NETWORK) == Usage(clock.now, 0.0, "cuda:0")


def test_a_folder_of_pictures_writes_once_a_minute(tmp_path: Path) -> None:
    clock = _Clock()
    log = UsageLog(tmp_path, clock)
    for seconds in (1.0, 2.0, 3.0):
        log.note(tmp_path / NETWORK, LARGE, seconds, "cpu")
        clock.now += 1
    assert log.get(tmp_path / NETWORK) == Usage(1e9, 1.0, "cpu")


@each_case("text", ["", "[]", '{"files": 3}', '{"files": {"a": 1}}', '{"files": {"a": {}}}'])
def test_a_damaged_file_is_forgotten(text: str, tmp_path: Path) -> None:
    (tmp_path / "usage.json").write_text(text)
    log = UsageLog(tmp_path)
    assert log.all() == {}
    log.note(tmp_path / NETWORK, LARGE, 1.0, "cpu")
    assert list(log.all()) == [str((tmp_path / NETWORK).resolve())]


def test_nothing_breaks_where_it_cannot_be_stored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    UsageLog(tmp_path / "file").note(tmp_path / NETWORK, LARGE, 1.0, "cpu")


def test_enlarging_notes_the_use_and_the_speed_is_known_afterwards(tmp_path: Path) -> None:
    upscaler = Upscaler(StandaloneHost(device_name="cpu", own_data_folder=tmp_path / "data"))
    choice = upscaler.in_file(compact_file(tmp_path / NETWORK))
    picture = Picture(np.zeros((100, 100, 3), np.uint8))
    assert upscaler.speed(choice) is None
    upscaler.run(picture, choice, Target(scale=float(choice.scale or 1)))
    assert upscaler.speed(choice)
    assert upscaler.speed(upscaler.find("Lanczos")) is None
