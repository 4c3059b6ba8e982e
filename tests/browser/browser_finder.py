"""Find a browser of the Chromium family for the tests, or install one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMANDS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "msedge",
    "chrome",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NONE_FOUND = (
    "Expected Chromium, Chrome or Edge, but none is installed and none could be installed. Install "
    "one, or name its program file in UPSCALER_LAB_BROWSER."
)


class BrowserError(Exception):
    """There is no browser; the text says what to do."""


def _playwrights_own() -> str | None:
    script = (
        "from playwright.sync_api import sync_playwright as s\n"
        "with s() as p: import sys; sys.stdout.write(p.chromium.executable_path)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 and Path(done.stdout).is_file() else None


def find_browser() -> str | None:
    """Return the program file of a browser that is installed, or None."""
    named = os.environ.get("UPSCALER_LAB_BROWSER")
    if named:
        return named
    on_path = (shutil.which(command) for command in COMMANDS)
    in_place = (place for place in PLACES if Path(place).is_file())
    return next(filter(None, on_path), None) or next(in_place, None) or _playwrights_own()


def _attempt(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, timeout=300, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return


def _may_use_apt() -> bool:
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return root and Path("/etc/debian_version").is_file() and bool(shutil.which("apt-get"))


def ensure_browser(say: Callable[[str], None]) -> str:
    """Return the program file of a browser, installing one if there is none.

    Raises:
        BrowserError: None could be had.
    """
    found = find_browser()
    if not found:
        say("Installing a browser for the tests (Playwright's Chromium) …")
        _attempt([sys.executable, "-m", "playwright", "install", "chromium"])
        found = find_browser()
    if not found and _may_use_apt():
        say("Installing a browser for the tests (Debian's chromium) …")
        _attempt(["apt-get", "update", "-q"])
        _attempt(["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"])
        found = find_browser()
    if not found:
        raise BrowserError(NONE_FOUND)
    return found
