"""What was measured of a network is measured once, not in every process."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.entry import ModelEntry
from lib_upscalers.models.file_cache import Facts
from lib_upscalers.models.measurements import Measurements, device_name
from lib_upscalers.network import (
    MapAxis,
    MemoryUse,
    NetworkTraits,
    Profile,
    Reach,
    SpeedTrial,
    StatisticSite,
)
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.cases import each_case
from tests.models.networks import compact_file
from tests.tiling.test_loop import picture

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
SITE = StatisticSite("mean", 2, ((MapAxis(2, "y", 0.5, 3.0), MapAxis(3, "x", 0.5, 3.0)),))
FULL = Profile(
    reach=Reach(20, 0.15, (3.0, 1.0, 0.25), (SITE,), 2),
    memory={"cpu/float32": MemoryUse(5690.25, 1712.5)},
    channels_last={"cpu/float32": False},
    slowest={"cpu/float32": 1e-6},
    unstable={"cpu/bfloat16"},
    half={"cpu/bfloat16": SpeedTrial(2.5, 0.25)},
)


@pytest.fixture
def entry(tmp_path: Path) -> ModelEntry:
    path = tmp_path / "some.pth"
    path.write_bytes(b"weights")
    return ModelEntry("some", path, 7, NetworkTraits("some", "Compact", 2, 3))


def restored(folder: Path, entry: ModelEntry) -> Profile:
    profile = Profile()
    Measurements(Facts.in_folder(folder)).restore(profile, entry, CPU)
    return profile


def test_a_profile_comes_back_in_the_next_process(entry: ModelEntry, tmp_path: Path) -> None:
    Measurements(Facts.in_folder(tmp_path)).store(FULL, entry)
    again = restored(tmp_path, entry)
    assert again == FULL
    assert again.reach is not None
    assert again.reach.sites == (SITE,)
    assert again.reach.by_distance == (3.0, 1.0, 0.25)


def test_it_is_the_bytes_that_count_not_the_name(entry: ModelEntry, tmp_path: Path) -> None:
    Measurements(Facts.in_folder(tmp_path)).store(FULL, entry)
    moved = replace(entry, path=entry.path.rename(tmp_path / "other.pth"))
    assert restored(tmp_path, moved) == FULL
    moved.path.write_bytes(b"others!")
    assert restored(tmp_path, moved) == Profile()


def test_another_device_measures_for_itself_and_keeps_the_reach(
    entry: ModelEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Measurements(Facts.in_folder(tmp_path)).store(FULL, entry)
    monkeypatch.setattr("lib_upscalers.models.measurements.device_name", str.upper)
    assert restored(tmp_path, entry) == Profile(reach=FULL.reach)
    other = Profile(memory={"cpu/float32": MemoryUse(1.0, 1.0)}, reach=FULL.reach)
    Measurements(Facts.in_folder(tmp_path)).store(other, entry)
    assert restored(tmp_path, entry).memory == other.memory
    monkeypatch.undo()
    assert restored(tmp_path, entry) == FULL


def test_nothing_is_written_where_nothing_is_new(entry: ModelEntry, tmp_path: Path) -> None:
    Measurements(Facts.in_folder(tmp_path)).store(FULL, entry)
    file = tmp_path / "network-facts.json"
    before = file.stat().st_mtime_ns, file.read_bytes()
    profile, measurements = Profile(), Measurements(Facts.in_folder(tmp_path))
    measurements.restore(profile, entry, CPU)
    measurements.store(profile, entry)
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before


_DAMAGES: dict[str, tuple[str, Any]] = {
    "a halo below 0": ("halo", -1),
    "an enormous halo": ("halo", 10**9),
    "a halo that is text": ("halo", "20"),
    "no seam": ("seam", math.nan),
    "an alignment of 0": ("alignment", 0),
    "sites that are none": ("sites", [["mean"]]),
    "an axis along nothing": ("sites", [["mean", 0, [[[2, "z", 1.0, 0.0]]]]]),
    "distances that are text": ("by_distance", "far"),
}


@each_case("name", list(_DAMAGES))
def test_what_somebody_damaged_is_measured_again(
    name: str, entry: ModelEntry, tmp_path: Path
) -> None:
    Measurements(Facts.in_folder(tmp_path)).store(FULL, entry)
    file = tmp_path / "network-facts.json"
    held = json.loads(file.read_text("utf-8"))
    (measured,) = held["measured"].values()
    key, value = _DAMAGES[name]
    measured["reach"][key] = value
    file.write_text(json.dumps(held), "utf-8")
    assert restored(tmp_path, entry).reach is None
    for damage in ([], {"places": 3}, {"reach": 7}, {"places": {f"{device_name('cpu')}/x": []}}):
        held["measured"] = dict.fromkeys(held["measured"], damage)
        file.write_text(json.dumps(held), "utf-8")
        assert restored(tmp_path, entry) == Profile()


def test_a_second_start_measures_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = "lib_upscalers.tiling.policy"
    monkeypatch.setattr(f"{policy}._WORTH_A_LAYOUT_PROBE", 0)
    path = compact_file(tmp_path / "tiny.pth")
    small, target = Picture(picture(0, 100, 120)), Target(scale=2)

    def run() -> Picture:
        upscaler = Upscaler(StandaloneHost((), "cpu", own_data_folder=tmp_path / "data"))
        return upscaler.run(small, upscaler.in_file(path), target).picture

    first = run()
    for name in ("measure_layout", "measure_memory", "measure_reach"):
        monkeypatch.delattr(f"{policy}.{name}")
    assert (run().pixels == first.pixels).all()
