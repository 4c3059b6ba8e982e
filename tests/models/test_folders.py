"""Folders: which networks lie in them, and what they are called."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lib_upscalers.errors import ModelError, ModelFileError, UnsupportedModelError
from lib_upscalers.models import folders
from lib_upscalers.models.cache import NetworkCache
from lib_upscalers.models.folders import Facts, built_in_entries, resolve_path, scan
from lib_upscalers.models.loader import load_network
from lib_upscalers.models.reading.source import TensorSource
from tests.models.networks import compact_file
from tests.models.tiny import save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Put = Callable[[str], Path]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return compact_file(tmp_path_factory.mktemp("template") / "some.pth").read_bytes()


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return Facts.in_folder(tmp_path / "data")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def put(models: Path, template: bytes) -> Callable[[str], Path]:
    """Put a network at a path in the folder."""

    def put(name: str) -> Path:
        path = models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(template)
        return path

    return put


def link(path: Path, to: Path) -> None:
    try:
        path.symlink_to(to, target_is_directory=to.is_dir())
    except OSError:
        pytest.skip("links cannot be made here")


def names(*where: Path, facts: Facts) -> list[str]:
    return [entry.name for entry in scan(where, facts)]


def test_networks_are_found_in_a_stable_order(put: Put, models: Path, facts: Facts) -> None:
    found = ["b.PTH", "A.pt", "c.ckpt", "x/deep/er/d.pth", "x/a2.pth", "B2/z.pth"]
    for name in [*found, ".hidden.pth", ".cache/e.pth", "._f.pth", "note.txt", "g.bin"]:
        put(name)
    (models / "folder.pth").mkdir()
    assert names(models, facts=facts) == ["A", "b", "c", "z", "a2", "d"]
    assert scan([models], facts) == scan([models], Facts.in_folder(models.parent / "data"))


def test_entries_say_what_the_file_says(put: Put, models: Path, facts: Facts) -> None:
    path = put("4x_misleading.pth")
    (entry,) = scan([models], facts)
    assert entry.path == path
    assert entry.size_bytes == path.stat().st_size
    assert entry.traits == load_network(path).traits
    assert (entry.traits.scale, entry.name) == (2, "4x_misleading")
    assert (entry.licence, entry.sha256, entry.built_in) == (None, None, False)


def test_folders_need_not_be_there(put: Put, models: Path, facts: Facts) -> None:
    path = put("a.pth")
    assert names(models / "none", path, models, facts=facts) == ["a"]


def test_a_folder_comes_in_the_order_given_and_once(put: Put, models: Path, facts: Facts) -> None:
    put("one/b.pth")
    put("two/a.pth")
    assert names(models / "two", models / "one", models, facts=facts) == ["a", "b"]
    assert names(models, models / "one", facts=facts) == ["b", "a"]


def test_links_in_a_circle_end(put: Put, models: Path, facts: Facts) -> None:
    put("x/a.pth")
    link(models / "x" / "again", models)
    link(models / "x" / "self", models / "x")
    link(models / "other", models / "x")
    link(models / "loop.pth", models / "loop.pth")
    link(models / "loop", models / "loop")
    link(models / "broken.pth", models / "none.pth")
    link(models / "same.pth", models / "x" / "a.pth")
    assert names(models, facts=facts) == ["same"]


def test_files_of_one_name_are_told_apart(put: Put, models: Path, facts: Facts) -> None:
    for name in ("a.pth", "x/a.pth", "y/a.pth", "y/b.pth", "x/d/c.pth", "y/d/c.pth"):
        put(name)
    found = {entry.name: entry for entry in scan([models], facts)}
    assert set(found) == {"a (models)", "a (x)", "a (y)", "b", "c (x/d)", "c (y/d)"}
    assert found["c (y/d)"].path == models / "y" / "d" / "c.pth"
    assert all(entry.traits.name == name for name, entry in found.items())


def test_files_that_differ_in_their_ending_are_told_apart(
    put: Put, models: Path, facts: Facts
) -> None:
    for name in ("a.pth", "a.pt", "x/b.pth", "x/b.pt", "y/b.pt"):
        put(name)
    found = names(models, facts=facts)
    assert found == ["a.pt", "a.pth", "b.pt (x)", "b.pth (x)", "b.pt (y)"]


def test_a_name_that_looks_like_another_with_its_folder(
    put: Put, models: Path, facts: Facts
) -> None:
    for name in ("x/a.pth", "y/a.pth", "a (x).pth"):
        put(name)
    found = names(models, facts=facts)
    assert len(set(found)) == 3
    assert "a (y)" in found


def test_a_name_that_is_taken_gets_its_folder(put: Put, models: Path, facts: Facts) -> None:
    put("Lanczos.pth")
    put("fine.pth")
    found = scan([models], facts, taken={"Lanczos", "Nearest"})
    assert [entry.name for entry in found] == ["fine", "Lanczos (models)"]


BAD = {
    "empty": b"",
    "text": b"This is a text and no network.",
    "page": b"<!DOCTYPE html><html></html>",
    "zip": b"PK\x03\x04 and nothing more",
    "pickle": b"\x80\x02cos\nsystem\nq\x00X\x02\x00\x00\x00lsq\x01\x85q\x02Rq\x03.",
}


@pytest.mark.parametrize("kind", [*BAD, "cut short", "diffusion"])
def test_what_is_no_network_is_left_out_and_remembered(
    kind: str,
    put: Put,
    models: Path,
    facts: Facts,
    template: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put("good.pth")
    bad = models / "bad.pth"
    if kind == "diffusion":
        name = "model.diffusion_model.input_blocks.0.0.weight"
        save({name: torch.zeros(3)}, bad)
    else:
        bad.write_bytes(BAD.get(kind, template[: len(template) * 3 // 4]))
    with caplog.at_level(logging.INFO, "lib_upscalers"):
        for _ in range(3):
            assert names(models, facts=facts) == ["good"]
    (record,) = [record for record in caplog.records if "bad.pth" in record.getMessage()]
    assert record.exc_info is None
    assert "\n" not in record.getMessage()
    with pytest.raises(ModelError, match="Expected"):
        resolve_path(bad, facts)

    stamp = bad.stat()
    bad.write_bytes(bytes(stamp.st_size))
    os.utime(bad, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    caplog.clear()
    with caplog.at_level(logging.INFO, "lib_upscalers"):
        assert names(models, facts=Facts.in_folder(models.parent / "data")) == ["good"]
    assert record.getMessage() in caplog.messages


def test_a_network_is_looked_at_once(put: Put, models: Path, facts: Facts) -> None:
    path = put("a.pth")
    entries = scan([models], facts)
    stamp = path.stat()
    path.write_bytes(bytes(stamp.st_size))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    again = Facts.in_folder(models.parent / "data")
    assert scan([models], again) == entries
    assert resolve_path(path, again) == entries[0]


def test_a_mended_file_is_looked_at_again(put: Put, models: Path, facts: Facts) -> None:
    (models / "a.pth").write_bytes(b"nothing")
    assert names(models, facts=facts) == []
    put("a.pth")
    assert names(models, facts=facts) == ["a"]
    (models / "a.pth").write_bytes(b"nothing")
    assert names(models, facts=facts) == []


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_large_files_are_not_read_whole(
    ending: str, models: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = compact_file(models / f"a{ending}", num_feat=128, num_conv=4)
    sizes: list[int] = []
    read = TensorSource._read

    def count(source: TensorSource, offset: int, size: int) -> object:
        sizes.append(size)
        return read(source, offset, size)

    monkeypatch.setattr(TensorSource, "_read", count)
    (entry,) = scan([models], facts)
    assert entry.traits.scale == 2
    assert 0 < sum(sizes) < path.stat().st_size / 10
    assert load_network(path).traits == entry.traits
    assert sum(sizes) > path.stat().st_size


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_what_is_cut_short_later_is_noticed_when_used(
    ending: str, models: Path, facts: Facts
) -> None:
    path = compact_file(models / f"a{ending}")
    (entry,) = scan([models], facts)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 200])
    with pytest.raises(ModelFileError, match="damaged"), NetworkCache(1 << 20).borrow(entry):
        pytest.fail("there is nothing to lend")
    assert scan([models], facts) == []


def test_a_file_far_too_large_is_not_even_opened(models: Path, facts: Facts) -> None:
    path = models / "sd.ckpt"
    with path.open("wb") as file:
        try:
            file.truncate(3 << 30)
        except OSError:
            pytest.skip("this file system has no sparse files")
    path.chmod(0)
    assert scan([models], facts) == []
    fact = facts.get(path, lambda _: pytest.fail("it was remembered"))
    assert "3.0 GiB" in fact.problem


def test_what_may_pass_is_not_remembered(
    put: Put, models: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.pth")
    opened = type(models).open

    def refuse(path: Path, *args: object, **kwargs: object) -> object:
        if path.name == "a.pth":
            raise PermissionError(13, "not now")
        return opened(path, *args, **kwargs)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(type(models), "open", refuse)
        assert names(models, facts=facts) == []
    assert names(models, facts=facts) == ["a"]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")]
)
def test_a_lack_of_memory_is_not_remembered(
    error: Exception, put: Put, models: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lib_upscalers.models import building, glance

    def fail(*_: object) -> object:
        raise error

    put("a.pth")
    with monkeypatch.context() as patch:
        patch.setattr(building, "build", fail)
        patch.setattr(glance, "known_traits", lambda *_: None)
        assert names(models, facts=facts) == []
    assert names(models, facts=facts) == ["a"]


def test_a_path_gives_an_entry_wherever_it_lies(put: Put, models: Path, facts: Facts) -> None:
    path = put("x/a.pth")
    entry = resolve_path(path, facts)
    assert (entry.name, entry.path, entry.traits.scale) == ("a", path, 2)
    with pytest.raises(ModelFileError, match="Expected a network file"):
        resolve_path(models / "none.pth", facts)
    with pytest.raises(ModelFileError, match="one of"):
        resolve_path(put("b.txt"), facts)
    save({"some.layer": torch.zeros(1)}, models / "c.pth")
    for _ in range(2):
        with pytest.raises(UnsupportedModelError, match="known architecture"):
            resolve_path(models / "c.pth", facts)


def test_the_facts_are_kept_even_if_the_user_stops_it(
    put: Put, models: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.pth")
    put("b.pth")
    found_out = folders._inspect

    def stop(path: Path, *others: Any) -> folders.Fact:  # noqa: ANN401 - as it is
        if path.name == "b.pth":
            raise KeyboardInterrupt
        return found_out(path, *others)

    with monkeypatch.context() as patch:
        patch.setattr(folders, "_inspect", stop)
        with pytest.raises(KeyboardInterrupt):
            scan([models], facts)
    kept = json.loads((models.parent / "data" / "network-facts.json").read_text("utf-8"))
    assert list(kept["files"]) == [str((models / "a.pth").resolve())]


def _built_in(folder: Path, template: bytes, sha256: str) -> None:
    (folder / "ours.pth").write_bytes(template)
    about = {"name": "Ours 2x", "file": "ours.pth", "sha256": sha256, "licence": "MIT"}
    gone = {**about, "name": "Gone", "file": "gone.pth"}
    (folder / "weights.json").write_text(json.dumps({"networks": [about, gone]}), "utf-8")


def test_our_own_networks_are_listed_and_verified_when_used(
    tmp_path: Path,
    template: bytes,
    facts: Facts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(folders, "_WEIGHTS", tmp_path)
    _built_in(tmp_path, template, "0" * 64)
    (entry,) = built_in_entries(facts)
    assert "Gone" in caplog.text
    assert (entry.name, entry.traits.name, entry.licence) == ("Ours 2x", "Ours 2x", "MIT")
    assert entry.built_in
    with pytest.raises(ModelFileError, match="SHA-256"), NetworkCache(1).borrow(entry):
        pytest.fail("there is nothing to lend")


def test_the_networks_that_come_with_us_can_be_used(facts: Facts) -> None:
    entries = built_in_entries(facts)
    assert entries
    for entry in entries:
        with NetworkCache(0).borrow(entry) as network:
            assert network.traits == entry.traits
            output = network(torch.rand(1, entry.traits.channels, 20, 20))
        assert output.shape[-1] == 20 * entry.traits.scale
