"""Everything that a person sees and presses, in a real browser."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from lib_upscalers.hosts.webui.menu_order import hires_menu
from lib_upscalers.ui.webui_controls import HOST_MODE
from tests.models.networks import compact_file
from tests.webui import jobs
from tests.webui.page_parts import (
    PASTED,
    PATIENCE_MS,
    choices,
    choose,
    generate,
    open_tab,
    paste,
    section,
    unfold,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.webui.host import WebUI

pytestmark = pytest.mark.browser
_EXTRAS = "upscaler_lab_extras"


def test_the_hires_dropdown_lists_both_kinds_in_order(webui: WebUI) -> None:
    """What other tests added since the page was built, or took away, is not looked at."""
    now = hires_menu(webui.names("latent-upscale-modes"), webui.names(), ())
    shown = choices(webui, "txt2img_hr_upscaler")
    assert [name for name in shown if name in now] == [name for name in now if name in shown]
    assert {"Latent (Mitchell)", jobs.OWN} <= set(shown)


@pytest.mark.parametrize("name", ["Latent (Mitchell)", jobs.OWN])
def test_infotext_restores_the_name_and_it_is_used(webui: WebUI, page: Page, name: str) -> None:
    paste(page, PASTED.format(name))
    expect(page.locator("#txt2img_hr_upscaler input").first).to_have_value(name)
    files = generate(webui, page)
    assert jobs.opened(files[-1]).size == (128, 128)
    expect(page.locator("#html_info_txt2img").first).to_contain_text(f"Hires upscaler: {name}")


def test_pasting_overrides_the_settings_finishers(webui: WebUI, page: Page) -> None:
    """The picture was not sharpened, so neither is what is made from its infotext."""
    webui.post("/sdapi/v1/options", {"upscaler_lab_sharpen": 1.0})
    try:
        paste(page, PASTED.format("Latent (Mitchell)"))
        text = jobs.opened(generate(webui, page)[-1]).info["parameters"]
    finally:
        webui.post("/sdapi/v1/options", {"upscaler_lab_sharpen": 0.0})
    assert "Hires upscaler: Latent (Mitchell)" in text
    assert "sharpen" not in text


def test_choosing_from_the_dropdown(webui: WebUI, page: Page) -> None:
    paste(page, PASTED.format("Latent (area)"))
    choose(page, "txt2img_hr_upscaler", "Latent (Lanczos3)")
    expect(page.locator("#upscaler_lab_hires_note").first).to_contain_text(re.compile(r"\w{4}"))
    files = generate(webui, page)
    assert "Hires upscaler: Latent (Lanczos3)" in jobs.opened(files[-1]).info["parameters"]


def test_a_network_is_offered_and_pictures_are_generated_while_it_is_made(
    webui: WebUI, page: Page
) -> None:
    paste(page, PASTED.format("Latent (area)"))
    choose(page, "txt2img_hr_upscaler", "Latent (Lab)")
    note = page.locator("#upscaler_lab_hires_note").first
    expect(note).to_contain_text("no network for these latents yet")
    page.locator("#upscaler_lab_hires_fit").first.click()
    expect(note).to_contain_text("minutes to go", timeout=PATIENCE_MS)
    expect(note).to_be_visible()
    assert jobs.opened(generate(webui, page)[-1]).size == (128, 128)
    page.locator("#upscaler_lab_hires_fit_stop").first.click()
    expect(note).to_contain_text("Cancelled", timeout=PATIENCE_MS)
    expect(page.locator("#upscaler_lab_hires_fit_stop").first).to_be_hidden()


@pytest.mark.parametrize("name", ["Latent (Mitchell)", jobs.FOUR])
def test_upscaling_a_finished_picture(webui: WebUI, page: Page, name: str) -> None:
    paste(page, PASTED.format(name))
    page.locator("#txt2img_hr-visible-checkbox").uncheck()
    small = generate(webui, page)
    assert jobs.opened(small[-1]).size == (64, 64)
    large = _press(webui, page, "#txt2img_upscale")
    assert jobs.opened(large[-1]).size == (128, 128)
    assert f"Hires upscaler: {name}" in jobs.opened(large[-1]).info["parameters"]


def _press(webui: WebUI, page: Page, button: str) -> list[Path]:
    from tests.webui.page_parts import new_files

    found = new_files(webui, page.locator(button).first.click)
    expect(page.locator("#txt2img_interrupt")).to_be_hidden(timeout=PATIENCE_MS)
    return found


def _open_extras(page: Page) -> None:
    open_tab(page, "Extras")
    page.locator("#extras_generate").wait_for()


def _ask_for(page: Page, *names: str) -> None:
    unfold(page, _EXTRAS)
    for number, name in enumerate(names, 1):
        choose(page, f"upscaler_lab_upscaler_{number}", name)


def test_our_extras_script(webui: WebUI, page: Page, tmp_path: Path) -> None:
    picture = jobs.sample(40, 24).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((40, 24)))
    picture.save(tmp_path / "in.png")
    _open_extras(page)
    page.locator("#extras_image input[type=file]").set_input_files(tmp_path / "in.png")
    page.locator("#extras_image img").wait_for()
    _ask_for(page, jobs.OWN)
    result = jobs.opened(generate(webui, page, "extras")[-1])
    assert result.size == (80, 48)
    assert np.ptp(np.asarray(result.convert("RGBA"))[..., 3]) > 200
    text = str(result.info)
    assert f"Postprocess upscaler: {jobs.OWN}" in text


def test_a_chain_of_two(webui: WebUI, page: Page, tmp_path: Path) -> None:
    jobs.sample(30, 20).save(tmp_path / "in.png")
    _open_extras(page)
    page.locator("#extras_image input[type=file]").set_input_files(tmp_path / "in.png")
    page.locator("#extras_image img").wait_for()
    _ask_for(page, jobs.OWN, jobs.FOUR)
    result = jobs.opened(generate(webui, page, "extras")[-1])
    assert result.size == (60, 40)
    assert jobs.FOUR in str(result.info)


def test_a_batch_of_files(webui: WebUI, page: Page, tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, size in zip(paths, [(24, 16), (16, 24)], strict=True):
        jobs.sample(*size).save(path)
    _open_extras(page)
    page.locator("#mode_extras").get_by_text("Batch Process", exact=True).first.click()
    page.locator("#extras_image_batch input[type=file]").set_input_files(paths)
    # Gradio 4.40 shows a name and its ending apart.
    named = page.locator("#extras_image_batch").filter(has_text=re.compile(r"b\s*\.png"))
    named.first.wait_for()
    _ask_for(page, jobs.OWN)
    generate(webui, page, "extras")
    sizes = {jobs.opened(path).size for path in webui.results("*.png")[-2:]}
    assert sizes == {(48, 32), (32, 48)}


def test_a_folder_with_other_files_in_it(webui: WebUI, page: Page, tmp_path: Path) -> None:
    """A text file, an animated GIF and a palette picture among pictures."""
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    jobs.sample(24, 16).save(source / "a.png")
    (source / "notes.txt").write_text("no picture", encoding="utf-8")
    frames = [jobs.sample(16, 16).rotate(90 * turn) for turn in range(3)]
    frames[0].save(source / "b.gif", save_all=True, append_images=frames[1:])
    jobs.sample(20, 20).convert("P").save(source / "c.png")
    _open_extras(page)
    page.locator("#mode_extras").get_by_text("Batch from Directory", exact=True).first.click()
    page.locator("#extras_batch_input_dir textarea").fill(str(source))
    page.locator("#extras_batch_output_dir textarea").fill(str(target))
    _ask_for(page, jobs.OWN)
    page.locator("#extras_generate").click()
    expect(page.locator("#extras_gallery img")).not_to_have_count(0)
    expect(page.locator("#extras_interrupt")).to_be_hidden()
    sizes = Counter(jobs.opened(path).size for path in target.iterdir())
    assert sizes == Counter([(48, 32), (32, 32), (40, 40)])


def test_two_ticked_scripts_say_what_they_do_together(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    jobs.sample(40, 24).save(path)
    _open_extras(page)
    page.locator("#extras_image input[type=file]").set_input_files(path)
    unfold(page, _EXTRAS)
    note = page.locator("#upscaler_lab_extras_order").first
    choose(page, "upscaler_lab_upscaler_1", "Lanczos")
    expect(note).not_to_contain_text("ticked")
    choose(page, "extras_upscaler_1", jobs.TWO)
    expect(note).to_contain_text("40 x 24 → Upscale → 160 x 96 → Upscaler Lab → 320 x 192")


def test_the_button_finds_new_files(webui: WebUI, page: Page) -> None:
    compact_file(webui.data / "models" / "upscale_models" / "Test button.safetensors", seed=8)
    _open_extras(page)
    unfold(page, _EXTRAS)
    page.locator("#upscaler_lab_refresh").first.click()
    page.wait_for_timeout(3000)
    choose(page, "upscaler_lab_upscaler_1", "Test button")
    assert webui.names().count("Test button") == 1


def test_the_accordion_of_img2img_shows_when_it_counts(page: Page) -> None:
    open_tab(page, "img2img")
    expect(page.locator("#upscaler_lab_latent_resize")).to_be_hidden()
    page.locator("#resize_mode label").last.click()
    choose(page, "upscaler_lab_latent_mode", "Latent (bislerp)")
    expect(page.locator("#upscaler_lab_latent_note").first).to_contain_text(re.compile(r"\w{4}"))


def test_pasting_sets_the_accordion_of_img2img(page: Page) -> None:
    """What an infotext does not name was off."""
    plain = PASTED.partition(", Denoising")[0]
    mode = page.locator("#upscaler_lab_latent_mode input").first
    sharpen = page.locator("#upscaler_lab_latent_resize input[type=number]").first
    open_tab(page, "img2img")
    paste(page, f"{plain}, Latent resize: Latent (area), Latent resize sharpen: 0.5", "img2img")
    expect(mode).to_have_value("Latent (area)")
    expect(sharpen).to_have_value("0.5")
    paste(page, plain, "img2img")
    expect(mode).to_have_value(HOST_MODE)
    expect(sharpen).to_have_value("0")


def test_the_section_of_the_settings(webui: WebUI, page: Page) -> None:
    shown = section(page, "Upscaler Lab")
    expect(shown).to_be_visible()
    for words in ("More folders", "Tile", "Precision", "Latent modes to hide"):
        expect(shown.get_by_text(words).first).to_be_visible()
    number = shown.locator("#setting_upscaler_lab_overlap input[type=number]")
    number.fill("16")
    number.press("Tab")
    page.locator("#settings_submit").click()
    expect(page.locator("#settings_result").first).to_contain_text("upscaler_lab_overlap")
    saved = json.loads((webui.data / "config.json").read_text(encoding="utf-8"))
    assert saved["upscaler_lab_overlap"] == 16
    webui.post("/sdapi/v1/options", {"upscaler_lab_overlap": 0})


def test_axes(webui: WebUI) -> None:
    axes = choices(webui, "script_txt2img_xyz_plot_x_type")
    assert "[Upscaler Lab] Latent resize" in choices(webui, "script_img2img_xyz_plot_x_type")
    assert "[Upscaler Lab] Latent resize" not in axes
    assert len([name for name in axes if name.startswith("[Upscaler Lab]")]) > 3
    assert len(axes) == len(set(axes))


@pytest.mark.parametrize(
    ("tab", "axis", "values"),
    [
        ("txt2img", "Hires upscaler", ["Latent (Mitchell)", "Latent (area)", jobs.OWN]),
        ("img2img", "[Upscaler Lab] Latent resize", ["Latent (Mitchell)", "Latent (area)"]),
        ("txt2img", "[Upscaler Lab] Hires. fix: sharpen the latent", ["0", "1"]),
    ],
)
def test_a_grid(webui: WebUI, tab: str, axis: str, values: list[str]) -> None:
    number = choices(webui, f"script_{tab}_xyz_plot_x_type").index(axis)
    info = {each["name"]: each for each in webui.get("/sdapi/v1/script-info").body}
    controls = info["x/y/z plot"]["args"]
    arguments = [each["value"] or "sub images" in each["label"].lower() for each in controls]
    listed = axis != "[Upscaler Lab] Hires. fix: sharpen the latent"
    arguments[:3] = [number, ", ".join(values), values if listed else []]
    arguments[3] = arguments[6] = 0
    job = jobs.img2img() if tab == "img2img" else jobs.txt2img(webui, "Latent (Mitchell)")
    more = {"script_name": "x/y/z plot", "script_args": arguments}
    pictures, _ = jobs.generate(webui, tab, {**job, **more})
    cells = [picture.tobytes() for picture in pictures if picture.shape == (128, 128, 3)]
    assert len(set(cells)) == len(values)


def test_an_idle_page_asks_for_nothing(page: Page) -> None:
    """An event that its own answer causes again would keep the page and the WebUI busy for ever."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.url} {request.post_data}"))
    page.on("websocket", lambda socket: asked.append(socket.url))
    for _ in range(PATIENCE_MS // 3000):
        asked.clear()
        page.wait_for_timeout(3000)
        if not asked:
            return
    pytest.fail("\n".join(asked))


def test_no_script_of_the_page_fails(webui: WebUI, page: Page) -> None:
    faults: list[str] = []
    said = len(webui.log)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.reload()
    page.locator("#txt2img_generate").wait_for()
    _open_extras(page)
    unfold(page, _EXTRAS)
    page.wait_for_timeout(1000)
    assert faults == []
    assert webui.complaints(said) == []
