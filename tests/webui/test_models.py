"""From an empty place in the folder to a finished Hires. fix with a new network, in the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.models.catalogue_data import entry
from tests.models.catalogue_server import running_server, serve_catalogue, served_file
from tests.models.networks import compact_file
from tests.webui import jobs
from tests.webui.page_parts import PASTED, choose, generate, open_tab, paste

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.webui.host import WebUI

pytestmark = pytest.mark.browser
NAME = "2x-Fetched"


def test_a_fetched_network_finishes_a_picture_without_a_restart(
    webui: WebUI, page: Page, tmp_path: Path
) -> None:
    network = compact_file(tmp_path / "compact.pth", seed=5).read_bytes()
    paste(page, PASTED.format(jobs.OWN))
    with running_server() as server:
        models = {NAME: entry(name="Fetched", resources=[served_file(server, network)])}
        serve_catalogue(server, models, webui.data / "models" / "upscaler_lab")
        open_tab(page, "Upscaler Lab")
        page.get_by_role("tab", name="Models", exact=True).or_(
            page.get_by_role("button", name="Models", exact=True)
        ).first.click()
        card = page.locator(f'upscaler-lab-models .card[data-id="{NAME}"]')
        card.get_by_role("button", name="Get (").click()
        expect(card.locator(".has")).to_have_text("Installed")
    assert webui.names().count(NAME) == 1
    open_tab(page, "txt2img")
    choose(page, "txt2img_hr_upscaler", NAME)
    files = generate(webui, page)
    assert jobs.opened(files[-1]).size == (2 * jobs.SIDE, 2 * jobs.SIDE)
    assert f"Hires upscaler: {NAME}" in jobs.opened(files[-1]).info["parameters"]
    # The own lists of the others have it as well, and their engines run it.
    assert webui.loads(NAME) == (1 if webui.kind == "A1111" else 0)


def test_the_settings_of_the_catalogue_are_those_of_its_file(webui: WebUI) -> None:
    """What ui-config.json stores at a first start would be shown, and saved, ever after."""
    stored = json.loads((webui.data / "ui-config.json").read_text("utf-8"))
    assert "upscaler_lab/Look for new files/visible" in stored
    assert not [key for key in stored if "Address of the catalogue" in key]
