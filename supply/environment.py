"""Make the virtual environment of `run.py` and install what locks list; standard library only."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from supply.torch_builds import TORCH_LOCKS, choose_torch, parse_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from supply.torch_builds import Machine

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
# The lock that the app needs; the others add to it.
BASE = "requirements.txt"
NEWEST_PYTHON = (3, 14)
CHECK_TORCH = (
    "import torch, torchvision; "
    "torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)"
)
# What pip prints if a file has another hash than the lock lists.
MISMATCH = "do not match the hashes"
ADVICE: Mapping[str, str] = {
    MISMATCH: """\
A package is another file than the one in locks/: it was changed on its way, or your package index
serves builds of its own. Only if you trust that index: name the pair in UPSCALER_LAB_TORCH, such as
UPSCALER_LAB_TORCH="torch==2.14.1 torchvision==0.29.1", if it is one of these two; otherwise write
locks/ anew with that index (python run.py lock --upgrade).""",
    "no space left|not enough space|errno 28|winerror 112": """\
The disk is full. Free about 8 GB (2 GB without a GPU), or set UPSCALER_LAB_VENV to a folder on
another disk.""",
    "certificate_verify_failed|sslerror|certificate verify": """\
No secure connection could be made. Behind a company's proxy, tell pip of its certificate:
pip config set global.cert PATH""",
    r"newconnection|connection (broken|refused|aborted)|max retries|name resol|getaddrinfo|"
    r"timed out|proxyerror|unreachable|incompleteread": """\
The package index could not be reached. Check the connection (and HTTPS_PROXY behind a proxy);
what has been downloaded is kept.""",
    "permission denied|access is denied|read-only file system": """\
The folder cannot be written. Move the project to a folder of yours, or set UPSCALER_LAB_VENV to
one.""",
    "no matching distribution|could not find a version|requires-python": """\
There is no build for this Python or machine. A 64-bit Python 3.10 to 3.13 on Linux, Windows or
macOS is known to work.""",
}


class SetupError(Exception):
    """The environment cannot be made; the text states what to do."""


class MismatchError(SetupError):
    """A package is not the file that the lock names."""


def say(text: str) -> None:
    """Print a message to stderr, apart from the output of the program itself."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def advice_for(output: str) -> str:
    """Return advice about a failed installation, or "" if there is none."""
    return next(
        (text for pattern, text in ADVICE.items() if re.search(pattern, output.lower())), ""
    )


def environment_folder() -> Path:
    """Return the folder of the virtual environment, which need not exist."""
    return Path(os.environ.get("UPSCALER_LAB_VENV") or ROOT / ".venv").expanduser().absolute()


def python_in(venv: Path) -> Path:
    """Return the Python of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def packages_in(venv: Path) -> Path:
    """Return the folder of packages in a virtual environment of this Python's version."""
    version = "python{}.{}".format(*sys.version_info)
    return venv / ("Lib" if os.name == "nt" else f"lib/{version}") / "site-packages"


def fingerprint(requirements: str, machine: Machine, torch: str) -> str:
    """Return a text that changes when something else has to be installed."""
    pairs = [" ".join(pair) for pair in TORCH_LOCKS]
    parts = [*map(str, sys.version_info[:2]), *machine, torch, *pairs, requirements]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def stamp_of(venv: Path, lock: Path) -> Path:
    """Return the file with the fingerprint of a lock's last installation."""
    return venv / (lock.name + ".installed")


def is_whole(venv: Path) -> bool:
    """Return whether Python and the largest packages exist."""
    parts = (packages_in(venv) / name for name in ("torch", "torchvision", "gradio"))
    return python_in(venv).exists() and all(part.is_dir() for part in parts)


def outdated(venv: Path, files: Iterable[Path], machine: Machine, torch: str) -> list[Path]:
    """Return the locks that are still to be installed."""
    whole = is_whole(venv)
    return [
        file
        for file in files
        if not whole
        or not stamp_of(venv, file).is_file()
        or stamp_of(venv, file).read_text() != fingerprint(file.read_text(), machine, torch)
    ]


def runs_without_error(python: Path, *arguments: str) -> bool:
    """Return whether a Python starts and ends without an error."""
    try:
        done = subprocess.run([python, *arguments], capture_output=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def check_python() -> None:
    """Raise a SetupError if torch has no builds for the Python that runs this."""
    if sys.version_info[:2] > NEWEST_PYTHON or sys.maxsize < 2**32:
        bits = 64 if sys.maxsize > 2**32 else 32
        raise SetupError(
            "Expected a 64-bit Python 3.10 to {}.{}, but this is Python {} of {} bits: start this "
            "file with another one, for instance python3.12 run.py app (on Windows: py -3.12 "
            "run.py app).".format(*NEWEST_PYTHON, platform.python_version(), bits)
        )
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        version = "{}.{}".format(*sys.version_info)
        raise SetupError(
            "This Python lacks the modules that make a virtual environment. On Debian and Ubuntu "
            f"install them with: sudo apt install python{version}-venv"
        )


def make_environment(venv: Path) -> None:
    """Make the virtual environment, or make it again if it is damaged.

    One that works does not change. One that was finished but has lost packages is made again,
    because pip would count them as installed.
    """
    version = "{}.{}".format(*sys.version_info)
    same = f"import pip, sys; assert sys.version_info[:2] == ({version.replace('.', ', ')})"
    lost = any(venv.glob("*.installed")) and not is_whole(venv)
    if not lost and runs_without_error(python_in(venv), "-c", same):
        return
    check_python()
    if venv.exists() and any(venv.iterdir()) and not (venv / "pyvenv.cfg").is_file():
        raise SetupError(
            f"Expected a virtual environment or an empty folder, but {venv} holds other files: "
            "set UPSCALER_LAB_VENV to another folder."
        )
    say(f"Making a virtual environment for Python {version} in {venv} …")
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stdout + done.stderr).strip()
        raise SetupError(f"It could not be made:\n{output}\n{advice_for(output)}".rstrip())


def offered_versions(python: Path, package: str) -> list[str]:
    """Return the versions that the package index has; none if it does not answer."""
    command = [python, "-m", "pip", "index", "versions", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return parse_versions(done.stdout)


def install(python: Path, arguments: Sequence[str], log: Path) -> None:
    """Run `pip install` and show its progress; raise a SetupError with its last lines."""
    lines: list[str] = []
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if re.match(r"\s*(Downloading|Using cached|Building|Installing)", line):
                say("  " + line.strip()[:110])
    log.write_text("\n".join(lines), encoding="utf-8")
    if process.returncode:
        last, output = "\n".join(lines[-12:]), "\n".join(lines)
        advice = advice_for(output) or "Run the same command again to go on."
        kind = MismatchError if MISMATCH in output.lower() else SetupError
        raise kind(f"pip failed (all it said is in {log}):\n{last}\n\n{advice}")


def install_locked(python: Path, locks: Iterable[Path], log: Path) -> None:
    """Install exactly what locks list; raise a MismatchError if a file has another hash.

    Nothing is built here: a build would bring packages that no lock lists.
    """
    files = [part for lock in locks for part in ("-r", str(lock))]
    install(python, ["--require-hashes", "--no-deps", "--only-binary", ":all:", *files], log)


def has_own_sources(python: Path) -> bool:
    """Return whether pip's settings name an index or a folder of packages."""
    command = [python, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return bool(re.search(r"index.url|find.links", done.stdout))


def install_torch(python: Path, torch: Sequence[str], lock: Path | None, log: Path) -> None:
    """Install torch and torchvision, by their lock if there is one.

    Where pip's settings name sources of their own and these have another build of the same
    version, that one is installed: whoever set pip up so trusts them.
    """
    if lock:
        try:
            install_locked(python, [lock], log)
        except MismatchError:
            if not has_own_sources(python):
                raise
        else:
            return
    say(
        f"  Note: {' and '.join(torch)} are installed without comparing hashes, since "
        + (
            "pip's own sources have another build than"
            if lock
            else "they are none of the builds in"
        )
        + " locks/."
    )
    install(python, torch, log)


def note_on_gpu(machine: Machine, torch: Sequence[str]) -> None:
    """Print a note if the ordinary index has no build for the GPU that was found."""
    unused = machine.gpu == "amd" or (machine.gpu == "nvidia" and machine.system == "Windows")
    if unused and not os.environ.get("UPSCALER_LAB_TORCH"):
        say(
            f"  Note: there is an {machine.gpu.upper()} GPU, but the default build of torch for "
            "this system does not use it. pytorch.org says which one does; name it in "
            f'UPSCALER_LAB_TORCH (chosen now: "{" ".join(torch)}").'
        )


def install_all(venv: Path, locks: Sequence[Path], machine: Machine, own_torch: str) -> None:
    """Bring the environment up to date and write a stamp, so that it is done once."""
    for lock in locks:
        stamp_of(venv, lock).unlink(missing_ok=True)
    python, log = python_in(venv), venv / "install.log"
    torch: list[str] = []
    torch_lock = None
    if locks[0].name == BASE:
        pair = choose_torch(machine, lambda package: offered_versions(python, package))
        torch = own_torch.split() or [f"torch=={pair[0]}", f"torchvision=={pair[1]}"]
        torch_lock = None if own_torch or pair not in TORCH_LOCKS else LOCKS / TORCH_LOCKS[pair]
        note_on_gpu(machine, torch)
    names = ", ".join([*(f"locks/{lock.name}" for lock in locks), *torch])
    say(f"Installing {names}: the first time this takes some minutes …")
    install_locked(python, locks, log)
    if torch:
        install_torch(python, torch, torch_lock, log)
    if not runs_without_error(python, "-c", CHECK_TORCH):
        raise SetupError(
            "torch and torchvision are installed but do not work together. See what this says: "
            f'{python} -c "{CHECK_TORCH}"\nThen name a pair that matches in UPSCALER_LAB_TORCH, or '
            f"delete {venv} and start again."
        )
    for lock in locks:
        stamp_of(venv, lock).write_text(fingerprint(lock.read_text(), machine, own_torch))
    say("Everything is installed.")
