"""The app's section Video in a browser: a frame in the viewer, an estimate, a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.viewer_page import PATIENCE_MS
from tests.video.clips import Clip, frames_of

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytest.importorskip("av")
pytestmark = [pytest.mark.browser, pytest.mark.slow]
TITLE = "document.querySelector('upscaler-lab-viewer')?.session?.title"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_from_the_folder_to_the_result(page: Page, tmp_path: Path, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    Clip().write(tmp_path / "in.mkv")
    page.locator("#lab-video .label-wrap").first.click()
    source = page.locator("#lab-video-source").get_by_role("textbox")
    source.fill(str(tmp_path))
    source.press("Enter")
    page.locator("#lab-video-choose input").click()
    page.get_by_role("option").filter(has_text="in.mkv").click()
    expect(page.locator("#lab-video-about")).to_contain_text("48x32, 20 frames")
    output = tmp_path / f"out-{width}.mkv"
    page.locator("#lab-video-output").get_by_role("textbox").fill(str(output))
    page.locator("#lab-video-frame input[type=number]").fill("14")
    page.locator("#lab-video-frame input[type=number]").press("Tab")
    page.locator("#lab-video-show").click()
    page.wait_for_function(f"() => {TITLE} === 'in, frame 14'")
    page.locator("#lab-video-estimate").click()
    expect(page.locator("#lab-video-estimated")).to_contain_text(
        "for 96x64, worked out from", timeout=PATIENCE_MS
    )
    page.locator("#lab-video-start").click()
    status = page.locator("#lab-video-status")
    expect(status).to_contain_text(output.name, timeout=PATIENCE_MS)
    expect(status).to_contain_text("Finished 20 of 20 frames", timeout=PATIENCE_MS)
    assert len(frames_of(output)) == 20
    assert page.evaluate("document.documentElement.scrollWidth") <= width
