"""Write the locks: every package with all that it needs, and the hashes of its files.

A lock fits all Pythons and machines that its packages are for, by markers; torch and torchvision,
which depend on the graphics card too, have locks of their own. In the end every machine and every
Python is tried, without installing anything.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supply.pins import LOCKS, ROOT
from supply.torch_builds import TORCH_LOCKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OLDEST = "3.10"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
BASE = "requirements.txt"
COMMAND = "python run.py lock"


class Lock(NamedTuple):
    """A file in locks/, and how it is made.

    Attributes:
        name: Of the lock, and of the requirements that it is made from.
        python: The oldest Python that it has to fit.
        options: More options for uv.
    """

    name: str
    python: str = OLDEST
    options: tuple[str, ...] = ()


class Target(NamedTuple):
    """A kind of machine that the locks are tried for, as uv names it."""

    platform: str
    torch: str
    pythons: tuple[str, ...] = PYTHONS


TARGETS = (
    Target("x86_64-manylinux_2_28", "torch.txt"),
    Target("aarch64-manylinux_2_28", "torch.txt"),
    Target("aarch64-manylinux_2_28", "torch-arm-linux.txt"),
    Target("x86_64-pc-windows-msvc", "torch.txt"),
    Target("aarch64-apple-darwin", "torch.txt"),
    Target("x86_64-apple-darwin", "torch-intel-mac.txt", ("3.10", "3.11", "3.12")),
)
# torch is built for this macOS and newer ones; uv assumes an older one.
ENVIRONMENT = {"MACOSX_DEPLOYMENT_TARGET": "14.0", "UV_PYTHON_DOWNLOADS": "never"}


def torch_pairs() -> dict[str, tuple[str, str]]:
    """Return the versions of torch and torchvision for each of their locks."""
    return {name: pair for pair, name in TORCH_LOCKS.items()}


def locks() -> list[Lock]:
    """Return all locks, in the order in which they are made: each agrees with the base."""
    base = ("-c", f"locks/{BASE}")
    return [
        Lock(BASE, options=("--excludes", "torch-pair")),
        *(Lock(name, options=base) for name in torch_pairs()),
        Lock("requirements-dev.txt", options=base),
        Lock("requirements-docs.txt", python="3.11", options=base),
        Lock("requirements-release.txt", options=base),
        Lock("requirements-webui.txt", options=(*base, "--no-deps")),
    ]


def lay_out(folder: Path) -> None:
    """Copy into a folder what locks are made from, and the present locks."""
    for file in ROOT.glob("requirements*.txt"):
        shutil.copy(file, folder)
    for name, (torch, torchvision) in torch_pairs().items():
        text = f"torch=={torch}\ntorchvision=={torchvision}\n"
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "torch-pair").write_text("torch\ntorchvision\n", encoding="utf-8")
    (folder / "locks").mkdir()
    for file in LOCKS.glob("*.txt"):
        shutil.copy(file, folder / "locks")


def compile_command(lock: Lock, *, upgrade: bool) -> list[str]:
    """Return the command that makes a lock, in a folder that `lay_out` has filled."""
    return [
        *(sys.executable, "-m", "uv", "pip", "compile", "--universal", "--generate-hashes", "-q"),
        *("--python-version", lock.python, "--custom-compile-command", COMMAND),
        *lock.options,
        *(("--upgrade",) if upgrade else ()),
        *(lock.name, "--output-file", f"locks/{lock.name}"),
    ]


def trials() -> Iterator[tuple[str, list[str]]]:
    """Yield commands that fail if a machine lacks a package: in words, and as arguments."""
    for target in TARGETS:
        for python in target.pythons:
            names = [lock.name for lock in locks() if lock.python <= python]
            torch_locks = torch_pairs()
            used = [name for name in names if name not in torch_locks or name == target.torch]
            files = [part for name in used for part in ("-r", f"locks/{name}")]
            yield (
                f"{target.platform}, Python {python}",
                [
                    *(sys.executable, "-m", "uv", "pip", "install", "-q", "--dry-run"),
                    *("--target", "nowhere", "--python-platform", target.platform),
                    *("--python-version", python, "--only-binary", ":all:", "--no-deps"),
                    *("--require-hashes", *files),
                ],
            )


def _run(command: Sequence[str], folder: Path) -> str:
    """Run a command; return what it printed if it failed."""
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr) if done.returncode else ""


def say(text: str) -> None:
    """Show what is done now."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def make_locks(folder: Path, *, upgrade: bool) -> str:
    """Make all locks in a folder and try them; return what went wrong, "" if nothing did."""
    lay_out(folder)
    for lock in locks():
        say(f"Locking {lock.name} …")
        wrong = _run(compile_command(lock, upgrade=upgrade), folder)
        if wrong:
            return f"{lock.name}: {wrong}"
    for name, command in trials():
        say(f"Trying {name} …")
        wrong = _run(command, folder)
        if wrong:
            return f"{name}: {wrong}"
    return ""


def main() -> int:
    """Write the locks if all of them can be made and fit every machine."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Write locks/ from requirements*.txt and the versions of torch in "
        "supply/torch_builds.py. Pins that still fit stay.",
    )
    parser.add_argument(
        "--upgrade", action="store_true", help="use the newest versions of what is not pinned"
    )
    upgrade: bool = parser.parse_args().upgrade
    with tempfile.TemporaryDirectory() as scratch:
        wrong = make_locks(Path(scratch), upgrade=upgrade)
        if wrong:
            say(f"Nothing is written. {wrong}")
            return 1
        LOCKS.mkdir(exist_ok=True)
        for lock in locks():
            shutil.copy(Path(scratch) / "locks" / lock.name, LOCKS)
    say(f"{LOCKS} is up to date.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
