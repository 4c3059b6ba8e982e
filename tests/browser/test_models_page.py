"""The page Models in a browser, with a catalogue of our own on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.viewer_page import PATIENCE_MS
from tests.models.catalogue_data import entry
from tests.models.catalogue_server import running_server, serve_catalogue, served_file
from tests.models.networks import compact_file

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_from_the_card_to_the_comparison(
    app: str, browser: Browser, home: Path, tmp_path: Path
) -> None:
    network = compact_file(tmp_path / "compact.pth").read_bytes()
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(app)
    with running_server() as server:
        markup = "<img src=x onerror='window.run=1'>"
        models = {
            "2x-Example": entry(name=f"Example {markup}", resources=[served_file(server, network)]),
            "4x-Other": entry(scale=4, name="Other", description=markup, license="CC-BY-NC-4.0"),
        }
        serve_catalogue(server, models, next(home.rglob("compare")).parent)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_role("tab", name="Models", exact=True).click()
        shop = page.locator("upscaler-lab-models")
        # Other tests may have opened the page before there was this catalogue.
        shop.get_by_role("button", name="Refresh").click()
        expect(shop.locator(".card")).to_have_count(2)
        expect(shop.get_by_role("button", name="Get (not for paid work)")).to_have_count(1)
        assert not [url for url in asked if "example.org" in url]
        shop.get_by_label("Search").fill("other")
        expect(shop.locator(".card")).to_have_count(1)
        shop.get_by_label("Scale").select_option("4")
        # What is chosen stays when a newer catalogue comes.
        models["2x-Third"] = entry(name="Third")
        serve_catalogue(server, models, next(home.rglob("compare")).parent)
        shop.get_by_role("button", name="Refresh").click()
        expect(shop.locator(".count")).to_have_text("1 of 3 models")
        expect(shop.get_by_label("Search")).to_have_value("other")
        expect(shop.get_by_label("Scale")).to_have_value("4")
        shop.get_by_label("Scale").select_option("")
        shop.get_by_label("Search").fill("")
        card = shop.locator('.card[data-id="2x-Example"]')
        expect(card.locator("b")).to_have_text(f"Example {markup}")
        page.route("https://example.org/**", lambda route: route.abort())
        card.locator("summary").click()
        expect(card).to_contain_text("Its pictures cannot be loaded.")
        expect(card.locator(".pair")).to_have_count(0)
        card.get_by_role("button", name="Get (").click()
        expect(shop.locator(".job[data-state=done]")).to_contain_text("the SHA-256 is right")
        expect(card.locator(".has")).to_have_text("Installed")
        shop.get_by_role("tab", name="My models").click()
        expect(shop.locator('.card[data-name="2x-Example"]')).to_contain_text("CC-BY-4.0")
        shop.get_by_role("tab", name="Recommended").click()
        assert shop.locator(".card").count() > 5
        assert page.evaluate("window.run") is None
        page.get_by_role("tab", name="Comparison", exact=True).click()
        page.locator("#upscaler-lab-names input").first.click()
        expect(page.get_by_role("option", name="2x-Example")).to_be_attached()
    page.get_by_role("tab", name="Models", exact=True).click()
    shop.get_by_role("tab", name="Catalogue").click()
    shop.get_by_role("button", name="Refresh").click()
    notice = shop.locator(".said p")
    expect(notice).to_contain_text("try again")
    shop.get_by_role("tab", name="My models").click()
    expect(notice).to_have_count(0)
    shop.get_by_role("button", name="Refresh").click()
    expect(notice).to_contain_text("try again")
    page.close()
