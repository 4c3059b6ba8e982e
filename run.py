"""Start here: `python run.py app`, `python run.py cli …`, `… docs` or `… test`.

Standard library only. Makes a virtual environment beside this file (`supply/environment.py`),
installs what the files in `locks/` name into it once, only if the SHA-256 of each package is among
those listed there, and hands over to the Python in there.

Environment:
    UPSCALER_LAB_VENV: where the virtual environment lies, if not in `.venv`. UPSCALER_LAB_TORCH:
    what to install instead of the pair of torch and torchvision that is chosen for this machine,
    such as "torch==2.9.1 torchvision==0.24.1"; pip's own settings state from where, and no hash is
    compared.
"""

import os
import platform
import runpy
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036 - an older Python still has to run this
    sys.exit(
        "Expected Python 3.10 or newer, but this is Python " + platform.python_version() + ". "
        "Install a newer one and start this file with it, for instance: python3.12 run.py app"
    )

# After the check of the version: these modules cannot be read by an older Python.
from supply.environment import (
    BASE,
    LOCKS,
    ROOT,
    SetupError,
    advice_for,
    environment_folder,
    install_all,
    make_environment,
    outdated,
    python_in,
    say,
)
from supply.torch_builds import this_machine

# What the builders of the documentation need.
OLDEST_PYTHON = {"docs": (3, 11)}
# A lock has the name of the requirements that it was made from.
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
HELP = ("-h", "--help", "help")
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


def check_command(command: str) -> None:
    """Raise a SetupError if a command needs a newer Python than the rest."""
    oldest = OLDEST_PYTHON.get(command, (3, 10))
    if sys.version_info[:2] < oldest:
        raise SetupError(
            "Expected Python {}.{} or newer for `run.py {}`, but this is Python {}: start it with "
            "a newer one.".format(*oldest, command, platform.python_version())
        )


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

    return run_cli(arguments, program="python run.py cli")


def main(arguments: Sequence[str]) -> int:
    """Set everything up and run one command; return the exit code."""
    if not arguments or arguments[0] not in REQUIREMENTS:
        if arguments and arguments[0] not in HELP:
            say(f"Expected one of these commands, but got {arguments[0]!r}. To enlarge a picture:")
            say("python run.py cli upscale in.png out.png\n")
        say(USAGE)
        return 0 if arguments and arguments[0] in HELP else 2
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
