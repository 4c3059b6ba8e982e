"""Reload UI: nothing doubles, nothing is lost, nothing is left over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.webui import jobs
from tests.webui.conftest import warm_up
from tests.webui.page_parts import (
    choices,
    close_at_once,
    open_page,
    open_tab,
    press_reload,
    reload_ui,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.webui.conftest import Bare
    from tests.webui.host import WebUI

pytestmark = pytest.mark.browser
TIMES = int(os.environ.get("WEBUI_RELOADS", "2"))


def _state(webui: WebUI) -> tuple[list[str], ...]:
    axes = choices(webui, "script_img2img_xyz_plot_x_type")
    return webui.names(), webui.names("latent-upscale-modes"), axes


def test_reload(webui: WebUI, browser: Browser, bare: Bare) -> None:
    # Gradio 3 never ends the connection of a page that was closed while it waited for a result,
    # such as those of the tests before, and Reload UI waits for the end of all connections.
    webui.stop()
    webui.start()
    warm_up(webui)
    said = len(webui.log)
    before = _state(webui)
    paths = set(webui.get("/openapi.json").body["paths"])
    job = jobs.txt2img(webui, "Latent (Mitchell)")
    expected, _ = jobs.generate(webui, "txt2img", job)
    for _ in range(TIMES):
        reload_ui(webui, browser)
        assert _state(webui) == before
    assert set(webui.get("/openapi.json").body["paths"]) == paths
    jobs.take_first_checkpoint(webui)
    seen = webui.log.count("neighbour was asked")
    pictures, _ = jobs.generate(webui, "txt2img", job)
    assert np.array_equal(pictures[0], expected[0])
    assert webui.log.count("neighbour was asked") == seen + 1
    jobs.generate(webui, "txt2img", jobs.txt2img(webui, jobs.FOUR))
    plain, infotext = jobs.generate(webui, "img2img", jobs.img2img())
    assert np.array_equal(plain[0], bare.img2img[0][0])
    assert infotext == bare.img2img[1]
    assert webui.complaints(said) == []


@pytest.mark.parametrize("state", ["runs", "page gone", "just begun", "finished", "report"])
def test_reload_after_a_comparison(
    webui: WebUI, browser: Browser, tmp_path: Path, state: str
) -> None:
    """Gradio 3.41 waits for ever for the request of a page that is gone (queueing.py:399-467).

    A comparison that a reload has ended must hold nothing: the next one would never begin.
    """
    side = 160 if state in ("finished", "report") else 900
    jobs.sample(side, side).save(tmp_path / f"side{side}.png")
    for _ in range(TIMES):
        context = browser.new_context()
        page = context.new_page()
        open_page(webui, page)
        _compare(page, tmp_path / f"side{side}.png", state)
        if state == "page gone":
            context.close()
            reload_ui(webui, browser)
        else:
            press_reload(webui, page)
            close_at_once(page)


def _compare(page: Page, picture: Path, state: str) -> None:
    open_tab(page, "Upscaler Lab")
    # What was compared before, or the sample, comes back first.
    session = "document.querySelector('upscaler-lab-viewer').session"
    page.wait_for_function(f"{session}?.name")
    before = page.evaluate(f"{session}.name")
    page.locator("#upscaler-lab-picture input[type=file]").set_input_files(picture)
    page.locator("#upscaler-lab-picture img").wait_for()
    page.locator("#upscaler-lab-compare").click()
    if state == "just begun":
        return
    some = "every" if state in ("finished", "report") else "some"
    page.wait_for_function(
        f"""before => {session}.name !== before && {session}.entries.{some}(
            ({{state}}) => state === "finished" || (state === "running" && "{some}" === "some"))""",
        arg=before,
    )
    if state == "report":
        page.get_by_role("button", name="Report", exact=True).click()


def test_reload_after_pages_that_were_closed_at_once(webui: WebUI, browser: Browser) -> None:
    for _ in range(TIMES):
        for pause in (0, 50, 100, 150):
            page = browser.new_context().new_page()
            page.goto(webui.address, wait_until="commit" if pause % 100 else "load")
            page.wait_for_timeout(pause)
            close_at_once(page)
        reload_ui(webui, browser)


def test_the_extras_script_in_other_tabs(webui: WebUI, browser: Browser) -> None:
    """With the WebUI's setting for it, the page has the script three times; each is its own."""
    setting = "postprocessing_enable_in_main_ui"
    webui.post("/sdapi/v1/options", {setting: ["Upscaler Lab"]})
    try:
        webui.stop()
        webui.start()
        page = browser.new_context().new_page()
        open_page(webui, page)
        open_tab(page, "Extras")
        boxes = page.locator("input.input-accordion-checkbox")
        titled = page.locator(".input-accordion").filter(has_text="Upscaler Lab")
        ours = page.locator("#upscaler_lab_extras-visible-checkbox")
        expect(titled).to_have_count(3)
        expect(ours).to_have_count(1)
        before = boxes.evaluate_all("(all) => all.filter((box) => box.checked).length")
        ours.check()
        assert boxes.evaluate_all("(all) => all.filter((box) => box.checked).length") == before + 1
        expect(page.locator("#upscaler_lab_extras-checkbox input")).to_be_checked()
        page.context.close()
    finally:
        webui.post("/sdapi/v1/options", {setting: []})
        webui.stop()
        webui.start()
        warm_up(webui)
