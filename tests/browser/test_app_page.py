"""The app as a person uses it, in a real browser."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from lib_upscalers import StandaloneHost, Target, Upscaler, read_picture
from lib_upscalers.ui.sample import HEIGHT, WIDTH, draw_sample

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser
PATIENCE_MS = 60_000


def _cell(page: Page, number: int) -> Locator:
    return page.locator(f"#lab-cell-{number}")


def _take_sample(page: Page) -> None:
    page.get_by_role("button", name="Sample picture").click()
    expect(page.locator("#lab-picture img")).to_be_visible()


def _drop(page: Page, path: Path) -> None:
    with page.expect_response(re.compile("upload")):
        page.locator("#lab-picture input[type=file]").set_input_files(path)
    expect(page.locator("#lab-picture img")).to_be_attached()


def _upscale(page: Page) -> None:
    page.get_by_role("button", name="Upscale", exact=True).click()


def _wait_for_results(page: Page, count: int = 3) -> None:
    expect(page.locator(".lab-finished")).to_have_count(count, timeout=PATIENCE_MS)


def _fetch(page: Page, number: int) -> Image.Image:
    """Return the picture that the browser shows, as it came over the wire."""
    address = _cell(page, number).locator("img").get_attribute("src") or ""
    answer = page.request.get(urljoin(page.url, address))
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.body()))


def _choose(page: Page, number: int, name: str) -> None:
    menu = page.get_by_label(f"Upscaler {number}")
    menu.click()
    page.get_by_role("option", name=name, exact=True).click()


def test_from_the_sample_to_three_results(page: Page) -> None:
    _take_sample(page)
    _upscale(page)
    _wait_for_results(page)
    sample = draw_sample().pixels
    nearest = np.array(_fetch(page, 1))
    assert np.array_equal(nearest, sample.repeat(2, 0).repeat(2, 1)), "lossless to the last pixel"
    for number in (1, 2, 3):
        image = _cell(page, number).locator("img")
        expect(image).to_be_visible()
        shown = image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
        assert shown == [2 * WIDTH, 2 * HEIGHT]
        expect(_cell(page, number)).to_contain_text(re.compile(r"\d s"))
    network = next(c for c in Upscaler(StandaloneHost()).choices() if c.kind == "network")
    expect(page.get_by_label("Upscaler 3")).to_have_value(re.compile(re.escape(network.name)))


def test_a_result_can_be_saved(page: Page) -> None:
    _take_sample(page)
    _upscale(page)
    _wait_for_results(page)
    with page.expect_download() as download:
        _cell(page, 2).get_by_role("link", name="Download PNG").click()
    assert download.value.suggested_filename == f"sample-Lanczos-{2 * WIDTH}x{2 * HEIGHT}.png"
    assert read_picture(download.value.path()).size.width == 2 * WIDTH


def test_transparency_and_a_hostile_name(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>&.png"
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 4), np.uint8)
    Image.fromarray(pixels).save(path)
    _drop(page, path)
    _upscale(page)
    _wait_for_results(page)
    result = _fetch(page, 1)
    assert result.mode == "RGBA"
    assert np.array_equal(np.array(result)[..., 3], pixels[..., 3].repeat(2, 0).repeat(2, 1))
    assert page.locator("img[onerror]").count() == 0


def test_a_broken_file_is_told(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing of use")
    with page.expect_response(re.compile("upload")):
        page.locator("#lab-picture input[type=file]").set_input_files(path)
    page.wait_for_timeout(500)
    _upscale(page)
    expect(page.get_by_role("alert").first).to_contain_text("broken.png", timeout=PATIENCE_MS)
    expect(_cell(page, 1)).to_contain_text("The result will be here.")
    expect(page.get_by_role("button", name="Upscale", exact=True)).to_be_enabled()


def test_no_picture_is_told(page: Page) -> None:
    _upscale(page)
    expect(page.locator("#lab-message [role=alert]")).to_contain_text("Sample picture")


def test_cancel_keeps_what_is_done_and_the_app_goes_on(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    shade = np.linspace(0, 255, 1600).astype(np.uint8)
    Image.fromarray(np.add.outer(shade, shade)).convert("RGB").save(path)
    _drop(page, path)
    _upscale(page)
    expect(_cell(page, 3).locator("progress")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(_cell(page, 3)).to_contain_text("Cancelled.", timeout=PATIENCE_MS)
    expect(page.locator(".lab-finished")).to_have_count(2)
    expect(page.get_by_role("button", name="Upscale", exact=True)).to_be_enabled()
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
    page.reload()
    _take_sample(page)
    _upscale(page)
    _wait_for_results(page)


def test_a_failure_stays_in_its_place(page: Page, models: Path) -> None:
    network = next(c for c in Upscaler(StandaloneHost()).choices() if c.kind == "network")
    assert network.path
    copy = models / f"short-lived{network.path.suffix}"
    shutil.copy(network.path, copy)
    page.get_by_role("button", name="Networks").click()
    page.get_by_role("button", name="Look again").click()
    expect(page.locator("#lab-networks")).to_contain_text("short-lived")
    menu = page.get_by_label("Upscaler 2")
    menu.click()
    page.get_by_role("option", name=re.compile("short-lived")).click()
    copy.unlink()
    _take_sample(page)
    _upscale(page)
    _wait_for_results(page, 2)
    expect(_cell(page, 2).get_by_role("alert")).to_be_visible()
    expect(_cell(page, 2)).to_contain_text("short-lived")


def test_views_scroll_together_or_fit(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    Image.new("RGB", (900, 600), "teal").save(path)
    _choose(page, 3, "Box")
    _drop(page, path)
    _upscale(page)
    _wait_for_results(page)
    views = page.locator(".lab-view")
    views.first.evaluate("view => { view.scrollLeft = view.scrollWidth; view.scrollTop = 300; }")
    page.wait_for_function(
        "[...document.querySelectorAll('.lab-view')].every("
        "view => view.scrollLeft > 1000 && Math.abs(view.scrollTop - 300) < 2)"
    )
    page.get_by_label("Fit").click()
    page.wait_for_function(
        "[...document.querySelectorAll('.lab-view')]"
        ".every(view => view.scrollWidth <= view.clientWidth)"
    )


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    _take_sample(page)
    _upscale(page)
    _wait_for_results(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_only_results_are_served(page: Page) -> None:
    """The web server hands out no other file of this computer."""
    secret = Path(__file__).resolve()
    for prefix in ("gradio_api/file=", "file="):
        answer = page.request.get(urljoin(page.url, prefix + secret.as_posix()))
        assert answer.status in {403, 404}


def test_exact_sizes_are_what_the_library_gives(page: Page) -> None:
    page.get_by_label("number input for Scale").fill("1.5")
    page.get_by_label("number input for Scale").press("Tab")
    _take_sample(page)
    _choose(page, 3, "Mitchell")
    _upscale(page)
    _wait_for_results(page)
    upscaler = Upscaler(StandaloneHost())
    expected = upscaler.run(draw_sample(), upscaler.find("Mitchell"), Target(scale=1.5))
    assert np.array_equal(np.array(_fetch(page, 3)), expected.picture.pixels)
