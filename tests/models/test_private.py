"""A newer spandrel beside the host's."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import spandrel

from lib_upscalers.models.architectures import private

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_SPLIT = "from spandrel.inner import NUMBER\n__version__ = 'fake'\n"


def package(folder: Path, version: str, *, number: int = 1) -> Path:
    """Lay out a package called spandrel that imports itself by its absolute name."""
    inside = folder / "spandrel"
    inside.mkdir(parents=True)
    (inside / "__init__.py").write_text(_SPLIT)
    (inside / "inner.py").write_text(f"NUMBER = {number}\n")
    about = folder / f"spandrel-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: spandrel\nVersion: {version}\n")
    return folder


def test_a_newer_one_is_loaded_and_nobody_else_sees_it(tmp_path: Path) -> None:
    before = {name for name in sys.modules if name.split(".")[0] == "spandrel"}
    path = list(sys.path)
    ours, _ = private.load(package(tmp_path / "new", "99.0"))
    assert ours is not spandrel
    assert ours.NUMBER == 1
    assert sys.modules["spandrel"] is spandrel
    assert importlib.import_module("spandrel") is spandrel
    assert {name for name in sys.modules if name.split(".")[0] == "spandrel"} == before
    assert sys.path == path


def test_it_is_loaded_once(tmp_path: Path) -> None:
    folder = package(tmp_path / "new", "99.0")
    assert private.load(folder)[0] is private.load(folder)[0]


def test_an_older_one_is_left_where_it_is(tmp_path: Path) -> None:
    assert private.load(package(tmp_path / "old", "0.0.1"))[0] is spandrel


def test_without_a_folder_the_hosts_is_used(tmp_path: Path) -> None:
    assert private.load(tmp_path / "missing")[0] is spandrel


def test_versions_tell_them_apart_without_an_import(tmp_path: Path) -> None:
    installed = private.versions(tmp_path)
    assert spandrel.__version__ in installed
    newer = private.versions(package(tmp_path / "new", "99.0"))
    assert "spandrel 99.0" in newer
    assert newer != installed


def test_an_old_spandrel_is_said_and_a_new_one_is_not(tmp_path: Path) -> None:
    assert private.lacking(package(tmp_path / "new", "99.0")) == ""


def test_one_that_cannot_be_imported_is_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = package(tmp_path / "broken", "99.0")
    (folder / "spandrel" / "__init__.py").write_text("raise ImportError('broken')\n")
    assert private.load(folder)[0] is spandrel
    assert "broken" in caplog.text
    assert sys.modules["spandrel"] is spandrel
    assert str(folder) not in sys.path


def test_extra_architectures_that_fail_are_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever they raise: without them, all others still work."""
    folder = package(tmp_path / "new", "99.0")
    (folder / "spandrel_extra_arches").mkdir()
    failing = "raise AttributeError('torch.jit.script is gone')\n"
    (folder / "spandrel_extra_arches" / "__init__.py").write_text(failing)
    ours, extra = private.load(folder)
    assert ours.NUMBER == 1
    assert extra is None
    assert "torch.jit.script is gone" in caplog.text
