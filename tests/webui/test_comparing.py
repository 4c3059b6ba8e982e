"""The tab "Upscaler Lab" in a real browser, for whom it is open."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.viewer_page import ask
from tests.webui import jobs
from tests.webui.host import named_by_environment
from tests.webui.page_parts import PATIENCE_MS, generate, open_page, open_tab

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.webui.host import WebUI

pytestmark = pytest.mark.browser
# A1111's own whenever Hires. fix is switched: its script returns six values for no output
# (ui.py, 371; hires_fix.js, 17), and Gradio 3 fails on any.
_THEIRS = "Cannot read properties of undefined (reading 'props')"
NAMES = ["Lanczos", jobs.OWN, "Latent (Mitchell)"]


def compare(page: Page, picture: Path, names: list[str]) -> list[str]:
    """Compare upscalers of a picture; return the addresses of the results."""
    open_tab(page, "Upscaler Lab")
    page.get_by_text("Settings as text", exact=True).first.click()
    text = page.get_by_label("What “Copy settings” copied, here or elsewhere")
    text.fill(json.dumps({"upscaler-lab": 1, "upscalers": names, "scale": 2}))
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator("#upscaler-lab-names").first).to_contain_text(names[-1])
    page.locator("#upscaler-lab-picture input[type=file]").set_input_files(picture)
    expect(page.locator("#upscaler-lab-picture img")).to_be_attached()
    page.wait_for_timeout(1000)
    _press_compare(page, len(names))
    entries = ask(page, "v.session.entries")
    assert [(entry["name"], entry["state"]) for entry in entries] == [
        (name, "finished") for name in names
    ]
    return [urljoin(page.url, entry["result"]["url"]) for entry in entries]


def _press_compare(page: Page, count: int) -> None:
    # The sample's comparison, or another one's, may be there before.
    before: str = ask(page, "v.session?.name ?? ''")
    page.locator("#upscaler-lab-compare").click()
    page.wait_for_function(
        """([before, count]) => {
            const session = document.querySelector("upscaler-lab-viewer")?.session;
            return session?.name && session.name !== before && session.entries.length === count
                && session.entries.every(({state}) => !["waiting", "running"].includes(state));
        }""",
        arg=[before, count],
        timeout=PATIENCE_MS,
    )


def test_a_finished_picture_is_sent_to_the_tab(webui: WebUI, page: Page) -> None:
    page.locator("#txt2img_prompt textarea").fill("a cat")
    for name, value in (("steps", "2"), ("width", "64"), ("height", "64")):
        number = page.locator(f"#txt2img_{name} input[type=number]")
        number.fill(value)
        number.press("Tab")
    generate(webui, page)
    page.locator("#txt2img_send_to_upscaler_lab").click()
    expect(page.locator("#upscaler-lab-picture img")).to_be_visible()
    _press_compare(page, 3)
    source = ask(page, "v.session.source")
    assert (source["width"], source["height"]) == (64, 64)
    assert [each["state"] for each in ask(page, "v.session.entries")] == ["finished"] * 3


def test_comparing(webui: WebUI, page: Page, tmp_path: Path) -> None:
    """In every way to look at it, and taken over into Hires. fix."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    said = len(webui.log)
    picture = tmp_path / "in.png"
    jobs.sample(64, 48).save(picture)
    for address in compare(page, picture, NAMES):
        answer = page.request.get(address)
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.body())).size == (128, 96)
    for mode in ("Slider", "Difference", "Blink", "Grid"):
        page.get_by_role("button", name=mode, exact=True).first.click()
        page.wait_for_timeout(300)
    cell = page.locator("upscaler-lab-viewer .cell").filter(
        has=page.locator(f'b[title="{jobs.OWN}"]')
    )
    assert faults == []
    cell.get_by_role("button", name="Hires. fix").click()
    expect(page.locator("#txt2img_generate")).to_be_visible()
    expect(page.locator("#txt2img_hr_upscaler input").first).to_have_value(jobs.OWN)
    assert [fault for fault in faults if fault != _THEIRS] == []
    assert webui.complaints(said) == []


def test_login_to_the_page(
    webui: WebUI, browser: Browser, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With --gradio-auth, pictures are for who is logged in; the API is as open as the host's."""
    picture = tmp_path / "in.png"
    jobs.sample(32, 24).save(picture)
    webui.stop()
    other = named_by_environment(tmp_path_factory.mktemp("login"))
    other.install()
    try:
        other.start("--listen", "--gradio-auth", "dog:bone,cat:mouse")
        cat, stranger = browser.new_context(), browser.new_context()
        login = f"{other.address}/login"
        wrong = {"username": "cat", "password": "bone"}
        assert not stranger.request.post(login, form=wrong).ok
        assert cat.request.post(login, form={"username": "cat", "password": "mouse"}).ok
        page = cat.new_page()
        open_page(other, page)
        for address in compare(page, picture, ["Lanczos", jobs.OWN]):
            assert cat.request.get(address).ok
            assert stranger.request.get(address).status == 401
        theirs, ours = "/sdapi/v1/upscalers", "/upscaler-lab/v1/upscalers"
        for who in (cat, stranger):
            answers = [who.request.get(other.address + path) for path in (theirs, ours)]
            assert answers[0].status == answers[1].status
        cat.close()
        stranger.close()
        assert other.complaints() == []
    finally:
        other.stop()
        webui.start()
