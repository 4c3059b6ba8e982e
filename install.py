"""Install what the WebUI lacks; run by the WebUI before it starts. Installed packages never change.

A newer spandrel than the WebUI's is installed into a folder of this extension, which only this
extension imports from. If there is nothing to do, this takes no time and prints nothing. All of it
is of the version and has one of the SHA-256 that locks/requirements-webui.txt lists.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PRIVATE = ROOT / "private_packages"
LOCK = ROOT / "locks" / "requirements-webui.txt"
SPANDREL = "0.4.2"
EXTRA = "0.2.0"
# Packages that the library imports and a host may lack, by the name of the module.
NEEDED = {"psutil": "psutil", "safetensors": "safetensors", "einops": "einops"}


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers that compare."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def installed(name: str) -> str | None:
    """Return the version of a package that the host has, None if it has none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def private_requirements() -> list[str]:
    """Return the requirements of the private folder: none if the host's spandrel is new enough."""
    version = installed("spandrel")
    if version is not None and numbers(version) >= numbers(SPANDREL):
        return []
    extra = [f"spandrel_extra_arches=={EXTRA}"] if installed("spandrel_extra_arches") else []
    return [f"spandrel=={SPANDREL}", *extra]


def is_installed_privately(requirement: str) -> bool:
    """Return whether the private folder has exactly that package."""
    name, version = requirement.split("==")
    found = metadata.distributions(name=name, path=[str(PRIVATE)])
    return any(each.version == version for each in found)


def locked(requirements: list[str]) -> str:
    """Return the lines of packages in the lock, with their hashes.

    Args:
        requirements: "name" or "name==version".
    """
    blocks = re.split(r"\n(?=\S)", LOCK.read_text(encoding="utf-8"))
    held = {block.split("==")[0]: block for block in blocks if "==" in block}
    names = [requirement.split("==")[0].replace("_", "-") for requirement in requirements]
    return "\n".join(held[name] for name in names) + "\n"


def pip(requirements: list[str], *arguments: str) -> bool:
    """Install packages of the lock, and nothing else; on failure print pip's own last line."""
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    checks = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "requirements.txt"
        file.write_text(locked(requirements), encoding="utf-8")
        done = subprocess.run(
            [*command, *checks, *arguments, "-r", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["pip failed"]
        print(f"Upscaler Lab: {lines[-1]}", flush=True)
    return done.returncode == 0


def install_private(requirements: list[str]) -> None:
    """Fill the private folder; if that fails, it stays as it was."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".private_packages-") as scratch:
        if not pip(requirements, "--target", scratch):
            print(
                "Upscaler Lab: networks of the newest architectures cannot be used for now; "
                "everything else works. It is tried again at the next start.",
                flush=True,
            )
            return
        share(Path(scratch))
        shutil.rmtree(PRIVATE, ignore_errors=True)
        shutil.copytree(scratch, PRIVATE)


def share(folder: Path) -> None:
    """Let every user who may read the extension read a folder in it.

    Temporary folders are their owner's alone, and so may be files that root makes; the WebUI may
    run as another user.
    """
    allowed = ROOT.stat().st_mode
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        shared = mode | allowed & (0o555 if path.is_dir() else 0o444)
        if shared != mode:
            path.chmod(shared)


def repair() -> None:
    """Make a private folder of a former version readable for other users, if that is allowed."""
    with contextlib.suppress(OSError):
        missing = ROOT.stat().st_mode & 0o555 & ~PRIVATE.stat().st_mode
        if missing:
            share(PRIVATE)


def main() -> None:
    """Install what is missing."""
    for package, module in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            print(f"Upscaler Lab: installing {package}", flush=True)
            pip([package])
    repair()
    requirements = private_requirements()
    if not all(is_installed_privately(requirement) for requirement in requirements):
        print(f"Upscaler Lab: installing {', '.join(requirements)} for itself", flush=True)
        try:
            install_private(requirements)
        except OSError as error:
            print(
                f"Upscaler Lab: cannot write {PRIVATE} ({error.strerror}): start the WebUI once "
                "as the user whom its folder belongs to. Everything but the newest architectures "
                "works.",
                flush=True,
            )


if __name__ == "__main__":
    main()
