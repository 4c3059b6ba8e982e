"""The viewer in the reader's language, as WebUIs hand out translations."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.viewer_page import (
    PATIENCE_MS,
    button,
    compare,
    take_sample,
    viewer,
)
from tests.offenders import fail_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
RUSSIAN = Path(__file__).resolve().parents[2] / "localizations" / "ru_RU.json"
# Every text that is asked for is marked, so that one that is not asked for shows.
_MARKING = """
globalThis.asked = {};
const marked = new Proxy({}, { get: (_, text) => {
    if (typeof text === "string") { asked[text] = true; return `«${text}»`; }
} });
// The app chooses a language by itself.
Object.defineProperty(globalThis, "localization", { get: () => marked, set: () => {} });
"""
# Names, and the results of the trial, are not ours to translate.
_TEXTS = """() => {
    const root = document.querySelector("upscaler-lab-viewer").shadowRoot;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (!node.parentElement?.closest("style, dd, code, option, .notes")) texts.push(node.data);
    }
    const titled = [...root.querySelectorAll("[title], [aria-label]")];
    for (const element of titled) {
        if (element.closest("b")) continue;
        texts.push(element.title, element.getAttribute("aria-label") ?? "");
    }
    return texts;
}"""
_NAME = "document.querySelector('upscaler-lab-viewer').session?.name"
_ALL_FINISHED = """before => {
    const {session} = document.querySelector("upscaler-lab-viewer");
    return session.name !== before && session.entries.length === 3
        && session.entries.every(({state}) => state === "finished");
}"""
_SAME = {"PSNR", "SSIM", "MS-SSIM", "GMSD", "CSV", "JSON", "PNG"}


def _plain(page: Page, names: list[str]) -> list[str]:
    """Return the words that the viewer shows without asking how the reader has them."""
    texts = [re.sub(r"«.*?»", "", text, flags=re.DOTALL) for text in page.evaluate(_TEXTS)]
    for name in names:
        texts = [text.replace(name, "") for text in texts]
    words = {word for text in texts for word in re.findall(r"[^\W\d_]{2,}", text)}
    return sorted(words - {"MB", "kB", "VRAM"})


def _fail_for_plain(page: Page, names: list[str]) -> None:
    fail_for(_plain(page, names), "The viewer shows these words without say() of words.mjs")


def test_every_text_can_be_had_in_another_language(app: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(_MARKING)
    page.goto(app)
    take_sample(page)
    page.get_by_label("Test on this picture").click()
    compare(page)
    names = page.evaluate(
        "document.querySelector('upscaler-lab-viewer').session.entries.map(({name}) => name)"
    )
    # Where results can be used is named by the page around.
    uses = json.loads(viewer(page).get_attribute("uses") or "[]")
    names = [*names, *(use["label"] for use in uses)]
    _fail_for_plain(page, names)
    for mode in ("Slider", "Blink", "Difference", "Lens", "Blind test"):
        button(page, f"«{mode}»").first.click()
        _fail_for_plain(page, names)
    for _ in range(3):
        viewer(page).get_by_role("button", name="«Both alike»").click()
    expect(viewer(page).locator(".blind tbody tr")).to_have_count(3)
    _fail_for_plain(page, names)
    # They would count in other tests.
    viewer(page).get_by_role("button", name="«Forget all picks»").click()
    expect(viewer(page).locator(".blind")).to_contain_text("«Which is better?")
    known = json.loads(RUSSIAN.read_text("utf-8"))
    fail_for(
        (
            f'"{text}": "…",'
            for text in set(page.evaluate("Object.keys(asked)")) - set(known) - _SAME
        ),
        f"Write the translations of these texts of the viewer into localizations/{RUSSIAN.name}",
    )
    page.close()


def test_the_viewer_speaks_russian(app: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="ru-RU")
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(f"globalThis.localization = {RUSSIAN.read_text('utf-8')}")
    page.goto(app)
    page.get_by_role("button", name=re.compile("Sample picture|Картинка-образец")).click()
    expect(page.locator("#upscaler-lab-picture img")).to_be_visible()
    # The sample of a new user is compared already.
    page.wait_for_function(_NAME)
    before = page.evaluate(_NAME)
    page.get_by_role("button", name=re.compile("^(Compare|Сравнить)$")).click()
    page.wait_for_function(_ALL_FINISHED, arg=before)
    button(page, "Слепой тест").click()
    expect(viewer(page).locator(".blind")).to_contain_text("Какая лучше? 1 из 3")
    page.close()
