"""The WebUI's page as a person uses it; ids are the same on all WebUIs."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error, expect

from tests.webui.host import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from tests.webui.host import WebUI

PATIENCE_MS = 300 * PATIENCE
# A copy of Neo reloads its page two seconds after the first visit (modules/ui.py, 892), and what is
# pressed while it loads is lost.
_NO_RELOAD = "sessionStorage.setItem('physton_icon_refreshed', '1')"
PASTED = (
    "a cat\nSteps: 2, Sampler: Euler, CFG scale: 2, Seed: 11, Size: 64x64, "
    "Denoising strength: 0.6, Hires upscale: 2, Hires steps: 2, Hires upscaler: {}"
)


def open_page(webui: WebUI, page: Page, theme: str = "dark") -> None:
    """Load the page, and wait until its scripts have run."""
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(_NO_RELOAD)
    page.goto(f"{webui.address}/?__theme={theme}")
    page.locator("#txt2img_generate").wait_for()
    page.wait_for_function("document.querySelector('#txt2img_token_counter') !== null")
    page.wait_for_timeout(1500)


def open_tab(page: Page, name: str) -> None:
    """Show one of the page's tabs; Forge writes their names with a capital."""
    nav = page.locator("#tabs > .tab-nav")
    title = re.compile(rf"^{re.escape(name)}$", re.IGNORECASE)
    nav.get_by_role("button", name=title).or_(nav.get_by_role("tab", name=title)).first.click()


def choose(page: Page, elem_id: str, name: str) -> None:
    """Take an entry of a dropdown by clicking it."""
    menu = page.locator(f"#{elem_id} input").first
    menu.click()
    page.locator(f"#{elem_id} ul.options li").filter(
        has_text=re.compile(rf"^[✓\s]*{re.escape(name)}\s*$")
    ).click()
    expect(menu).to_have_value(name)


def unfold(page: Page, elem_id: str) -> None:
    """Open an accordion."""
    page.locator(f"#{elem_id} > .label-wrap").first.click()


def paste(page: Page, infotext: str, tab: str = "txt2img") -> None:
    """Put an infotext into the prompt and have the WebUI read it."""
    page.locator(f"#{tab}_prompt textarea").fill(infotext)
    page.locator(f"#{tab}_tools #paste").click()
    expect(page.locator(f"#{tab}_prompt textarea")).to_have_value("a cat")


def new_files(webui: WebUI, act: Callable[[], None], pattern: str = "*.png") -> list[Path]:
    """Return the result files that an action leaves."""
    before = set(webui.results(pattern))
    act()
    for _ in range(PATIENCE_MS // 500):
        found = [path for path in webui.results(pattern) if path not in before]
        if found:
            time.sleep(0.5)
            return [path for path in webui.results(pattern) if path not in before]
        time.sleep(0.5)
    raise AssertionError(f"no result came:\n{webui.log[-3000:]}")


def generate(webui: WebUI, page: Page, tab: str = "txt2img") -> list[Path]:
    """Press Generate and return what was saved."""
    before = set(webui.results("*.png"))
    new_files(webui, page.locator(f"#{tab}_generate").click)
    expect(page.locator(f"#{tab}_interrupt")).to_be_hidden(timeout=PATIENCE_MS)
    # The small picture of Hires. fix may be saved, too, long before the large one.
    return [path for path in webui.results("*.png") if path not in before]


def components(webui: WebUI) -> list[dict[str, Any]]:
    """Return all components of the page, as Gradio tells them to the browser."""
    return [{**each, **each.get("props", {})} for each in webui.get("/config").body["components"]]


def choices(webui: WebUI, elem_id: str) -> list[str]:
    """Return the entries of a dropdown."""
    found = [each for each in components(webui) if each.get("elem_id") == elem_id]
    assert found, f"there is no {elem_id}"
    return [each if isinstance(each, str) else each[0] for each in found[0]["choices"]]


def section(page: Page, name: str) -> Locator:
    """Show a section of the settings."""
    open_tab(page, "Settings")
    nav = page.locator("#settings > .tab-nav, #settings .tab-nav").first
    nav.get_by_text(name, exact=True).click()
    return page.locator("#settings_upscaler_lab")


def reload_ui(webui: WebUI, browser: Browser) -> None:
    """Press Reload UI in a page of its own, and wait until the WebUI has started again."""
    page = browser.new_context().new_page()
    open_page(webui, page)
    press_reload(webui, page)
    # It reloads itself now.
    close_at_once(page)


def close_at_once(page: Page) -> None:
    """Close a page as the browser does; Playwright may wait for ever for one that still loads.

    Closing its context waits likewise, so contexts stay until the browser is closed.
    """
    with suppress(Error):
        page.context.new_cdp_session(page).send("Page.close")


def press_reload(webui: WebUI, page: Page) -> None:
    """Press Reload UI, wait until the WebUI has started again; the page stays open and pings."""
    starts = webui.log.count("Startup time: ")
    open_tab(page, "Settings")
    page.locator("#settings_restart_gradio").click()
    for _ in range(PATIENCE_MS // 20):
        if webui.log.count("Startup time: ") > starts:
            break
        page.wait_for_timeout(20)
    webui.wait(starts + 1)
