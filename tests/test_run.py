"""`run.py` and its environment: what is decided, and that nothing found is broken or deleted."""

from __future__ import annotations

import ast
import hashlib
import os
import runpy
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from supply import environment, torch_builds

ROOT = Path(__file__).resolve().parent.parent
RUN = SimpleNamespace(**runpy.run_path(str(ROOT / "run.py"), run_name="run"))
LINUX = torch_builds.Machine("Linux", "x86_64", "none")
posix = pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for Python")


def _start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_can_read_it() -> None:
    ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_an_old_python_is_told_so() -> None:
    script = (
        "import platform, runpy, sys; sys.version_info = (3, 9, 0); "
        "platform.python_version = lambda: '3.9.0'; runpy.run_path('run.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Expected Python 3.10 or newer, but this is Python 3.9.0" in done.stderr


def test_it_needs_the_standard_library_alone() -> None:
    for file in ("run.py", "supply/environment.py", "supply/torch_builds.py"):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        names = {
            alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names
        }
        names |= {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
        names -= {"supply.environment", "supply.torch_builds"}
        assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names), file


@pytest.mark.parametrize(
    ("files", "programs", "expected"),
    [
        ((), (), "none"),
        (("/dev/nvidiactl",), (), "nvidia"),
        ((), ("nvidia-smi",), "nvidia"),
        (("/usr/lib/wsl/lib/nvidia-smi",), (), "nvidia"),
        (("/dev/kfd",), (), "amd"),
        ((), ("rocminfo",), "amd"),
        (("/dev/kfd", "/proc/driver/nvidia/version"), (), "nvidia"),
    ],
)
def test_a_gpu_is_found_without_torch(
    files: tuple[str, ...], programs: tuple[str, ...], expected: str
) -> None:
    which = {name: name for name in programs}.get
    found = torch_builds.find_gpu(files.__contains__, which)
    assert found == expected


@pytest.mark.parametrize(
    ("torch", "torchvision", "expected"),
    [
        (["2.14.1", "2.13.0+cpu", "2.13.0"], ["0.29.1", "0.28.0"], None),
        (["2.14.1", "2.13.0+cpu"], ["0.29.1+cpu"], None),
        (["2.13.0+cpu"], ["0.28.0+cpu"], ("2.13.0+cpu", "0.28.0+cpu")),
        (["2.9.1+cpu", "2.14.1+cpu"], ["0.29.1+cpu", "0.24.1+cpu"], ("2.14.1+cpu", "0.29.1+cpu")),
        (["2.15.0+cpu", "2.14.0+cpu"], ["0.30.0+cpu", "0.29.0+cpu"], ("2.14.0+cpu", "0.29.0+cpu")),
        (["2.14.1+cu130", "2.14.1rc1+cpu"], ["0.29.1+cu130"], None),
        ([], [], None),
    ],
)
def test_cpu_builds_are_taken_only_as_a_pair(
    torch: list[str], torchvision: list[str], expected: tuple[str, str] | None
) -> None:
    assert torch_builds.cpu_pair(torch, torchvision) == expected


def _offers_cpu(package: str) -> list[str]:
    return {"torch": ["2.14.1+cpu"], "torchvision": ["0.29.1+cpu"]}[package]


def _must_not_ask(package: str) -> list[str]:
    raise AssertionError(f"asked for {package}, which costs the user time")


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (("Linux", "x86_64", "nvidia"), ("2.14.1", "0.29.1")),
        (("Linux", "aarch64", "nvidia"), ("2.14.1", "0.29.1")),
        (("Linux", "aarch64", "none"), ("2.9.1", "0.24.1")),
        (("Windows", "amd64", "none"), ("2.14.1", "0.29.1")),
        (("Windows", "amd64", "nvidia"), ("2.14.1", "0.29.1")),
        (("Darwin", "arm64", "none"), ("2.14.1", "0.29.1")),
        (("Darwin", "x86_64", "none"), ("2.2.2", "0.17.2")),
    ],
)
def test_torch_fits_the_machine(machine: tuple[str, str, str], expected: tuple[str, str]) -> None:
    assert torch_builds.choose_torch(torch_builds.Machine(*machine), _must_not_ask) == expected


@pytest.mark.parametrize("gpu", ["none", "amd"])
def test_linux_without_an_nvidia_gpu_takes_a_cpu_build_if_there_is_one(gpu: str) -> None:
    machine = torch_builds.Machine("Linux", "x86_64", gpu)
    assert torch_builds.choose_torch(machine, _offers_cpu) == ("2.14.1+cpu", "0.29.1+cpu")
    assert torch_builds.choose_torch(machine, lambda _: []) == ("2.14.1", "0.29.1")


def test_versions_on_offer_are_read() -> None:
    output = "torch (2.14.1)\nAvailable versions: 2.14.1, 2.13.0+cpu, 2.13.0\n  INSTALLED: 2.14.1\n"
    assert torch_builds.parse_versions(output) == ["2.14.1", "2.13.0+cpu", "2.13.0"]
    assert torch_builds.parse_versions("ERROR: No matching distribution found for torch") == []


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Max retries exceeded ... Failed to establish a new connection", "could not be reached"),
        (
            "[Errno -3] Temporary failure in name resolution\nERROR: No matching distribution",
            "reached",
        ),
        ("SSLError(SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED)", "certificate"),
        ("[Errno 13] Permission denied: 'x'", "cannot be written"),
        ("ERROR: No matching distribution found for torch==2.14.1", "no build for this Python"),
    ],
)
def test_failures_come_with_advice(output: str, advice: str) -> None:
    assert advice in environment.advice_for(output)


def test_an_unknown_failure_gets_no_false_advice() -> None:
    assert environment.advice_for("ERROR: ResolutionImpossible: something else entirely") == ""


def _finished(folder: Path, locks: list[Path]) -> None:
    python = environment.python_in(folder)
    python.parent.mkdir(parents=True)
    python.touch()
    for name in ("torch", "torchvision", "gradio"):
        (environment.packages_in(folder) / name).mkdir(parents=True)
    for lock in locks:
        wanted = environment.fingerprint(lock.read_text(), LINUX, "")
        environment.stamp_of(folder, lock).write_text(wanted)


@pytest.fixture
def locks(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "requirements.txt", tmp_path / "requirements-dev.txt"]
    for file in files:
        file.write_text(f"{file.stem}==1\n")
    return files


def test_what_is_installed_is_left_alone(tmp_path: Path, locks: list[Path]) -> None:
    _finished(tmp_path / "venv", locks)
    assert environment.outdated(tmp_path / "venv", locks, LINUX, "") == []


def test_only_what_changed_is_installed_again(tmp_path: Path, locks: list[Path]) -> None:
    _finished(tmp_path / "venv", locks)
    locks[1].write_text("something==2\n")
    assert environment.outdated(tmp_path / "venv", locks, LINUX, "") == [locks[1]]


@pytest.mark.parametrize("missing", ["python", "torch", "torchvision", "gradio", "stamp"])
def test_a_damaged_environment_is_noticed(tmp_path: Path, locks: list[Path], missing: str) -> None:
    venv = tmp_path / "venv"
    _finished(venv, locks)
    lost = {
        "python": environment.python_in(venv),
        "stamp": environment.stamp_of(venv, locks[0]),
    }.get(missing, environment.packages_in(venv) / missing)
    lost.rmdir() if lost.is_dir() else lost.unlink()
    assert locks[0] in environment.outdated(venv, locks, LINUX, "")


def test_another_gpu_or_torch_is_noticed(tmp_path: Path, locks: list[Path]) -> None:
    _finished(tmp_path / "venv", locks)
    other = torch_builds.Machine("Linux", "x86_64", "nvidia")
    assert environment.outdated(tmp_path / "venv", locks, other, "") == locks
    assert environment.outdated(tmp_path / "venv", locks, LINUX, "torch==2.9.1") == locks


def test_a_folder_with_other_files_is_never_cleared(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("all of it")
    with pytest.raises(environment.SetupError, match="UPSCALER_LAB_VENV"):
        environment.make_environment(tmp_path)
    assert precious.read_text() == "all of it"


def forget_all(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
    """Do what `python -m venv --clear FOLDER` begins with."""
    assert command[:4] == [sys.executable, "-m", "venv", "--clear"]
    shutil.rmtree(command[4])
    return subprocess.CompletedProcess(command, 0, "", "")


@pytest.mark.slow
def test_a_broken_environment_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / "venv"
    python = environment.python_in(venv)
    python.parent.mkdir(parents=True)
    python.write_text("not a program")
    (venv / "pyvenv.cfg").write_text("home = nowhere\n")
    environment.make_environment(venv)
    assert environment.runs_without_error(python, "-c", "import pip")
    marker = venv / "kept"
    marker.touch()
    environment.make_environment(venv)
    assert marker.exists(), "an environment that works is left as it is"
    environment.stamp_of(venv, Path("requirements.txt")).touch()
    # To make one more would take as long as the rest of this test.
    monkeypatch.setattr(environment.subprocess, "run", forget_all)
    environment.make_environment(venv)
    assert not marker.exists(), "one that was finished but has lost its packages is not"


@pytest.mark.slow
def test_pip_failures_are_told(tmp_path: Path) -> None:
    log, package = tmp_path / "install.log", "no-such-package-anywhere==1"
    with pytest.raises(environment.SetupError, match="no build for this Python") as caught:
        environment.install(Path(sys.executable), ["--no-index", package], log)
    assert "no-such-package-anywhere" in str(caught.value)
    assert "no-such-package-anywhere" in log.read_text()


def _wheel(folder: Path) -> Path:
    """Make the smallest package that pip installs."""
    file = folder / "lab_nothing-1-py3-none-any.whl"
    about = "lab_nothing-1.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("lab_nothing.py", "")
        archive.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: lab-nothing\nVersion: 1\n"
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return file


@pytest.mark.slow
def test_a_changed_file_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = _wheel(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "installed"))
    lock, log = tmp_path / "lock.txt", tmp_path / "install.log"
    lock.write_text(f"lab-nothing==1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(environment.MismatchError, match="another file than the one in locks"):
        environment.install_locked(Path(sys.executable), [lock], log)
    assert not (tmp_path / "installed").exists()
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.write_text(f"lab-nothing==1 --hash=sha256:{found}\n")
    environment.install_locked(Path(sys.executable), [lock], log)
    assert (tmp_path / "installed" / "lab_nothing.py").is_file()


@pytest.mark.parametrize("own_sources", [False, True])
def test_another_build_of_torch_is_taken_only_from_sources_that_pip_was_told_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_sources: bool,
) -> None:
    asked: list[list[str]] = []

    def install(_: Path, arguments: list[str], __: Path) -> None:
        asked.append(arguments)
        if "--require-hashes" in arguments:
            raise environment.MismatchError("another build")

    monkeypatch.setattr(environment, "install", install)
    monkeypatch.setattr(environment, "has_own_sources", lambda _: own_sources)
    arguments = (tmp_path, ["torch==1"], tmp_path / "torch.txt", tmp_path / "log")
    if own_sources:
        environment.install_torch(*arguments)
        assert asked[-1] == ["torch==1"]
        assert "without comparing hashes" in capsys.readouterr().err
    else:
        with pytest.raises(environment.MismatchError):
            environment.install_torch(*arguments)
        assert len(asked) == 1


@pytest.mark.slow
def test_sources_of_its_own_are_seen_in_pip_s_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert not environment.has_own_sources(Path(sys.executable))
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert environment.has_own_sources(Path(sys.executable))


def test_a_command_that_needs_a_newer_python_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    RUN.check_command("app")
    monkeypatch.setitem(RUN.OLDEST_PYTHON, "docs", (3, 99))
    with pytest.raises(environment.SetupError, match=r"Python 3\.99 or newer for `run\.py docs`"):
        RUN.check_command("docs")


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["help"], 0), ([], 2), (["upscale"], 2)]
)
def test_usage(arguments: list[str], code: int) -> None:
    done = _start(*arguments)
    assert done.returncode == code
    assert "python run.py COMMAND" in done.stderr
    assert ("python run.py cli upscale" in done.stderr) is (arguments == ["upscale"])


@posix
def test_it_hands_over_arguments_and_exit_code(tmp_path: Path) -> None:
    venv = tmp_path / "a folder"
    _finished(venv, [])
    python = environment.python_in(venv)
    python.write_text('#!/bin/sh\nshift\necho "$@"\nexit 7\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    lock = environment.LOCKS / environment.BASE
    wanted = environment.fingerprint(lock.read_text(), torch_builds.this_machine(), "")
    environment.stamp_of(venv, lock).write_text(wanted)
    done = _start("cli", "upscale", "a b.png", UPSCALER_LAB_VENV=str(venv), UPSCALER_LAB_TORCH="")
    assert (done.returncode, done.stdout) == (7, "cli upscale a b.png\n")
    assert done.stderr == ""


def test_an_impossible_folder_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = _start("cli", UPSCALER_LAB_VENV=str(tmp_path / "file" / "venv"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "file" / "venv") in done.stderr
