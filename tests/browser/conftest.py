"""The app in a process of its own, and a browser to look at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.browser_finder import NONE_FOUND, OPTIONS, find_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent.parent
TAB_PAGE = Path(__file__).with_name("tab_page.py")
# Asked for by the page of Gradio 3 itself.
GRADIO_3 = "https://cdnjs.cloudflare.com/ajax/libs/iframe-resizer/"
PATIENCE_MS = 180_000


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the app looks for networks first."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the app takes for the user's own."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def app(models: Path, home: Path) -> Iterator[str]:
    """The address of an app that runs; $UPSCALER_LAB_TAB_PYTHON has the tab alone served."""
    python = os.environ.get("UPSCALER_LAB_TAB_PYTHON")
    arguments = ["--port", str(_free_port()), "--models", str(models)]
    if python:
        command = [python, str(TAB_PAGE), *arguments, "--home", str(home)]
    else:
        command = [sys.executable, "-m", "lib_upscalers.app", "--no-browser", *arguments]
    yield from _served(command, home)


@pytest.fixture(scope="session")
def tab(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the tab among foreign components, as in a WebUI."""
    home = tmp_path_factory.mktemp("tab")
    python = os.environ.get("UPSCALER_LAB_TAB_PYTHON", sys.executable)
    arguments = ["--port", str(_free_port()), "--models", str(models), "--home", str(home)]
    yield from _served([python, str(TAB_PAGE), *arguments], home)


def _served(command: list[str], home: Path) -> Iterator[str]:
    names = ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA", "GRADIO_TEMP_DIR")
    log = home / "app.log"
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(names, str(home))},
            stderr=stream,
        )
        try:
            yield _address(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(180)
    text = log.read_text(encoding="utf-8")
    assert code in {0, 1, -signal.SIGTERM} if os.name == "nt" else code == 0, text
    assert "Traceback" not in text, text


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    # A machine that does much else takes minutes to import torch.
    for _ in range(1500):
        text = log.read_text(encoding="utf-8")
        if "Ready: " in text:
            return text.split("Ready: ")[1].split()[0]
        if process.poll() is not None:
            break
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail(f"the app did not start:\n{log.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser; without one the tests fail, so that nobody takes them for passed."""
    program = find_browser()
    if not program:
        pytest.fail(NONE_FOUND)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield found
        found.close()


@pytest.fixture
def page(app: str, browser: Browser) -> Iterator[Page]:
    """The app's page; nothing may come from elsewhere, and no script may fail."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    found = context.new_page()
    found.set_default_timeout(PATIENCE_MS)
    foreign: list[str] = []
    faults: list[str] = []

    def note(address: str) -> None:
        if not address.startswith((app, "data:", "blob:", GRADIO_3)):
            foreign.append(address)

    found.on("request", lambda request: note(request.url))
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    found.goto(app)
    found.get_by_role("button", name="Sample picture").wait_for()
    yield found
    context.close()
    assert not foreign, f"the page asked other servers: {foreign}"
    assert not faults, f"the page's scripts failed: {faults}"
