"""Run every check, one after the other, and say in the end which ones passed.

`python run.py test` starts it; arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


class Outcome(NamedTuple):
    """How one check went."""

    name: str
    code: int
    seconds: float


def steps(pytest_arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return the checks in order: name -> command."""
    python = [sys.executable, "-m"]
    return {
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "pyright": [*python, "pyright", "--pythonpath", sys.executable],
        "pytest": [*python, "pytest", *pytest_arguments],
    }


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
    outcomes = [perform(name, command) for name, command in steps(arguments).items()]
    say("\n== summary")
    for outcome in outcomes:
        verdict = "passed" if outcome.code == 0 else f"FAILED (exit code {outcome.code})"
        say(f"{outcome.name:12} {verdict}, {outcome.seconds:.0f} s")
    return int(any(outcome.code for outcome in outcomes))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
