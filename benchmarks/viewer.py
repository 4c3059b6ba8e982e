"""Measure how smoothly the viewer pans and zooms: ``python -m benchmarks.viewer``.

Shows large random pictures in headless Chromium, waits until they are decoded, then moves and
zooms on every frame. The browser draws without a GPU, as in the tests, and as fast as it can:
it does not wait for a screen's 60 frames a second, which would hide every shorter frame. On a
machine that has other work, ``--first`` (Linux, as root) lets the browser's threads go before
everybody else's while they are timed, with short rests, which Linux would enforce otherwise.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import sync_playwright

from lib_upscalers.compare.report import as_script_text
from lib_upscalers.compare.session import Entry, Session
from lib_upscalers.compare.store import Store
from lib_upscalers.compare.view import view_of
from lib_upscalers.compare.viewer_script import viewer_script
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.resampling.resample import resample_pixels
from tests.browser.browser_finder import OPTIONS, ensure_browser

MODES = ("grid", "slider", "blink", "difference", "lens")
UNCAPPED = ("--disable-frame-rate-limit", "--disable-gpu-vsync")

DECODED = """async (mode) => {
    const viewer = document.querySelector("upscaler-lab-viewer");
    viewer.setMode(mode);
    for (const {result: {url}} of viewer.session.entries) {
        while (!viewer.stage.pictures.isReady(url)) await new Promise(requestAnimationFrame);
    }
}"""

MOVES = """async ({frames}) => {
    const {stage} = document.querySelector("upscaler-lab-viewer");
    const next = () => new Promise(requestAnimationFrame);
    stage.fit();
    const middle = {x: stage.cell.width / 2, y: stage.cell.height / 2};
    const gaps = [], draws = [];
    for (const factor of [4, 8, 16]) { stage.zoomBy(factor); await next(); await next(); }
    stage.fit();
    for (let i = 0; i < 30; i += 1) await next();
    const draw = stage.draw.bind(stage);
    let drawing = 0;
    stage.draw = (cell) => {
        const start = performance.now();
        draw(cell);
        drawing += performance.now() - start;
    };
    let last = await next();
    for (let i = 0; i < frames; i += 1) {
        if (i % 30 === 29) {
            await new Promise((done) => setTimeout(done, 150));
            last = await next();
            drawing = 0;
        }
        const angle = i / 9;
        stage.zoomBy(i % 120 < 60 ? 1.08 : 1 / 1.08);
        stage.move({...stage.view, x: stage.view.x + 40 * Math.cos(angle) / stage.view.zoom,
            y: stage.view.y + 40 * Math.sin(angle) / stage.view.zoom});
        stage.point({x: middle.x + 60 * Math.cos(angle), y: middle.y + 60 * Math.sin(angle)});
        const now = await next();
        gaps.push(now - last);
        last = now;
        draws.push(drawing);
        drawing = 0;
    }
    delete stage.draw;
    return [gaps, draws];
}"""


PAGE = """<!doctype html><meta charset="utf-8"><upscaler-lab-viewer></upscaler-lab-viewer>
<script type="module">
{{script}}
document.querySelector("upscaler-lab-viewer").show({{data}});
</script>"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def make_session(store: Store, side: int, count: int, columns: int) -> Session:
    """Store so many pictures of that side, each one different, as a comparison.

    With columns it is one of finished pictures, a matrix.
    """
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (side // 8, side // 8, 3), np.uint8)
    large = resample_pixels(coarse, Size(side, side), "Bicubic")
    entries = []
    for index in range(count):
        picture = Picture(np.roll(large, 97 * index, axis=1))
        shown = store.put_picture(store.key(str(index)), f"{index}", picture)
        entries.append(Entry(f"Upscaler {index}", "network", state="finished", result=shown))
    source = store.put_picture(store.key("source"), "source", Picture(coarse))
    return Session("0" * 32, "random", source, side, side, tuple(entries), columns=columns)


def go_first(*, really: bool) -> None:
    """Let all threads of this process's children go before others', or no longer."""
    policy = os.SCHED_FIFO if really else os.SCHED_OTHER
    for child in psutil.Process().children(recursive=True):
        for thread in child.threads():
            os.sched_setscheduler(thread.id, policy, os.sched_param(int(really)))


def report(name: str, times: list[float]) -> str:
    """Return a line with the median, the 99th percentile and the longest of the times in ms."""
    ordered = sorted(times)
    high = ordered[int(0.99 * (len(ordered) - 1))]
    middle = statistics.median(ordered)
    return f"{name:22} median {middle:5.1f} ms, 99 % {high:5.1f} ms, longest {ordered[-1]:5.1f} ms"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.viewer", description=__doc__)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--columns", type=int, default=0, help="of a matrix; 0: no matrix")
    parser.add_argument("--modes", default=",".join(MODES), help="separated by commas")
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--width", type=int, default=1280, help="of the window")
    parser.add_argument("--first", action="store_true", help="before all other programs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Store(Path(folder))
        session = make_session(store, options.side, options.count, options.columns)
        view = as_script_text(view_of(session, lambda shown: shown.file))
        text = PAGE.replace("{{data}}", view).replace("{{script}}", viewer_script())
        (Path(folder) / "page.html").write_text(text, encoding="utf-8")
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        program = ensure_browser(print)
        browser = playwright.chromium.launch(executable_path=program, args=[*OPTIONS, *UNCAPPED])
        page = browser.new_page(viewport={"width": options.width, "height": 900})
        page.goto(f"http://127.0.0.1:{server.server_port}/page.html")
        for mode in options.modes.split(","):
            page.evaluate(DECODED, mode)
            if options.first:
                go_first(really=True)
            gaps, draws = page.evaluate(MOVES, {"frames": options.frames})
            if options.first:
                go_first(really=False)
            print(report(f"{mode}: frame to frame", gaps))
            print(report(f"{mode}: drawing", draws))
        browser.close()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
