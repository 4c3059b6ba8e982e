"""Import a newer spandrel of our own beside the one that the host has installed.

A WebUI pins an older spandrel, which must stay as it is. `install.py` puts a newer one into a
folder of this project; here it is imported so that the host never sees it.
"""

from __future__ import annotations

import importlib
import logging
import sys
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lib_upscalers.models.architectures.lean_imports import few_collections, without_unused

if TYPE_CHECKING:
    from types import ModuleType

_log = logging.getLogger("lib_upscalers")

WANTED = "0.4.2"
FOLDER = Path(__file__).resolve().parents[3] / "private_packages"
_LOCK = Lock()
_NAMES = ("spandrel", "spandrel_extra_arches")


def version_in_use(folder: Path = FOLDER) -> str:
    """Return the version of spandrel that `load` returns, without importing it."""
    return _version_in_use(_NAMES[0], folder)


def versions(folder: Path = FOLDER) -> str:
    """Return the versions of the packages that `load` returns, without importing them."""
    return ", ".join(f"{name} {_version_in_use(name, folder)}" for name in _NAMES)


def lacking(folder: Path = FOLDER) -> str:
    """Return what an old spandrel lacks, in a line for the user; "" if it is new enough."""
    version = _version_in_use(_NAMES[0], folder)
    if _numbers(version) >= _numbers(WANTED):
        return ""
    return (
        f"spandrel {version} is in use, but {WANTED} knows more architectures (RCAN, MoSR, MoESR, "
        "FDAT, SeemoRe and others): start the WebUI once with access to the internet and without "
        "--skip-install, so that it can be put beside it."
    )


def load(folder: Path = FOLDER) -> tuple[ModuleType, ModuleType | None]:
    """Return spandrel, and the extra architectures if they are installed and work here.

    Args:
        folder: Where a newer one may lie. While it is imported, other threads must not import
            theirs for the first time.

    Raises:
        ImportError: There is no spandrel at all.
    """
    with _LOCK, few_collections(), without_unused():
        apart = _load_apart(folder) if _is_newer(folder) else None
        return apart or (importlib.import_module(_NAMES[0]), _import_if_usable(_NAMES[1]))


@cache
def _load_apart(folder: Path) -> tuple[ModuleType, ModuleType | None] | None:
    """Import both from `folder`, hidden from the host; None if that fails."""
    theirs = _remove_loaded()
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(_NAMES[0]), _import_if_usable(_NAMES[1])
    except ImportError as error:
        _log.warning("The spandrel in %s is left aside, for it cannot be used: %s", folder, error)
        return None
    finally:
        sys.path.remove(str(folder))
        _remove_loaded()
        sys.modules.update(theirs)
        importlib.invalidate_caches()


def _is_newer(folder: Path) -> bool:
    private = _version_in(_NAMES[0], folder)
    return private is not None and _numbers(private) > _numbers(installed_version(_NAMES[0]))


def _version_in_use(name: str, folder: Path) -> str:
    private = _version_in(name, folder) if _is_newer(folder) else None
    return private or installed_version(name)


def installed_version(name: str) -> str:
    """Return the version of a package, without importing it; "none" if it is not installed.

    `importlib.metadata` takes longer to import than all else that a list of known networks needs.
    """
    found = (_version_in(name, Path(each)) for each in sys.path)
    return next((version for version in found if version is not None), "none")


def _version_in(name: str, folder: Path) -> str | None:
    """Return the version of a package in a folder, as the name of its metadata states it."""
    for ending in (".dist-info", ".egg-info"):
        for found in folder.glob(f"{name}-*{ending}"):
            return found.name.removeprefix(f"{name}-").removesuffix(ending)
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _import_if_usable(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None
    except (ImportError, AttributeError, RuntimeError, TypeError) as error:
        # It compiles with torch.jit.script, which torch 2.11 announces to remove.
        _warn_once(f"{name} is left aside, for it cannot be used: {error}")
        return None


@cache
def _warn_once(text: str) -> None:
    _log.warning(text)


def _remove_loaded() -> dict[str, ModuleType]:
    """Remove spandrel's modules from the table of loaded ones, and return them."""
    names = [name for name in sys.modules if name.split(".")[0] in _NAMES]
    return {name: sys.modules.pop(name) for name in names}
