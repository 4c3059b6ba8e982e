"""The page "Which one?" in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.viewer_page import PATIENCE_MS, button

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RUSSIAN = Path(__file__).resolve().parents[2] / "localizations" / "ru_RU.json"
_TEXTS = """guide => [
    ...guide.shadowRoot.querySelectorAll("p, summary, legend, h3, label, button"),
].map((each) => each.textContent)"""
ANSWERS = ("drawing", "clean", "low", "middling")


def open_guide(page: Page, name: str = "Which one?") -> Locator:
    page.get_by_role("tab", name=name).or_(button(page, name)).first.click()
    guide = page.locator("upscaler-lab-guide")
    for answer in ANSWERS:
        guide.locator(f"input[value={answer}]").check()
    expect(guide.locator(".suggestion").first).to_be_visible()
    return guide


def test_four_answers_lead_to_a_pair_that_is_compared(page: Page) -> None:
    guide = open_guide(page)
    expect(guide.locator(".suggestion b")).to_have_text(["Lab Anime 2x", "Lab Fine 2x"])
    expect(guide.locator(".why")).to_contain_text("Up to 0.4")
    expect(guide.locator("li a").first).to_have_attribute(
        "href", "https://openmodeldb.info/models/4x-realesrgan-x4plus-anime-6b"
    )
    button(page, "Compare these two").click()
    expect(button(page, "Compare")).to_be_visible()
    menu = page.locator("#upscaler-lab-names")
    expect(menu).to_contain_text("Lab Anime 2x")
    expect(menu).not_to_contain_text("Nearest")


def test_the_page_speaks_russian_where_the_browser_does(app: str, browser: Browser) -> None:
    context = browser.new_context(locale="ru-RU", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(app)
    guide = open_guide(page, "Какой выбрать?")
    page.set_viewport_size({"width": 390, "height": 800})
    texts = json.loads(RUSSIAN.read_text("utf-8"))
    expect(guide.locator("legend").first).to_have_text(texts["What is the picture?"])
    expect(guide.locator(".heading").first).to_contain_text(texts["Use"])
    shown = guide.evaluate(_TEXTS)
    english = [text for text in shown if text in texts]
    assert not english, "all of it is translated"
    assert guide.evaluate("el => el.scrollWidth <= document.documentElement.clientWidth")
    context.close()
