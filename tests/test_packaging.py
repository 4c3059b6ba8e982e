"""The wheel and the source archive: what they hold, and that an installed wheel works."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from lib_upscalers import Picture, Size, read_picture, write_picture
from lib_upscalers.version import VERSION
from tests.offenders import fail_for

ROOT = Path(__file__).resolve().parent.parent
# What a user or a check has left in the project's folder, some of it large.
LEFTOVERS = (
    *(".git", ".venv", "build", "dist", "models", "node_modules", "private_packages", "site"),
    "test-results",
)
BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""


class Built(NamedTuple):
    """Both archives."""

    wheel: Path
    source: Path


def _ignored(folder: str, names: list[str]) -> list[str]:
    """Return what of a folder is not copied."""
    leftovers = LEFTOVERS if Path(folder) == ROOT else ()
    return [
        name
        for name in names
        if name in leftovers or name.endswith(("_cache", ".egg-info", "__pycache__"))
    ]


def _run(command: list[str], folder: Path, **environment: str) -> str:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env={**own, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return a wheel that was built from the source archive, as an index does it."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed: pip install -r requirements-dev.txt")
    folder = tmp_path_factory.mktemp("packaging")
    shutil.copytree(ROOT, folder / "clone", ignore=_ignored)
    backend = [sys.executable, "-c", BUILD]
    made = _run([*backend, "build_sdist", str(folder)], folder / "clone").split()[-1]
    with tarfile.open(folder / made) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / made.removesuffix(".tar.gz")
    wheel = _run([*backend, "build_wheel", str(folder)], unpacked).split()[-1]
    return Built(folder / wheel, folder / made)


def _tree(*patterns: str) -> set[str]:
    """Return files of this tree, below the root."""
    paths = (path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())
    names = {path.relative_to(ROOT).as_posix() for path in paths}
    return {name for name in names if "__pycache__" not in name}


@pytest.mark.slow
def test_the_wheel_holds_the_library_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
    about = f"upscaler_lab-{VERSION}.dist-info"
    data = f"upscaler_lab-{VERSION}.data/data/share/upscaler-lab"
    library = _tree("lib_upscalers/**/*")
    assert (
        library >= _tree("lib_upscalers/weights/*.safetensors", "lib_upscalers/**/*.mjs") != set()
    )
    fail_for(library - names, "The wheel lacks files; see package-data in pyproject.toml")
    assert f"{about}/licenses/LICENSE" in names
    texts = {f"{data}/{name}" for name in _tree("localizations/*.json")}
    assert texts - names == set() != texts
    rest = {name for name in names - library - texts if not name.startswith(about)}
    fail_for(rest, "The wheel holds files that are not the library's")


@pytest.mark.slow
def test_the_source_archive_holds_all_that_a_clone_has(built: Built) -> None:
    with tarfile.open(built.source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = _tree(
        *("lib_upscalers/**/*", "docs/**/*", "examples/*", "localizations/*", "scripts/*"),
        *("tests/**/*.py", "benchmarks/*.py", "javascript/*", "*.md", "*.py", "*.txt"),
        *("LICENSE", "mkdocs.yml", "package.json", "style.css"),
    )
    fail_for(expected - names, "The source archive lacks files; see MANIFEST.in")


@pytest.fixture(scope="module")
def programs(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of a fresh environment that has the wheel.

    What the wheel needs is seen by a path file, so that no network is needed.
    """
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed here")
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder)
    inside = folder / ("Scripts" if os.name == "nt" else "bin")
    python = inside / ("python.exe" if os.name == "nt" else "python")
    find = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(_run([str(python), "-c", find], folder).strip())
    needed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "needed.pth").write_text("\n".join(sorted(needed)), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps"]
    _run([*pip, "--no-index", "--disable-pip-version-check", "-q", str(built.wheel)], folder)
    return inside


@pytest.mark.slow
def test_the_installed_wheel_works(programs: Path, tmp_path: Path) -> None:
    data = {"XDG_DATA_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "HOME": str(tmp_path)}
    upscalers, app = str(programs / "upscalers"), str(programs / "upscalers-app")
    assert VERSION in _run([upscalers, "--version"], tmp_path, **data)
    assert VERSION in _run([app, "--version"], tmp_path, **data)
    assert "Lab Fast 2x" in _run([upscalers, "list"], tmp_path, **data)
    russian = {"LANGUAGE": "ru", "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    assert "параметры:" in _run([upscalers, "--help"], tmp_path, **data, **russian)
    ramp = np.linspace(0, 255, 20 * 16 * 3).reshape(16, 20, 3).astype(np.uint8)
    write_picture(Picture(ramp), tmp_path / "in.png")
    command = [upscalers, "upscale", "in.png", "out.png", "--upscaler", "Lab Fast 2x"]
    _run(command, tmp_path, **data)
    assert read_picture(tmp_path / "out.png").size == Size(40, 32)
