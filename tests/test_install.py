"""The WebUI's installation hook."""

from __future__ import annotations

import importlib.util
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return install.py, whose folder is the test's own."""
    spec = importlib.util.spec_from_file_location("install_hook", ROOT / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "PRIVATE", tmp_path / "private_packages")
    return module


def have(hook: ModuleType, monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    monkeypatch.setattr(hook, "installed", versions.get)


def fake_pip(hook: ModuleType, monkeypatch: pytest.MonkeyPatch, *, works: bool) -> None:
    """Have pip lay out what it was asked for, or fail as it does without a network."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if not works:
            return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: no network\n")
        target = Path(command[command.index("--target") + 1])
        listed = Path(command[command.index("-r") + 1]).read_text("utf-8")
        for name, version in re.findall(r"^([\w-]+)==([\w.]+)", listed, re.MULTILINE):
            about = target / f"{name.replace('-', '_')}-{version}.dist-info"
            about.mkdir()
            (about / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)


def test_nothing_is_wanted_where_the_host_has_what_we_need(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    have(hook, monkeypatch, spandrel="0.4.2")
    fake_pip(hook, monkeypatch, works=False)
    hook.main()
    assert capsys.readouterr().out == ""


def test_a_newer_spandrel_is_put_beside_an_old_one(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    have(hook, monkeypatch, spandrel="0.3.4", spandrel_extra_arches="0.1.1")
    fake_pip(hook, monkeypatch, works=True)
    hook.main()
    assert hook.is_installed_privately(f"spandrel=={hook.SPANDREL}")
    assert hook.is_installed_privately(f"spandrel_extra_arches=={hook.EXTRA}")
    assert capsys.readouterr().out
    hook.main()
    assert capsys.readouterr().out == "", "the second start has nothing to do"


def test_extra_architectures_come_only_where_the_host_has_them(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(hook, monkeypatch, spandrel="0.3.4")
    assert hook.private_requirements() == [f"spandrel=={hook.SPANDREL}"]


def test_all_that_it_may_install_has_a_version_and_hashes(hook: ModuleType) -> None:
    names = [*hook.NEEDED, f"spandrel=={hook.SPANDREL}", f"spandrel_extra_arches=={hook.EXTRA}"]
    for name in names:
        lines = hook.locked([name]).splitlines()
        assert lines[0].replace("-", "_").startswith(name if "==" in name else f"{name}=="), lines
        assert len([line for line in lines if "==" in line]) == 1, lines
        assert sum("--hash=sha256:" in line for line in lines) >= 1, lines


def test_without_a_network_it_says_what_is_missing_and_changes_nothing(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    have(hook, monkeypatch, spandrel="0.3.4")
    fake_pip(hook, monkeypatch, works=False)
    hook.main()
    said = capsys.readouterr().out
    assert "no network" in said
    assert "everything else works" in said
    assert list(hook.ROOT.iterdir()) == []


def modes(folder: Path) -> dict[str, int]:
    """Return the permissions of a folder and all that is in it."""
    paths = (folder, *folder.rglob("*"))
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize(("root", "folder", "file"), [(0o755, 0o755, 0o644), (0o700, 0o700, 0o600)])
def test_whoever_may_read_the_extension_may_read_the_private_folder(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, root: int, folder: int, file: int
) -> None:
    """And nobody else, whatever the mask of the user who installs it."""
    hook.ROOT.chmod(root)
    have(hook, monkeypatch, spandrel="0.3.4")
    fake_pip(hook, monkeypatch, works=True)
    mask = os.umask(0o077)
    try:
        hook.main()
    finally:
        os.umask(mask)
    about = f"spandrel-{hook.SPANDREL}.dist-info"
    expected = {"private_packages": folder, about: folder, "METADATA": file}
    assert modes(hook.PRIVATE) == expected
    hook.PRIVATE.chmod(0o700)
    hook.main()
    assert modes(hook.PRIVATE) == expected, "a folder of a former version is repaired"


def test_a_folder_that_cannot_be_written_is_one_line(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    have(hook, monkeypatch, spandrel="0.3.4")
    fake_pip(hook, monkeypatch, works=True)
    monkeypatch.setattr(hook.shutil, "copytree", refuse)
    hook.main()
    lines = capsys.readouterr().out.splitlines()
    assert "Permission denied" in lines[-1]
    assert not any("Traceback" in line for line in lines)


def test_the_library_looks_where_the_hook_puts_it() -> None:
    from lib_upscalers.models.architectures import private

    text = (ROOT / "install.py").read_text("utf-8")
    assert f'"{private.FOLDER.name}"' in text
    assert private.FOLDER.parent == ROOT
    assert f'"{private.WANTED}"' in text


def test_it_needs_nothing_but_the_standard_library() -> None:
    foreign = (
        "[n for n, m in sys.modules.items() if 'site-packages' in str(vars(m).get('__file__'))]"
    )
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import install; print({foreign})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
