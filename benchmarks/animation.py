"""Record the README's animation: a report of a comparison, used in a browser.

    python -m benchmarks.animation docs/pictures/comparison.webp [--browser FILE]

Needs Playwright. The picture is drawn by `lib_upscalers.training.drawing`.
"""

from __future__ import annotations

import argparse
import io
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from lib_upscalers.compare.align import Trial
from lib_upscalers.compare.report import html_report
from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.store import Store
from lib_upscalers.compare.subject import make_subject
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.targets import Target
from lib_upscalers.training.drawing.synthetic import draw
from lib_upscalers.upscaling.candidates import candidates, comparison
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.browser.browser_finder import ensure_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

WIDTH, HEIGHT = 860, 600
FRAME_MS, HOLD_MS = 70, 1100


def write_report(folder: Path) -> Path:
    """Compare three upscalers on a drawing; return the report's file."""
    host = StandaloneHost(own_data_folder=folder)
    store = Store(folder / "compare")
    names = ("Nearest", "Lanczos", "Lab Fine 2x")
    request = ComparisonRequest(names, Target(scale=2), Trial(2, "Bicubic"))
    picture = Picture(draw("line art", 320, 105, crisp=True))
    subject = make_subject(picture, "A drawing", request)
    work = comparison(subject, request, candidates(Upscaler(host), names), store, host)
    *_, session = work.run()
    path = folder / "report.html"
    path.write_text(html_report([session], store), encoding="utf-8")
    return path


def box_of(locator: Locator) -> tuple[float, float, float, float]:
    """Return where something is on the page: left, top, width, height."""
    box = locator.bounding_box()
    if box is None:
        raise RuntimeError(f"Expected {locator} on the page, but it is not there.")
    return box["x"], box["y"], box["width"], box["height"]


class Recorder:
    """Frames of a page, each with the time that it is shown, and a drawn pointer.

    Args:
        page: The page; its pointer is not in screenshots, so one is drawn into it.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._place = (WIDTH / 2, HEIGHT / 2)
        self.frames: list[tuple[Image.Image, int]] = []
        page.evaluate(
            """() => {
              const dot = document.createElement("div");
              dot.id = "pointer";
              dot.style.cssText = "position:fixed;z-index:9;width:16px;height:16px;margin:-8px;" +
                "border-radius:50%;background:#4f46e5aa;border:2px solid #fff;pointer-events:none";
              document.body.append(dot);
            }"""
        )

    def shoot(self, milliseconds: int = FRAME_MS) -> None:
        """Take a frame."""
        shot = Image.open(io.BytesIO(self._page.screenshot()))
        self.frames.append((shot.convert("RGB"), milliseconds))

    def move(self, x: float, y: float, steps: int = 8) -> None:
        """Move the pointer, with a frame for each step."""
        (x0, y0), self._place = self._place, (x, y)
        for step in range(1, steps + 1):
            part = (1 - math.cos(math.pi * step / steps)) / 2
            at = x0 + (x - x0) * part, y0 + (y - y0) * part
            self._page.mouse.move(*at)
            self._page.evaluate(
                "([x, y]) => { pointer.style.left = x + 'px'; pointer.style.top = y + 'px'; }", at
            )
            self.shoot()

    def press(self, name: str) -> None:
        """Go to a button and press it."""
        button = self._page.get_by_role("button", name=name, exact=True)
        x, y, width, height = box_of(button)
        self.move(x + width / 2, y + height / 2)
        button.click()
        self._page.wait_for_timeout(150)
        self.shoot(HOLD_MS)


def play(page: Page, recorder: Recorder) -> None:
    """Use the comparison: grid, slider, blink, lens."""
    recorder.shoot(HOLD_MS)
    port = page.locator(".port").first
    recorder.press("Slider")
    page.locator("select").first.select_option(label="Nearest")
    x, y, width, height = box_of(port)
    middle = y + height / 2
    recorder.move(x + width / 2, middle)
    for _ in range(2):
        page.mouse.wheel(0, -300)
        page.wait_for_timeout(120)
        recorder.shoot()
    page.mouse.down()
    for share in (0.25, 0.75, 0.5):
        recorder.move(x + width * share, middle, 14)
    page.mouse.up()
    recorder.press("Blink")
    page.locator(".stage").focus()
    for _ in range(4):
        page.keyboard.press("Space")
        page.wait_for_timeout(120)
        recorder.shoot(600)
    recorder.press("Fit")
    recorder.press("Lens")
    page.get_by_label("Input").uncheck()
    x, y, width, height = box_of(port)
    recorder.move(x + width * 0.3, y + height * 0.3, 10)
    recorder.move(x + width * 0.56, y + height * 0.3, 14)
    recorder.shoot(HOLD_MS)


def record(report: Path, browser: str) -> Iterator[tuple[Image.Image, int]]:
    """Yield the frames of a report in use."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        page = program.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.as_uri())
        page.wait_for_timeout(1000)
        recorder = Recorder(page)
        play(page, recorder)
        program.close()
        yield from recorder.frames


def main() -> None:
    """Record and write the animation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.animation")
    parser.add_argument("file", type=Path)
    parser.add_argument("--browser", help="the program file of a Chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = write_report(Path(scratch))
        frames = list(record(report, options.browser or ensure_browser(print)))
    first, *others = [frame for frame, _ in frames]
    times = [time for _, time in frames]
    first.save(
        options.file,
        save_all=True,
        append_images=others,
        duration=times,
        loop=0,
        quality=80,
        method=6,
    )
    print(f"{len(frames)} frames, {options.file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
