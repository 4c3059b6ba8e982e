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
