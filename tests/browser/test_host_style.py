"""The style that a WebUI loads, on the markup that our parts have there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from lib_upscalers.ui.hires_line import explanation
from lib_upscalers.ui.viewer_feed import alert
from tests.browser.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
_LINE = (
    '<style>{}</style><div id="upscaler_lab_hires_line">'
    '<div id="upscaler_lab_hires_note"><div class="prose">{}</div></div>'
    "<button>Cancel</button></div>"
)
# As Gradio lays out a row of the WebUI: all controls share its width.
_ROW = (
    "<style>{} .row > * {{ flex: 1 1 0%; min-width: min(160px, 100%) }}</style>"
    '<div class="row" style="display: flex; gap: 8px; width: {}px">'
    '<div id="{}"><input style="width: 100%"></div>'
    '<button style="flex: none; min-width: 35px"></button>'
    '<div class="more">Hires steps</div><div>Denoising strength</div></div>'
)


def test_the_hires_line_shows_when_it_says_something(browser: Browser) -> None:
    """A mode's sentence, a training's error and its progress; without one it takes no height."""
    style = (ROOT / "style.css").read_text(encoding="utf-8")
    page = browser.new_context().new_page()
    for text in (explanation("Latent (Mitchell)"), alert("No model is loaded."), "<p>Step 1</p>"):
        page.set_content(_LINE.format(style, text))
        expect(page.get_by_role("button")).to_be_visible()
    page.set_content(_LINE.format(style, ""))
    expect(page.locator("button")).to_be_hidden()
    page.context.close()


def test_a_long_name_has_room(browser: Browser) -> None:
    """The row is as wide as at 1280 and 1920 pixels; 18 rem take 30 characters and the arrow."""
    style = (ROOT / "style.css").read_text(encoding="utf-8")
    page = browser.new_context().new_page()
    for name in ("txt2img_hr_upscaler", "upscaler_lab_upscaler_1"):
        for width in (525, 840):
            page.set_content(_ROW.format(style, width, name))
            menu, more = (page.locator(each).bounding_box() for each in (f"#{name}", ".more"))
            assert menu is not None
            assert more is not None
            assert menu["width"] >= 18 * 16, (name, width)
            if name == "txt2img_hr_upscaler":
                assert (more["y"] > menu["y"]) == (width == 525), "it wraps where it has to"
    page.context.close()
