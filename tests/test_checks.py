"""Which checks `run.py test` runs for which arguments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import checks

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERYTHING = [
    "ruff check",
    "ruff format",
    "pyright",
    "types of javascript",
    "javascript",
    "browser tests",
    "pytest",
]


@pytest.fixture
def provided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was installed for the checks; nothing is."""
    names: list[str] = []
    monkeypatch.setattr(checks, "provide_browser", lambda: names.append("browser"))
    monkeypatch.setattr(checks, "provide_typescript", lambda: names.append("typescript"))
    monkeypatch.setattr(checks, "changed_files", list)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return names


@pytest.mark.usefixtures("provided")
@pytest.mark.parametrize(
    ("arguments", "names", "passed_on"),
    [
        ([], EVERYTHING, []),
        (["--all"], EVERYTHING, []),
        (["-k", "tiling"], ["pytest"], ["-k", "tiling"]),
        (["-k", "tiling", "--all", "-x"], EVERYTHING, ["-k", "tiling", "-x"]),
        (["--fast"], ["ruff check", "ruff format", "pytest"], [checks.QUICK]),
        (["--fast", "-x"], ["ruff check", "ruff format", "pytest"], [checks.QUICK, "-x"]),
    ],
    ids=" ".join,
)
def test_arguments_choose_the_checks(
    arguments: Sequence[str], names: list[str], passed_on: list[str]
) -> None:
    commands = checks.choose(arguments)
    assert list(commands) == names
    for name in {"pytest", "browser tests"} & set(names):
        assert commands[name][-len(passed_on) :] == passed_on or not passed_on
        assert not {"--all", "--fast"} & set(commands[name])


@pytest.mark.usefixtures("provided")
@pytest.mark.parametrize(
    ("arguments", "code"), [(["--all", "-k", "x"], 0), ([], 1), (["-k", "x"], 1)]
)
def test_no_test_is_a_fault_unless_some_were_picked(
    arguments: Sequence[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(name: str, _command: object) -> checks.Outcome:
        return checks.Outcome(name, checks.NONE_COLLECTED if "pytest" in name else 0, 0.0)

    monkeypatch.setattr(checks, "perform", perform)
    assert checks.main(arguments) == code


def test_every_test_is_run_once_by_all_checks() -> None:
    commands = checks.steps([])
    marks = [commands[name][commands[name].index("-m", 2) + 1] for name in EVERYTHING[-2:]]
    assert marks == ["browser", "not browser"]
    marked = {
        path.parent.relative_to(checks.ROOT).as_posix()
        for path in checks.ROOT.glob("tests/**/test_*.py")
        if "mark.browser" in path.read_text("utf-8") and path != Path(__file__)
    }
    assert marked <= set(checks.WITH_BROWSER) <= set(commands["browser tests"])


def test_only_what_changed_is_checked_for_its_types() -> None:
    changed = ["lib_upscalers/geometry.py", "tests/cases.py", "README.md", "run.py"]
    commands = checks.fast_steps([], changed)
    assert commands["pyright"][-2:] == ["lib_upscalers/geometry.py", "run.py"]
    assert "javascript" not in commands
    assert "javascript" in checks.fast_steps([], [f"{checks.VIEWER}/pixels.mjs"])
    assert "pyright" not in checks.fast_steps([], ["tests/cases.py"])


def test_a_browser_and_a_compiler_are_installed_only_where_they_are_used(
    provided: list[str],
) -> None:
    checks.choose(["--fast"])
    assert provided == []
    checks.choose(["-k", "tiling"])
    assert provided == ["browser"]
    checks.choose([])
    assert provided == ["browser", "browser", "typescript"]


def test_every_module_that_is_to_be_covered_is_there_and_has_tests() -> None:
    tested = "\n".join(path.read_text("utf-8") for path in checks.ROOT.glob("tests/js/*.test.mjs"))
    missing = [
        name
        for name in checks.COVERED
        if not (checks.ROOT / checks.VIEWER / f"{name}.mjs").is_file()
        or f"/{name}.mjs" not in tested
    ]
    assert not missing, f"no module or no test in tests/js: {', '.join(missing)}"
