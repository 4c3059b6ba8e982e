"""Models whose latents are packed or have a time axis: FLUX.2, Wan and Qwen-Image.

Only Forge Neo loads them. Each is taken from a checkpoint with its name in the file's name, all in
one file, such as one with random weights; without one its tests are skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.webui import jobs
from tests.webui.page_parts import PASTED, PATIENCE_MS, choose, paste
from tests.webui.test_comparing import compare
from tests.webui.test_finished import STRENGTHS, compared, generated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.webui.host import WebUI

# A part of the file's name -> what the line below Hires. fix calls it.
FAMILIES = {"flux2": "FLUX.2", "wan": "Wan 2.1", "qwen": "Qwen-Image"}
LATENT = ("Latent (Mitchell)", "Latent (Lab)", "Latent (TAESD)")
UPSCALERS = (*LATENT, jobs.OWN)


@pytest.fixture(scope="module", params=list(FAMILIES))
def family(webui: WebUI, request: pytest.FixtureRequest) -> Iterator[str]:
    """Use a checkpoint of one family, and afterwards the one of all other tests."""
    name = str(request.param)
    title = next((each for each in jobs.checkpoints(webui) if name in each.lower()), "")
    if not title:
        pytest.skip(f"there is no checkpoint with “{name}” in its name")
    webui.post("/sdapi/v1/options", {"sd_model_checkpoint": title})
    jobs.generate(webui, "txt2img", jobs.txt2img(webui))
    yield name
    jobs.take_first_checkpoint(webui)


@pytest.mark.parametrize("upscaler", UPSCALERS)
def test_hires(webui: WebUI, family: str, upscaler: str) -> None:
    del family
    pictures, infotext = jobs.generate(webui, "txt2img", jobs.txt2img(webui, upscaler))
    assert pictures[0].shape == (128, 128, 3)
    assert pictures[0].std() > 1
    assert f"Hires upscaler: {upscaler}" in infotext


@pytest.mark.parametrize("mode", LATENT)
def test_img2img(webui: WebUI, family: str, mode: str) -> None:
    del family
    plain, _ = jobs.generate(webui, "img2img", jobs.img2img())
    pictures, infotext = jobs.generate(webui, "img2img", jobs.img2img(mode))
    assert pictures[0].shape == plain[0].shape == (128, 128, 3)
    assert f"{jobs.RESIZE}: {mode}" in infotext


def test_finished_pictures_are_what_their_own_runs_give(webui: WebUI, family: str) -> None:
    del family
    for name in UPSCALERS:
        generated(webui, jobs.txt2img(webui, name))
    found = generated(webui, compared(webui, UPSCALERS))
    alone: list[tuple[np.ndarray, str]] = []
    for strength in STRENGTHS:
        for name in UPSCALERS:
            alone += generated(webui, jobs.txt2img(webui, name, denoising_strength=strength))
    assert len(found) == len(alone) == len(UPSCALERS) * len(STRENGTHS)
    for (picture, text), (expected, own) in zip(found, alone, strict=True):
        assert text == own
        assert np.array_equal(picture, expected), text


@pytest.mark.browser
def test_a_comparison_leaves_no_trace(
    webui: WebUI, family: str, page: Page, tmp_path: Path
) -> None:
    """Some models take what was encoded last for a reference of the next prompt."""
    del family
    before, _ = jobs.generate(webui, "txt2img", jobs.txt2img(webui))
    jobs.sample().save(tmp_path / "a.png")
    assert len(compare(page, tmp_path / "a.png", list(UPSCALERS))) == len(UPSCALERS)
    after, _ = jobs.generate(webui, "txt2img", jobs.txt2img(webui))
    assert np.array_equal(before[0], after[0])


@pytest.mark.browser
def test_the_line_names_the_family_and_offers_a_network(family: str, page: Page) -> None:
    paste(page, PASTED.format("Latent (area)"))
    choose(page, "txt2img_hr_upscaler", "Latent (Lab)")
    note = page.locator("#upscaler_lab_hires_note").first
    expect(note).to_contain_text(
        {"flux2": "FLUX.2", "wan": "Wan 2.1", "qwen": "Qwen-Image"}[family]
    )
    if family == "flux2":
        expect(note).to_contain_text("Our network")
        return
    page.locator("#upscaler_lab_hires_fit").first.click()
    expect(note).to_contain_text("minutes to go", timeout=PATIENCE_MS)
    page.locator("#upscaler_lab_hires_fit_stop").first.click()
    expect(note).to_contain_text("Cancelled", timeout=PATIENCE_MS)
