"""The language of the app's page and of reports: the browser's, or the chosen one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from lib_upscalers.cli import main
from tests.browser.viewer_page import PATIENCE_MS, button, viewer
from tests.offenders import fail_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RUSSIAN = json.loads(
    (Path(__file__).resolve().parents[2] / "localizations" / "ru_RU.json").read_text("utf-8")
)
# What is shown, the inside of our elements too.
_SHOWN = """() => {
    const texts = [];
    const walk = (root) => {
        const walker = document.createTreeWalker(root, 5);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            if (node.shadowRoot) walk(node.shadowRoot);
            const left = node.parentElement?.closest("style, script, code, [translate=no]");
            if (node.nodeType === 3 && !left) texts.push(node.data.trim());
        }
    };
    walk(document.body);
    return texts;
}"""


@pytest.fixture
def russian(browser: Browser) -> Iterator[Page]:
    """A page of a browser whose user reads Russian."""
    context = browser.new_context(locale="ru-RU", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def _fail_for_english(page: Page) -> None:
    shown: list[str] = page.evaluate(_SHOWN)
    fail_for(
        (text for text in shown if RUSSIAN.get(text, text) != text),
        "Expected these texts in Russian",
    )


def test_a_phone_shows_all_pages_and_an_upscaler_is_taken_out_by_its_name(
    app: str, russian: Page
) -> None:
    russian.set_viewport_size({"width": 360, "height": 800})
    russian.goto(app)
    for name in ("Модели", "Какой выбрать?", "Сравнение", "Модели"):
        russian.get_by_role("tab", name=name).click()
        expect(russian.locator(".tab-container button[role=tab]:visible")).to_have_count(3)
    russian.get_by_role("tab", name="Сравнение").click()
    russian.get_by_role("button", name="Убрать Lanczos").click()
    expect(russian.get_by_role("button", name="Убрать Lanczos")).to_have_count(0)
    expect(russian.get_by_role("button", name="Убрать Nearest")).to_be_visible()


def test_the_app_is_in_the_browsers_language_until_another_is_chosen(
    app: str, russian: Page
) -> None:
    russian.goto(app)
    expect(russian.get_by_role("tab", name="Модели")).to_be_visible()
    _fail_for_english(russian)
    button(russian, "Сравнить").click()
    expect(russian.get_by_text("Картинки ещё нет: перетащите её.")).to_be_visible()
    expect(russian.locator("html")).to_have_attribute("lang", "ru")
    russian.get_by_label("Language").select_option("en")
    expect(russian.get_by_role("tab", name="Models")).to_be_visible()
    russian.reload()
    expect(russian.get_by_role("tab", name="Models")).to_be_visible()
    expect(button(russian, "Compare")).to_be_visible()


def test_in_a_webui_what_is_ours_is_in_its_language(tab: str, russian: Page) -> None:
    """A WebUI translates only whole texts that it knows: not those with values in them."""
    russian.add_init_script(f"globalThis.localization = {json.dumps(RUSSIAN)}")
    russian.goto(tab)
    foreign = russian.get_by_text("Upscaler of Extras")
    expect(foreign).to_be_visible()
    russian.get_by_role("button", name=re.compile("^(Compare|Сравнить)$")).click()
    expect(russian.get_by_text("Картинки ещё нет: перетащите её.")).to_be_visible()
    expect(foreign).to_be_visible()


def _menu(page: Page, label: str) -> Locator:
    """Return a menu's field; version 3 of gradio names it by the label around."""
    return page.get_by_label(label, exact=True).and_(page.locator(".secondary-wrap > input"))


def test_menus_show_the_readers_words_and_hand_on_the_programs(app: str, russian: Page) -> None:
    russian.goto(app)
    russian.get_by_text("Как вычислять").first.click()
    menu = _menu(russian, "Проходы")
    expect(menu).to_have_value("целиком")
    menu.click()
    russian.locator("ul.options li, [role=option]").filter(has_text="уменьшенный").click()
    expect(menu).to_have_value("уменьшенный")
    assert menu.evaluate("(field) => field.value") == "reduced"
    button(russian, "Картинка-образец").click()
    russian.locator("#upscaler-lab-picture img").wait_for()
    button(russian, "Сравнить").click()
    russian.wait_for_function(
        """() => document.querySelector("upscaler-lab-viewer").session?.entries
            .every(({state}) => state === "finished")"""
    )


@pytest.mark.usefixtures("own_folders")
def test_a_report_is_in_its_readers_language(tmp_path: Path, russian: Page) -> None:
    picture, report = tmp_path / "a.png", tmp_path / "out.html"
    Image.radial_gradient("L").resize((41, 24)).save(picture)
    made = ["compare", str(picture), "--with", "Nearest,Lanczos", "--test", "2"]
    assert main([*made, "--report", str(report), "-q"]) == 0
    russian.goto(report.as_uri())
    expect(russian.locator("h1")).to_have_text("a: Сравнение апскейлеров: 2")
    expect(button(russian, "Слепой тест")).to_be_visible()
    expect(viewer(russian).locator(".notes")).to_contain_text("Для проверки обрезано до 40x24")
    expect(viewer(russian).locator(".notes")).to_contain_text("Проверка: уменьшена в 2 раза")
    _fail_for_english(russian)
    russian.get_by_label("Language").select_option("en")
    expect(russian.locator("h1")).to_have_text("a: 2 upscalers compared")
