"""Measure what the extension adds to the start of a WebUI and to loading its page.

    WEBUI_ROOT=~/stable-diffusion-webui WEBUI_PYTHON=~/stable-diffusion-webui/venv/bin/python \
    python -m benchmarks.startup --turns 5

One WebUI is started with the extension and without it by turns, each in a data folder of its own;
the first start of each is not counted, for then Python compiles. After each start the page is
loaded some times, each in a new browser. Seconds on the clock depend on what else the machine does;
CPU seconds hardly do. They count until the process has come to rest, so that nothing that was put
off is left out. "reading scripts" is what the WebUI's own line "Startup time" gives from "load
scripts" on: what comes before is importing what it needs anyway.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from playwright.sync_api import sync_playwright

from tests.browser.browser_finder import OPTIONS, find_browser
from tests.webui.host import WebUI, named_by_environment
from tests.webui.page_parts import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FIRST_STEP = "load scripts"
# Less than this share of a core for that many seconds in a row is rest.
_REST_SHARE, _REST_SECONDS, _LONGEST_SECONDS = 0.06, 3, 90


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU seconds that processes and those that they started have taken so far."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def cpu_seconds_at_rest(processes: Callable[[], Sequence[psutil.Process]]) -> float:
    """Wait until processes rest; return the CPU seconds that they took."""
    quiet, before = 0, cpu_seconds(processes())
    for _ in range(_LONGEST_SECONDS):
        time.sleep(1)
        now = cpu_seconds(processes())
        quiet = quiet + 1 if now - before < _REST_SHARE else 0
        before = now
        if quiet == _REST_SECONDS:
            break
    return before


def started(webui: WebUI) -> dict[str, float]:
    """Start a WebUI and return what that took."""
    webui.start()
    assert webui.process is not None  # noqa: S101 - it has started
    host = psutil.Process(webui.process.pid)
    line = webui.log.rpartition("Startup time: ")[2].partition("\n")[0]
    whole, *_ = re.findall(r"([0-9.]+)s", line)
    steps = re.findall(r"([0-9.]+)s", line[line.index(_FIRST_STEP) :])
    return {
        "start: clock": float(whole),
        "start: reading scripts": sum(float(step) for step in steps),
        "start: CPU": cpu_seconds_at_rest(lambda: [host]),
    }


def loaded(webui: WebUI) -> dict[str, float]:
    """Load a WebUI's page in a new browser and return what that took."""
    assert webui.process is not None  # noqa: S101 - it runs
    host = psutil.Process(webui.process.pid)
    before = cpu_seconds([host])
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_browser(), args=list(OPTIONS))
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        # The browser's own start is no part of it.
        idle = cpu_seconds_at_rest(_browsers)
        start = time.perf_counter()
        page.goto(f"{webui.address}/?__theme=dark")
        page.locator("#txt2img_generate").wait_for()
        page.wait_for_function("document.querySelector('#txt2img_token_counter') !== null")
        clock = time.perf_counter() - start
        browsing = cpu_seconds_at_rest(_browsers) - idle
        nodes = page.evaluate("document.querySelectorAll('*').length")
        browser.close()
    return {
        "page: clock": clock,
        "page: CPU, browser": browsing,
        "page: CPU, WebUI": cpu_seconds([host]) - before,
        "page: elements": float(nodes),
    }


def _browsers() -> list[psutil.Process]:
    """Return the browser's processes, without Playwright's own."""
    below = psutil.Process().children(recursive=True)
    found: list[psutil.Process] = []
    for each in below:
        with suppress(psutil.NoSuchProcess):
            if "chrom" in each.name().lower() or "msedge" in each.name().lower():
                found.append(each)
    return found


def turn(webui: WebUI, loads: int) -> dict[str, float]:
    """Start a WebUI, load its page some times, and stop it; return the figures."""
    try:
        taken = started(webui)
        pages = [loaded(webui) for _ in range(loads)]
    finally:
        webui.stop()
    for name in pages[0] if pages else ():
        taken[name] = statistics.median(each[name] for each in pages)
    return taken


def report(bare: Sequence[dict[str, float]], installed: Sequence[dict[str, float]]) -> None:
    """Print medians, ratios, and how far the figures without the extension lie apart."""
    print(f"{'':26} {'without':>9} {'with':>9} {'more':>8} {'ratio':>6}  range without")
    for name in bare[0]:
        theirs, ours = ([each[name] for each in figures] for figures in (bare, installed))
        middle = statistics.median(theirs)
        ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
        more = statistics.median(ours) - middle
        print(
            f"{name:26} {middle:9.2f} {middle + more:9.2f} {more:+8.2f} {ratio:6.3f}  "
            f"{min(theirs) / middle:.3f} to {max(theirs) / middle:.3f}"
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--loads", type=int, default=3, help="of the page, after each start")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    figures: dict[str, list[dict[str, float]]] = {"bare": [], "with": []}
    with tempfile.TemporaryDirectory() as folder:
        webuis = {name: named_by_environment(Path(folder) / name) for name in figures}
        for webui in webuis.values():
            webui.data.mkdir()
        webuis["with"].install()
        for webui in webuis.values():
            turn(webui, min(options.loads, 1))
        for number in range(options.turns):
            # Whoever comes second may find another load, so each is first as often.
            for name in sorted(figures, reverse=bool(number % 2)):
                figures[name].append(turn(webuis[name], options.loads))
                print(name, {key: round(value, 2) for key, value in figures[name][-1].items()})
    report(figures["bare"], figures["with"])


if __name__ == "__main__":
    main()
