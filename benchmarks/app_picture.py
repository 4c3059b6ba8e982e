"""Take the documentation's picture of the app: its sample, compared under a test.

    python -m benchmarks.app_picture docs/pictures/app.png [--browser FILE]

Needs Playwright.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.browser_finder import OPTIONS, ensure_browser
from tests.browser.viewer_page import compare, take_sample
from tests.running_app import run_app

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTH, HEIGHT = 1280, 900


def arrange(page: Page) -> None:
    """Compare the sample under a test."""
    page.get_by_label("Test on this picture").click()
    take_sample(page)
    compare(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)


def take(address: str, browser: str, file: Path) -> None:
    """Open the app's page in a browser and write a picture of all of it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=browser, args=list(OPTIONS))
        page = program.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(address)
        arrange(page)
        page.screenshot(path=file, full_page=True)
        program.close()


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.app_picture")
    parser.add_argument("file", type=Path)
    parser.add_argument("--browser", help="the program file of a Chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, run_app(Path(scratch)) as app:
        take(app.address, options.browser or ensure_browser(print), options.file)


if __name__ == "__main__":
    main()
