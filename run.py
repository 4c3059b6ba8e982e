"""Start here: `python run.py app`, `python run.py cli …`, `… docs` or `… test`.

Standard library only. Makes a virtual environment beside this file, installs the pinned
requirements into it once, and hands over to the Python in there.

Environment:
    UPSCALER_LAB_VENV: where the virtual environment lies, if not in `.venv`. UPSCALER_LAB_TORCH:
    what to install instead of the pair of torch and torchvision that is chosen for this machine,
    such as "torch==2.9.1 torchvision==0.24.1"; pip's own settings state from where.
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
NEWEST_PYTHON = (3, 14)
TORCH = ("2.14.1", "0.29.1")
TORCH_ARM_LINUX = ("2.9.1", "0.24.1")
TORCH_INTEL_MAC = ("2.2.2", "0.17.2")
REQUIREMENTS = {
    "app": ("requirements.txt",),
    "cli": ("requirements.txt",),
    "docs": ("requirements.txt", "requirements-docs.txt"),
    "test": ("requirements.txt", "requirements-dev.txt"),
}
USAGE = """usage: python run.py COMMAND [ARGUMENT ...]

commands:
  app    open the app in the browser              (python run.py app --help)
  cli    enlarge pictures from the command line   (python run.py cli --help)
  docs   build the documentation into site/       (python run.py docs serve: as a live page)
  test   run every check                          (python run.py test)
         the quick ones, before a commit          (python run.py test --fast)
         tests alone, with arguments for pytest   (python run.py test -k tiling)
"""
CHECK_TORCH = (
    "import torch, torchvision; "
    "torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)"
)
ADVICE = {
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
    parts = [*map(str, sys.version_info[:2]), *machine, torch, *TORCH, requirements]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def stamp_of(venv: Path, requirements: Path) -> Path:
    """Return the file with the fingerprint of a requirements file's last installation."""
    return venv / (requirements.name + ".installed")


def is_whole(venv: Path) -> bool:
    """Return whether Python and the largest packages exist."""
    parts = (packages_in(venv) / name for name in ("torch", "torchvision", "gradio"))
    return python_in(venv).exists() and all(part.is_dir() for part in parts)


def outdated(venv: Path, files: Iterable[Path], machine: Machine, torch: str) -> list[Path]:
    """Return the requirements files that are still to be installed."""
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
        last = "\n".join(lines[-12:])
        advice = advice_for("\n".join(lines)) or "Run the same command again to go on."
        raise SetupError(f"pip failed (all it said is in {log}):\n{last}\n\n{advice}")


def note_on_gpu(machine: Machine, torch: Sequence[str]) -> None:
    """Print a note if the ordinary index has no build for the GPU that was found."""
    unused = machine.gpu == "amd" or (machine.gpu == "nvidia" and machine.system == "Windows")
    if unused and not os.environ.get("UPSCALER_LAB_TORCH"):
        say(
            f"  Note: there is an {machine.gpu.upper()} GPU, but the default build of torch for "
            "this system does not use it. pytorch.org says which one does; name it in "
            f'UPSCALER_LAB_TORCH (chosen now: "{" ".join(torch)}").'
        )


def install_all(venv: Path, files: Sequence[Path], machine: Machine, own_torch: str) -> None:
    """Bring the environment up to date and write a stamp, so that it is done once."""
    for file in files:
        stamp_of(venv, file).unlink(missing_ok=True)
    python, log = python_in(venv), venv / "install.log"
    arguments = [part for file in files for part in ("-r", str(file))]
    torch: list[str] = []
    if files[0].name == REQUIREMENTS["app"][0]:
        pair = choose_torch(machine, lambda package: offered_versions(python, package))
        torch = own_torch.split() or [f"torch=={pair[0]}", f"torchvision=={pair[1]}"]
        note_on_gpu(machine, torch)
    names = ", ".join([*(file.name for file in files), *torch])
    say(f"Installing {names}: the first time this takes some minutes …")
    install(python, [*arguments, *torch], log)
    if not runs_without_error(python, "-c", CHECK_TORCH):
        raise SetupError(
            "torch and torchvision are installed but do not work together. See what this says: "
            f'{python} -c "{CHECK_TORCH}"\nThen name a pair that matches in UPSCALER_LAB_TORCH, or '
            f"delete {venv} and start again."
        )
    for file in files:
        stamp_of(venv, file).write_text(fingerprint(file.read_text(), machine, own_torch))
    say("Everything is installed.")


def prepare(venv: Path, command: str) -> None:
    """Make sure that everything a command needs is installed."""
    machine, own_torch = this_machine(), os.environ.get("UPSCALER_LAB_TORCH", "")
    files = [ROOT / name for name in REQUIREMENTS[command]]
    missing = outdated(venv, files, machine, own_torch)
    if missing:
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
