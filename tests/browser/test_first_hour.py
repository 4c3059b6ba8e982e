"""What a user meets first: a sample, full screen, pictures dropped anywhere or pasted."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.viewer_page import (
    PATIENCE_MS,
    ask,
    button,
    cell,
    compare,
    settle,
    take_sample,
    viewer,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PICTURE = "#upscaler-lab-picture img"
# What the browser makes of a file that somebody drops on an element, or pastes.
_GIVE = """([type, selector, data]) => {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "given.png", {type: "image/png"}));
    const more = {bubbles: true, cancelable: true, composed: true};
    const place = document.querySelector(selector);
    const event = type === "paste"
        ? new ClipboardEvent(type, {...more, clipboardData: transfer})
        : new DragEvent(type, {...more, dataTransfer: transfer});
    place.dispatchEvent(event);
    return event.defaultPrevented;
}"""


def cells(page: Page) -> list[dict[str, float]]:
    script = """[...v.stage.cells.values()].map(({element}) => {
        const {left, top, right, bottom} = element.getBoundingClientRect();
        return {left, top, right, bottom};
    })"""
    return ask(page, script)


def test_full_screen_fills_a_phone_held_sideways_and_keeps_what_is_chosen(
    app: str, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 740, "height": 360}, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(app)
    take_sample(page)
    compare(page)
    button(page, "Full screen").click()
    page.wait_for_function("() => document.querySelector('upscaler-lab-viewer').full.isOn")
    for mode, least in (("Grid", 0.6), ("Slider", 0.75)):
        button(page, mode).click()
        page.wait_for_timeout(200)
        found = cells(page)
        assert all(each["right"] <= 740.5 and each["bottom"] <= 360.5 for each in found), mode
        area = sum((e["right"] - e["left"]) * (e["bottom"] - e["top"]) for e in found)
        assert area > least * 740 * 360, mode
    viewer(page).locator(".stage").focus()
    page.keyboard.press("f")
    page.wait_for_function("() => !document.querySelector('upscaler-lab-viewer').full.isOn")
    assert ask(page, "v.settings.chosen") == "slider"
    expect(viewer(page).locator(".table").first).to_be_visible()
    page.keyboard.press("F")
    page.wait_for_function("() => document.querySelector('upscaler-lab-viewer').full.isOn")
    context.close()


def test_pictures_are_taken_wherever_they_are_dropped(page: Page, tmp_path: Path) -> None:
    for number, (kind, place) in enumerate(
        [("drop", "upscaler-lab-viewer"), ("paste", "body"), ("drop", "h1, body")]
    ):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (20 + number, 10)).save(path)
        assert give(page, kind, place, path)
        page.wait_for_function(
            f"() => document.querySelector('{PICTURE}')?.naturalWidth === {20 + number}"
        )
        expect(page.locator(".lab-confirmation").last).to_contain_text("press Compare")


def give(page: Page, kind: str, place: str, path: Path) -> bool:
    data = base64.b64encode(path.read_bytes()).decode()
    return bool(page.evaluate(_GIVE, [kind, place, data]))


def test_a_new_user_sees_a_sample_that_is_compared_already(app: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(app)
    page.bring_to_front()  # nothing is seen of a page that is behind another
    steps = viewer(page).locator(".first")
    expect(steps.locator("li")).to_have_count(3, timeout=PATIENCE_MS)
    expect(steps.locator("dt").first).to_be_visible()
    settle(page)
    expect(cell(page, "Lanczos")).to_contain_text("384")
    page.reload()
    expect(steps.locator("li")).to_have_count(3, timeout=PATIENCE_MS)
    take_sample(page)
    compare(page)
    expect(steps).to_have_count(0)
    page.reload()
    settle(page)
    expect(steps).to_have_count(0)
    page.close()
