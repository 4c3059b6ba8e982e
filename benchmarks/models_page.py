"""Time the page Models in a browser, with a catalogue of 6,710 models from a local server.

python -m benchmarks.models_page

Prints the time from opening the page to the first list on the screen, the first time (the
catalogue is fetched and read) and later (it is there), and from a key in the search to the list
on the screen.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from lib_upscalers.hosts.standalone import default_data_folder
from tests.browser.browser_finder import OPTIONS, ensure_browser
from tests.models.catalogue_data import large_models
from tests.models.catalogue_server import running_server, serve_catalogue
from tests.running_app import run_app

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE_MS = 180_000

# A list counts as painted two frames after it is in the page: the first lays it out and draws it.
OPENING = """() => new Promise((done) => {
    const begun = performance.now();
    const shop = () => document.querySelector("upscaler-lab-models")?.shadowRoot;
    const finish = () => done(performance.now() - begun);
    const next = () => requestAnimationFrame(shop()?.querySelector(".card") ? finish : next);
    [...document.querySelectorAll("button[role=tab]")]
        .find((each) => each.textContent.trim() === "Models").click();
    requestAnimationFrame(next);
})"""

TYPING = """(text) => new Promise((done) => {
    const shop = document.querySelector("upscaler-lab-models").shadowRoot;
    const search = shop.querySelector("input[type=search]");
    search.value = text;
    const begun = performance.now();
    search.dispatchEvent(new Event("input", {bubbles: true}));
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
})"""

TYPED = ("e", "ex", "exa", "exam", "example", "example 6", "sharp", "no such", "", "b")


def _opened(page: Page, address: str) -> float:
    page.goto(address)
    page.get_by_role("button", name="Sample picture").wait_for()
    page.wait_for_timeout(2000)
    return float(page.evaluate(OPENING))


def _measure(page: Page, address: str, turns: int) -> None:
    print(f"first list, catalogue fetched: {_opened(page, address):.0f} ms")
    later = [_opened(page, address) for _ in range(turns)]
    print(f"first list, catalogue at hand: {_in_words(later)}")
    page.wait_for_timeout(1000)
    keys = [float(page.evaluate(TYPING, text)) for _ in range(turns) for text in TYPED]
    print(f"search, a key: {_in_words(keys)}")


def _in_words(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} ms, at most {max(times):.0f} ms"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=6710)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        home = Path(name)
        data = default_data_folder(
            sys.platform, {"XDG_DATA_HOME": name, "LOCALAPPDATA": name}, home
        )
        serve_catalogue(server, large_models(options.models), data)
        with run_app(home) as app, sync_playwright() as playwright:
            program = ensure_browser(print)
            browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(PATIENCE_MS)
            _measure(page, app.address, options.turns)
            browser.close()


if __name__ == "__main__":
    main()
