"""The script "Compare upscalers in Hires. fix", through the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect

from tests.webui import jobs
from tests.webui.host import decoded, encoded
from tests.webui.page_parts import PASTED, choose, generate, paste

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from playwright.sync_api import Page

    from tests.webui.host import WebUI

SCRIPT = "compare upscalers in hires. fix"
UPSCALERS = ("Latent (Mitchell)", "Latent (Lab)", jobs.OWN, jobs.TWO)
STRENGTHS = (0.4, 0.7)


def compared(
    ui: WebUI, upscalers: Sequence[str], picture: str | None = None, **more: object
) -> dict[str, Any]:
    job = jobs.txt2img(ui, upscalers[0], **more)
    arguments = [list(upscalers), ", ".join(map(str, STRENGTHS)), 0, False, picture]
    return {**job, "script_name": SCRIPT, "script_args": arguments}


def generated(ui: WebUI, job: Mapping[str, Any]) -> list[tuple[np.ndarray, str]]:
    answer = ui.post("/sdapi/v1/txt2img", job)
    assert answer.status == 200, answer.text[:2000]
    info = json.loads(answer.body["info"])
    images = answer.body["images"]
    pictures = [np.asarray(decoded(each).convert("RGB")) for each in images]
    first = info["index_of_first_image"]
    return list(zip(pictures, info["infotexts"], strict=True))[first:]


def test_each_cell_is_what_its_own_run_gives(webui: WebUI) -> None:
    batch = {"batch_size": 2, "sampler_name": "Euler a"}
    # In Neo the first time with a network differs by a level from all others, without us, too.
    for name in UPSCALERS:
        generated(webui, jobs.txt2img(webui, name, **batch))
    found = generated(webui, compared(webui, UPSCALERS, **batch))
    alone: list[tuple[np.ndarray, str]] = []
    for strength in STRENGTHS:
        for name in UPSCALERS:
            job = jobs.txt2img(webui, name, denoising_strength=strength, **batch)
            alone += generated(webui, job)
    assert len(found) == len(alone) == 16
    for (picture, text), (expected, own) in zip(found, alone, strict=True):
        assert text == own
        assert np.array_equal(picture, expected), text


def test_a_name_that_is_not_listed_is_refused(webui: WebUI) -> None:
    answer = webui.post("/sdapi/v1/txt2img", compared(webui, ["Nothing", jobs.OWN]))
    assert answer.status >= 400
    assert webui.logs("an upscaler of Hires. fix")


def test_a_picture_of_this_session_begins_from_its_latent(webui: WebUI) -> None:
    small = webui.post("/sdapi/v1/txt2img", jobs.txt2img(webui, seed=21)).body["images"][0]
    # What is set above the script is not used: all but the target is the picture's.
    other = {"prompt": "a dog", "seed": 5, "steps": 3, "width": 128, "batch_size": 2}
    found = generated(webui, compared(webui, UPSCALERS, small, **other))
    alone: list[tuple[np.ndarray, str]] = []
    for strength in STRENGTHS:
        for name in UPSCALERS:
            job = jobs.txt2img(webui, name, denoising_strength=strength, seed=21)
            alone += generated(webui, job)
    assert len(found) == len(alone) == 8
    for (picture, text), (expected, own) in zip(found, alone, strict=True):
        assert text == own
        assert np.array_equal(picture, expected), text


def test_any_other_picture_is_the_first_pass(webui: WebUI) -> None:
    text = "a cat\nSteps: 2, Sampler: Euler, CFG scale: 2, Seed: 33, Size: 64x64"
    info = PngInfo()
    info.add_text("parameters", text)
    picture = encoded(jobs.sample(), pnginfo=info)
    found = generated(webui, compared(webui, (jobs.OWN, UPSCALERS[0]), picture, seed=1))
    assert len(found) == 4
    assert all("Seed: 33" in said for _, said in found)
    assert all(pixels.shape == (128, 128, 3) for pixels, _ in found)
    log = len(webui.log)
    bare = encoded(jobs.sample())
    assert (
        webui.post("/sdapi/v1/txt2img", compared(webui, UPSCALERS, bare, prompt="")).status >= 400
    )
    assert webui.logs("or a prompt above", log)


@pytest.mark.browser
def test_a_picture_of_the_gallery_begins_a_comparison(webui: WebUI, page: Page) -> None:
    paste(page, PASTED.format("Latent (Mitchell)").partition(", Denoising")[0])
    generate(webui, page)
    page.locator("#txt2img_compare_in_hires_fix").click()
    note = page.locator("#upscaler_lab_finished_picture_note").first
    expect(note).to_contain_text("64x64, seed 11")
    page.locator("#upscaler_lab_finished_strengths textarea").fill("0.5")
    page.locator("#txt2img_prompt textarea").fill("another prompt")
    page.locator("#txt2img_generate").click()
    expect(page.locator("#html_log_txt2img").first).to_contain_text("opens the comparison")
    expect(page.locator("#html_info_txt2img").first).to_contain_text("a cat")
    page.locator("#upscaler_lab_show_finished").click()
    expect(page.locator("upscaler-lab-viewer figure[data-key^=e]").first).to_be_visible()


@pytest.mark.browser
def test_the_script_in_the_page(webui: WebUI, page: Page) -> None:
    paste(page, PASTED.format("Latent (Mitchell)"))
    choose(page, "script_list", "Compare upscalers in Hires. fix")
    page.locator("#upscaler_lab_finished_strengths textarea").fill("0.4, 0.7")
    note = page.locator("#upscaler_lab_finished_note").first
    expect(note).to_contain_text("by 2 strengths")
    columns = int(note.inner_text().partition(" upscalers by")[0].split()[-1])
    page.locator("#txt2img_generate").click()
    expect(page.locator("#html_log_txt2img").first).to_contain_text("opens the comparison")
    page.locator("#upscaler_lab_show_finished").click()
    viewer = page.locator("upscaler-lab-viewer")
    cells = viewer.locator("figure[data-key^=e]")
    # What another test has compared is shown until this comparison comes.
    expect(cells).to_have_count(2 * columns)
    expect(cells.first).to_be_visible()
    rows: dict[int, int] = {}
    for box in (cell.bounding_box() for cell in cells.all()):
        assert box is not None
        rows[round(box["y"])] = rows.get(round(box["y"]), 0) + 1
    assert sorted(rows.values()) == [columns] * 2, "a row for each strength"
    last = cells.nth(cells.count() - 1)
    last.get_by_role("button", name="Hires. fix").click()
    expect(page.locator("#txt2img_denoising_strength input[type=number]")).to_have_value("0.7")
