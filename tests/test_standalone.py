"""The host that is no WebUI."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
import torch

from lib_upscalers.errors import InputError
from lib_upscalers.hosts.free_memory import free_device_memory, group_memory
from lib_upscalers.hosts.standalone import StandaloneHost, default_data_folder

HOME = Path("home", "ann")


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, HOME / ".local" / "share" / "upscaler-lab"),
        ("linux", {"XDG_DATA_HOME": "data"}, Path("data", "upscaler-lab")),
        ("linux", {"XDG_DATA_HOME": ""}, HOME / ".local" / "share" / "upscaler-lab"),
        ("darwin", {}, HOME / "Library" / "Application Support" / "upscaler-lab"),
        ("win32", {"LOCALAPPDATA": "local"}, Path("local", "upscaler-lab")),
        ("win32", {}, HOME / "AppData" / "Local" / "upscaler-lab"),
    ],
)
def test_data_lies_where_the_platform_wants_it(
    platform: str, environment: dict[str, str], expected: Path
) -> None:
    assert default_data_folder(platform, environment, HOME) == expected


def test_model_folders_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = [tmp_path / "a", tmp_path / "b"]
    monkeypatch.setenv("UPSCALER_LAB_MODELS", os.pathsep.join(["", *map(str, named)]))
    host = StandaloneHost((Path("mine"),), own_data_folder=tmp_path)
    assert list(host.model_folders()) == [Path("mine"), *named, Path("models"), tmp_path / "models"]


def test_the_best_device_works() -> None:
    device = StandaloneHost().device()
    assert float(torch.ones(3, device=device).sum()) == 3
    assert (device.type == "cuda") == torch.cuda.is_available()


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "meta", ""])
def test_a_device_that_does_not_work_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="Expected a device"):
        StandaloneHost(device_name=name).device()


def test_the_cpu_can_be_asked_for() -> None:
    assert StandaloneHost(device_name="cpu").device() == torch.device("cpu")


def test_free_memory_is_no_more_than_there_is() -> None:
    free = StandaloneHost().free_memory(torch.device("cpu"))
    assert 0 < free <= psutil.virtual_memory().total


@pytest.mark.gpu
def test_free_memory_of_a_gpu() -> None:
    device = torch.device("cuda", 0)
    before = free_device_memory(device)
    held = torch.empty(1 << 28, dtype=torch.uint8, device=device)
    assert before - free_device_memory(device) >= held.numel()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def test_the_tightest_limit_of_all_groups_counts(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    _write(membership, "0::/outer/inner\n")
    _write(tmp_path / "memory.max", "max\n")
    _write(tmp_path / "outer/memory.max", "1000\n")
    _write(tmp_path / "outer/memory.current", "700\n")
    _write(tmp_path / "outer/memory.stat", "anon 1\ninactive_file 50\nactive_file 7\n")
    _write(tmp_path / "outer/inner/memory.max", "900\n")
    _write(tmp_path / "outer/inner/memory.current", "100\n")
    assert group_memory(tmp_path, membership) == 1000 - 700 + 50


def test_groups_of_the_first_version(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    _write(membership, "4:memory:/job\n3:cpuset:/\n0::/\n")
    _write(tmp_path / "memory/job/memory.limit_in_bytes", "500\n")
    _write(tmp_path / "memory/job/memory.usage_in_bytes", "600\n")
    assert group_memory(tmp_path, membership) == 0


@pytest.mark.parametrize("text", ["0::/\n", "", "nonsense"])
def test_no_limit(tmp_path: Path, text: str) -> None:
    membership = tmp_path / "membership"
    _write(membership, text)
    assert group_memory(tmp_path, membership) is None
    assert group_memory(tmp_path, tmp_path / "missing") is None
