"""Start here: `python run.py app`, `python run.py cli …`, `… docs` or `… test`.

Standard library only. Makes a virtual environment beside this file, installs what the files in
`locks/` name into it once, only if the SHA-256 of each package is among those listed there, and
hands over to the Python in there.

Environment:
    UPSCALER_LAB_VENV: where the virtual environment lies, if not in `.venv`. UPSCALER_LAB_TORCH:
    what to install instead of the pair of torch and torchvision that is chosen for this machine,
    such as "torch==2.9.1 torchvision==0.24.1"; pip's own settings state from where, and no hash is
    compared.
"""

import hashlib
import importlib.util
import os
import platform
import re
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

if sys.version_info < (3, 10):  # noqa: UP036 - an older Python still has to run this
    sys.exit(
        "Expected Python 3.10 or newer, but this is Python " + platform.python_version() + ". "
        "Install a newer one and start this file with it, for instance: python3.12 run.py app"
    )

ROOT = Path(__file__).resolve().parent
LOCKS = ROOT / "locks"
NEWEST_PYTHON = (3, 14)
# What the builders of the documentation need.
OLDEST_PYTHON = {"docs": (3, 11)}
TORCH = ("2.14.1", "0.29.1")
TORCH_ARM_LINUX = ("2.9.1", "0.24.1")
TORCH_INTEL_MAC = ("2.2.2", "0.17.2")
TORCH_LOCKS: "dict[tuple[str, str], str]" = {
    TORCH: "torch.txt",
    TORCH_ARM_LINUX: "torch-arm-linux.txt",
    TORCH_INTEL_MAC: "torch-intel-mac.txt",
}
# A lock has the name of the requirements that it was made from.
BASE = "requirements.txt"
REQUIREMENTS = {
    "app": (BASE,),
    "cli": (BASE,),
    "docs": (BASE, "requirements-docs.txt"),
    "test": (BASE, "requirements-dev.txt"),
    "licences": (BASE,),
    "sbom": (BASE,),
    "lock": (BASE, "requirements-release.txt"),
    "audit": (BASE, "requirements-release.txt"),
}
# Commands that work on the project: a module of the folder supply/ each.
SUPPLY = ("licences", "sbom", "lock", "audit")
USAGE = """usage: python run.py COMMAND [ARGUMENT ...]

commands:
  app    open the app in the browser              (python run.py app --help)
  cli    enlarge pictures from the command line   (python run.py cli --help)
  docs   build the documentation into site/       (python run.py docs serve: as a live page)
  test   run every check                          (python run.py test)
         the quick ones, before a commit          (python run.py test --fast)
         tests alone, with arguments for pytest   (python run.py test -k tiling)

for releases:
  lock      write locks/ from requirements*.txt   (python run.py lock --help)
  audit     look for known vulnerabilities        (python run.py audit --help)
  licences  list the licences of what is installed
  sbom      write a list of all parts, in CycloneDX's JSON (python run.py sbom --help)
"""
CHECK_TORCH = (
    "import torch, torchvision; "
    "torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)"
)
# What pip prints if a file has another hash than the lock lists.
MISMATCH = "do not match the hashes"
ADVICE = {
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


class Machine(NamedTuple):
    """The facts of the machine that decide which builds fit."""

    system: str
    processor: str
    gpu: str


def say(text: str) -> None:
    """Print a message to stderr, apart from the output of the program itself."""
    print(text, file=sys.stderr, flush=True)


def find_gpu(exists: Callable[[str], bool], which: Callable[[str], str | None]) -> str:
    """Return "nvidia", "amd" or "none", by files of the driver."""
    nvidia = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/nvidia-smi")
    if any(exists(path) for path in nvidia) or which("nvidia-smi"):
        return "nvidia"
    return "amd" if exists("/dev/kfd") or which("rocminfo") else "none"


def this_machine() -> Machine:
    """Return the facts of this machine, in next to no time."""
    gpu = find_gpu(os.path.exists, shutil.which)
    return Machine(platform.system(), platform.machine().lower(), gpu)


def version_key(version: str) -> tuple[int, ...]:
    """Return a key that orders versions; a local part such as "+cpu" does not count."""
    return tuple(int(part) for part in version.split("+", maxsplit=1)[0].split("."))


def cpu_pair(torch: Iterable[str], torchvision: Iterable[str]) -> tuple[str, str] | None:
    """Return the newest CPU builds on offer that match each other, up to the pinned version.

    A CPU torch beside another build of torchvision fails when it is first imported, so a CPU build
    of only one of them is not used. torch 2.14.1 goes with torchvision 0.29.1, and so on.
    """
    offered = set(torchvision)
    known = [version for version in torch if re.fullmatch(r"2\.\d+\.\d+\+cpu", version)]
    for version in sorted(known, key=version_key, reverse=True):
        _, minor, patch = version_key(version)
        partner = f"0.{minor + 15}.{patch}+cpu"
        if version_key(version) <= version_key(TORCH[0]) and partner in offered:
            return version, partner
    return None


def choose_torch(machine: Machine, offered: Callable[[str], list[str]]) -> tuple[str, str]:
    """Return the versions of torch and torchvision for a machine.

    Args:
        machine: What it is.
        offered: Returns all versions of a package that the index offers; called only on Linux
            without an NVIDIA GPU, because elsewhere the default builds fit.
    """
    if machine.system == "Darwin" and machine.processor == "x86_64":
        return TORCH_INTEL_MAC
    if machine.system != "Linux" or machine.gpu == "nvidia":
        return TORCH
    if machine.processor in ("aarch64", "arm64"):
        return TORCH_ARM_LINUX
    return cpu_pair(offered("torch"), offered("torchvision")) or TORCH


def parse_versions(output: str) -> list[str]:
    """Read what `pip index versions` prints."""
    found = re.search(r"^Available versions:\s*(.+)$", output, re.MULTILINE)
    return [part.strip() for part in found.group(1).split(",")] if found else []


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


def check_command(command: str) -> None:
    """Raise a SetupError if a command needs a newer Python than the rest."""
    oldest = OLDEST_PYTHON.get(command, (3, 10))
    if sys.version_info[:2] < oldest:
        raise SetupError(
            "Expected Python {}.{} or newer for `run.py {}`, but this is Python {}: start it with "
            "a newer one.".format(*oldest, command, platform.python_version())
        )


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


def install_torch(python: Path, torch: Sequence[str], lock: "Path | None", log: Path) -> None:
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


def prepare(venv: Path, command: str) -> None:
    """Make sure that everything a command needs is installed."""
    machine, own_torch = this_machine(), os.environ.get("UPSCALER_LAB_TORCH", "")
    locks = [LOCKS / name for name in REQUIREMENTS[command]]
    missing = outdated(venv, locks, machine, own_torch)
    if missing:
        check_command(command)
        make_environment(venv)
        install_all(venv, missing, machine, own_torch)


def hand_over(python: Path, arguments: Sequence[str]) -> int:
    """Start this file again in the environment; on POSIX this never returns."""
    command = [str(python), str(ROOT / "run.py"), *arguments]
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - there is no shell
    with subprocess.Popen(command) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program itself handles Ctrl-C
        return process.wait()


def build_documentation(arguments: Sequence[str]) -> int:
    """Build the documentation, with warnings as errors, or run another command of MkDocs."""
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    command = [sys.executable, "-m", "mkdocs", *(arguments or ["build", "--strict"])]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if not arguments and code == 0:
        say(f"Open {ROOT / 'site' / 'index.html'} in a browser.")
    return code


def start(command: str, arguments: Sequence[str]) -> int:
    """Run the command, in the Python that has everything."""
    if command == "test":
        sys.argv = ["checks.py", *arguments]
        runpy.run_path(str(ROOT / "tests" / "checks.py"), run_name="__main__")
        return 0
    if command == "docs":
        return build_documentation(arguments)
    if command in SUPPLY:
        sys.argv = [f"run.py {command}", *arguments]
        runpy.run_module(f"supply.{command}", run_name="__main__")
        return 0
    if command == "app":
        from lib_upscalers import app

        return app.main(arguments)
    from lib_upscalers.cli import main as run_cli

    return run_cli(arguments)


def main(arguments: Sequence[str]) -> int:
    """Set everything up and run one command; return the exit code."""
    if not arguments or arguments[0] not in REQUIREMENTS:
        say(USAGE)
        return 0 if arguments and arguments[0] in ("-h", "--help", "help") else 2
    venv = environment_folder()
    if arguments[0] == "audit" and not runpy.run_module("supply.audit")["can_ask"]():
        return 0
    try:
        prepare(venv, arguments[0])
    except SetupError as error:
        say(f"\n{error}")
        return 1
    except OSError as error:
        say(f"\n{venv} cannot be set up: {error}\n{advice_for(str(error))}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on from here.")
        return 130
    if Path(sys.prefix).resolve() == venv.resolve():
        return start(arguments[0], arguments[1:])
    return hand_over(python_in(venv), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
