"""Accessibility: axe-core has no serious finding in app and tab, and the keyboard reaches all."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_guide_page import open_guide
from tests.browser.viewer_page import PATIENCE_MS, button, compare, settle, take_sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# https://dequeuniversity.com/rules/axe/4.12; moderate and minor ones are advice.
_FINDINGS = """async (foreign) => {
    const {violations} = await axe.run(document, {resultTypes: ["violations"]});
    const serious = violations.filter(({impact}) => ["serious", "critical"].includes(impact));
    return serious.flatMap(({id, nodes}) => nodes.flatMap(({target, html, failureSummary}) => {
        const at = target.flat().join(" ");
        const theirs = foreign && id === "color-contrast" && !at.startsWith("upscaler-lab");
        return theirs ? [] : [`${id} ${at} ${html.slice(0, 200)} ${failureSummary}`];
    }));
}"""
_REACHED = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    at?.setAttribute("data-reached", "");
}"""
_MISSED = """viewer => [...viewer.shadowRoot.querySelectorAll("button, input, select, summary, a")]
    .filter((each) => each.checkVisibility() && !each.disabled)
    .filter((each) => !each.hasAttribute("data-reached"))
    .map((each) => each.outerHTML)"""


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def findings(page: Page, *, foreign: bool) -> list[str]:
    """Return what is serious or critical; the colours of a page around ours are not ours."""
    page.evaluate(_axe())
    return page.evaluate(_FINDINGS, foreign)


def unfold(page: Page) -> None:
    """Open every accordion, and every part of the viewer that unfolds."""
    page.evaluate(
        """() => {
            for (const label of document.querySelectorAll(".label-wrap:not(.open)")) label.click();
            const {shadowRoot} = document.querySelector("upscaler-lab-viewer");
            for (const each of shadowRoot.querySelectorAll("details")) each.open = true;
        }"""
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("place", ["app", "tab"])
def test_axe_finds_nothing_serious(
    place: str, theme: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    address = str(request.getfixturevalue(place)).rstrip("/")
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/?__theme={theme}")
    foreign = place == "tab"
    button(page, "Sample picture").wait_for()
    found = {"first": findings(page, foreign=foreign)}
    take_sample(page)
    compare(page)
    unfold(page)
    found["compared"] = findings(page, foreign=foreign)
    for mode in ("Slider", "Blink", "Difference", "Lens", "Blind test"):
        button(page, mode).click()
        found[mode] = findings(page, foreign=foreign)
    open_guide(page)
    found["guide"] = findings(page, foreign=foreign)
    page.get_by_role("tab", name="Models", exact=True).click()
    shop = page.locator("upscaler-lab-models")
    for view in ("Catalogue", "My models", "Recommended"):
        shop.get_by_role("tab", name=view).click()
        found[view] = findings(page, foreign=foreign)
    page.context.close()
    lines = [f"{where}: {what}" for where, each in found.items() for what in each]
    assert not lines, "\n".join(lines)


def test_the_keyboard_reaches_every_control_of_the_viewer(page: Page) -> None:
    take_sample(page)
    compare(page)
    page.get_by_role("group", name="How to compare").get_by_role("button").first.focus()
    viewer = page.locator("upscaler-lab-viewer")
    for _ in range(100):
        page.evaluate(_REACHED)
        page.keyboard.press("Tab")
        if not viewer.evaluate("viewer => viewer.matches(':focus-within, :focus')"):
            break
    assert viewer.evaluate(_MISSED) == []


def test_what_is_pressed_by_the_keyboard_keeps_it(page: Page) -> None:
    """The bars and the table are drawn again, and buttons are inactive, whenever something runs."""
    take_sample(page)
    button(page, "Compare").focus()
    page.keyboard.press("Enter")
    settle(page)
    expect(button(page, "Compare")).to_be_focused()
    for name in ("Slider", "Swap", "Grid"):
        button(page, name).focus()
        page.keyboard.press("Enter")
        expect(button(page, name)).to_be_focused()
    head = page.locator("upscaler-lab-viewer th button").first
    head.focus()
    page.keyboard.press("Enter")
    expect(head).to_be_focused()
    page.get_by_role("tab", name="Models", exact=True).click()
    mine = page.locator("upscaler-lab-models").get_by_role("tab", name="My models")
    mine.focus()
    page.keyboard.press("Enter")
    expect(mine).to_be_focused()
    expect(mine).to_have_attribute("aria-selected", "true")


_LONG = """v => {
    const text = "Expected enough memory. ".repeat(60);
    const name = "a very long name of a network ".repeat(4).trim() + ", 0.45";
    const failed = {...v.session.entries[0], name, state: "failed", text, result: null};
    v.show({...v.session, name: "long", entries: [failed, ...v.session.entries.slice(1)]});
    return name;
}"""
_SEEN = """v => {
    const note = v.shadowRoot.querySelector(".cell[data-state=failed] .note");
    const inside = (part, whole) => {
        const [a, b] = [part, whole].map((each) => each.getBoundingClientRect());
        return a.left >= b.left - 1 && a.right <= b.right + 1;
    };
    const text = note.querySelector("p");
    const name = note.closest(".cell").querySelector(".name");
    const strength = document.createRange();
    strength.selectNode(name.lastChild);
    return {
        above: note.getBoundingClientRect().top - text.getBoundingClientRect().top,
        scrolled: note.scrollTop,
        end: note.scrollHeight - note.clientHeight,
        strength: inside(strength, name),
    };
}"""


def test_a_long_reason_can_be_read_and_a_long_name_keeps_its_strength(page: Page) -> None:
    take_sample(page)
    compare(page)
    settle(page)
    viewer = page.locator("upscaler-lab-viewer")
    name = viewer.evaluate(_LONG)
    note = viewer.locator(".cell[data-state=failed] .note")
    expect(note).to_be_visible()
    seen = viewer.evaluate(_SEEN)
    assert seen["above"] <= 0, "the beginning is there"
    assert seen["end"] > 0
    assert seen["strength"]
    assert viewer.locator(f'b[title="{name}"]').text_content() == name
    zoom = viewer.evaluate("v => v.stage.view.scale")
    note.hover()
    page.mouse.wheel(0, 100)
    page.wait_for_function(
        "document.querySelector('upscaler-lab-viewer').shadowRoot"
        ".querySelector('.cell[data-state=failed] .note').scrollTop > 0"
    )
    assert viewer.evaluate("v => v.stage.view.scale") == zoom
    viewer.evaluate(_LONG)
    assert viewer.evaluate(_SEEN)["scrolled"] > 0, "it is not written again"
