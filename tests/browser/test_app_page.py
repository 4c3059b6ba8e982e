"""The app as a person uses it, in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect

from lib_upscalers import StandaloneHost, Target, Upscaler, read_picture
from lib_upscalers.geometry import Size
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.ui.sample import HEIGHT, WIDTH, draw_sample
from tests.browser.viewer_page import (
    PATIENCE_MS,
    ask,
    button,
    cell,
    compare,
    drawn,
    drop,
    expected_pixels,
    open_accordion,
    result_file,
    settle,
    shown_pixels,
    take_sample,
    viewer,
    zoom_to,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_MS / 2)
NETWORK = next(c.name for c in Upscaler(StandaloneHost()).choices() if c.kind == "network")


def test_the_pixels_of_every_cell_are_those_of_its_result(page: Page) -> None:
    assert [e["name"] for e in ask(page, "v.session.entries")] == ["Nearest", "Lanczos", NETWORK]
    take_sample(page)
    compare(page)
    sample = draw_sample().pixels
    assert np.array_equal(result_file(page, 0), sample.repeat(2, 0).repeat(2, 1)), "lossless"
    for zoom in (4, 8, 32):
        view = zoom_to(page, 201.3, 99.7, zoom)
        assert view["zoom"] == zoom
        for index in range(3):
            seen = shown_pixels(page, f"e{index}")
            wanted = expected_pixels(result_file(page, index), view, seen.shape, 2 * WIDTH)
            assert np.array_equal(seen[..., :3], wanted)
        seen = shown_pixels(page, "source")
        wanted = expected_pixels(sample, view, seen.shape, 2 * WIDTH)
        assert np.array_equal(seen[..., :3], wanted), "the input at matching size"
    for name in ("Nearest", "Lanczos", NETWORK):
        expect(cell(page, name)).to_contain_text(re.compile(rf"{2 * WIDTH} . {2 * HEIGHT}.* s"))
    with page.expect_download() as download:
        cell(page, "Lanczos").get_by_role("link", name="Download PNG").click()
    assert download.value.suggested_filename.endswith(f"-Lanczos-{2 * WIDTH}x{2 * HEIGHT}.png")
    assert np.array_equal(read_picture(download.value.path()).pixels, result_file(page, 1))


def test_zoom_and_pan_by_wheel_mouse_and_keys(page: Page) -> None:
    take_sample(page)
    compare(page)
    port = cell(page, "Lanczos").locator(".port")
    box = port.bounding_box()
    assert box
    spot = {"x": box["width"] * 0.3, "y": box["height"] * 0.6}
    held = "(at => ({x: v.stage.view.x + (at.x - v.stage.cell.width / 2) / v.stage.view.zoom,"
    held += f" zoom: v.stage.view.zoom}}))({json.dumps(spot)})"
    zoom_to(page, WIDTH, HEIGHT, 3)
    before = ask(page, held)
    port.hover(position={"x": spot["x"], "y": spot["y"]})
    page.mouse.wheel(0, -700)
    page.wait_for_function(
        "z => document.querySelector('upscaler-lab-viewer').stage.view.zoom > z * 2",
        arg=before["zoom"],
    )
    after = ask(page, held)
    assert abs(after["x"] - before["x"]) < 2, "what is under the pointer stays there"
    x = ask(page, "v.stage.view.x")
    page.mouse.down()
    page.mouse.move(box["x"] + spot["x"] - 40, box["y"] + spot["y"], steps=4)
    page.mouse.up()
    moved = ask(page, "v.stage.view.x") - x
    assert moved == pytest.approx(40 / after["zoom"], rel=0.05)
    port.dblclick(position={"x": spot["x"], "y": spot["y"]})
    assert ask(page, "v.stage.view.zoom") == pytest.approx(1)
    stage = viewer(page).locator(".stage")
    stage.focus()
    for key, check in (("+", "> 1.2"), ("0", "< 1"), ("*", "== 1"), ("-", "< 1")):
        page.keyboard.press(key)
        assert ask(page, f"v.stage.view.zoom {check}"), key
    zoom_to(page, WIDTH, HEIGHT, 8)
    page.keyboard.press("ArrowRight")
    assert ask(page, "v.stage.view.x") > WIDTH


def test_a_test_on_the_picture_has_figures_and_all_views(page: Page) -> None:
    page.get_by_label("Test on this picture").click()
    page.get_by_label("3", exact=True).click()
    take_sample(page)
    compare(page)
    expect(viewer(page).locator(".notes")).to_contain_text("shrunk 3x by Bicubic")
    table = viewer(page).locator("table").first
    expect(table.locator("tbody tr")).to_have_count(3)
    table.get_by_role("button", name=re.compile("^PSNR")).click()
    expect(table.locator("tbody tr").first).to_contain_text(NETWORK)
    assert table.locator("td.best").count() > 3
    sample = draw_sample().pixels
    truth, results = sample, [result_file(page, index) for index in range(3)]
    view = zoom_to(page, 100, 70, 4)

    button(page, "Difference").click()
    drawn(page)
    view = zoom_to(page, 100, 70, 4)
    seen = shown_pixels(page, "e1")
    wanted = [
        expected_pixels(each, view, seen.shape, WIDTH).astype(int) for each in (results[1], truth)
    ]
    assert np.array_equal(seen[..., :3], np.minimum(255, 8 * abs(wanted[0] - wanted[1])))
    viewer(page).locator("input[type=range]").fill("5")
    drawn(page)
    seen = shown_pixels(page, "e1")
    assert np.array_equal(seen[..., :3], np.minimum(255, 5 * abs(wanted[0] - wanted[1])))
    assert (seen[..., 3] == 255).all()

    button(page, "Slider").click()
    drawn(page)
    view = zoom_to(page, 100, 70, 8)
    seen = shown_pixels(page, "pair")
    half = seen.shape[1] // 2
    left = expected_pixels(truth, view, seen.shape, WIDTH)
    right = expected_pixels(results[2], view, seen.shape, WIDTH)
    assert np.array_equal(seen[:20, : half - 20, :3], left[:20, : half - 20])
    assert np.array_equal(seen[:20, half + 20 :, :3], right[:20, half + 20 :])
    viewer(page).locator(".stage").focus()
    page.keyboard.press("[")
    assert ask(page, "v.settings.split") == pytest.approx(0.45)
    for _ in range(30):
        page.keyboard.press("]")
    page.wait_for_function("() => !document.querySelector('upscaler-lab-viewer').stage.waiting")
    seen = shown_pixels(page, "pair")
    assert ask(page, "v.settings.split") == 1
    assert np.array_equal(seen[:20, half + 20 : -20, :3], left[:20, half + 20 : -20])

    button(page, "Blink").first.click()
    stage = viewer(page).locator(".stage")
    stage.focus()
    names = []
    for key in (" ", "2", " ", "1"):
        page.keyboard.press(key)
        names.append(viewer(page).locator(".caption b").inner_text())
    assert names == [f"B: {NETWORK}", "B: Lanczos", "A: Original", "A: Nearest"]

    button(page, "Lens").click()
    drawn(page)
    ask(page, "v.stage.fit()")
    ask(page, "v.stage.point({x: v.stage.cell.width / 2, y: v.stage.cell.height / 2})")
    page.wait_for_function("() => !document.querySelector('upscaler-lab-viewer').stage.waiting")
    viewer(page).get_by_label("Magnified").fill("7")
    page.wait_for_function("() => !document.querySelector('upscaler-lab-viewer').stage.waiting")
    zoom, lens = ask(page, "[v.stage.view.zoom, v.settings.lens]")
    assert lens == 7
    seen = shown_pixels(page, "e2")
    closer = expected_pixels(results[2], {"x": 96, "y": 72, "zoom": zoom * lens}, seen.shape, WIDTH)
    middle = np.s_[seen.shape[0] // 2 - 15 : seen.shape[0] // 2 + 15, seen.shape[1] // 2 - 15 :][:2]
    agree = (seen[middle][:, :30, :3] == closer[middle][:, :30]).all(axis=2)
    assert agree.mean() > 0.95


def test_a_blind_test_keeps_names_secret_until_the_end(page: Page, home: Path) -> None:
    take_sample(page)
    compare(page)
    button(page, "Blind test").click()
    text = "v.shadowRoot.querySelector('.stage').textContent"
    for number in (1, 2, 3):
        blind = viewer(page).locator(".blind")
        expect(blind).to_contain_text(f"{number} of 3")
        assert ask(page, text) == "LeftRight"
        assert not viewer(page).locator("table").first.is_visible() or number < 1
        left = ask(page, "v.pair[0].label")
        winner = "◀ Left" if left == "Lanczos" else "Right ▶"
        if "Lanczos" not in ask(page, "v.pair.map(({label}) => label)"):
            winner = "Both alike"
        button(page, winner).click()
    tally = viewer(page).locator(".blind tbody tr")
    expect(tally).to_have_count(3)
    expect(tally.first).to_contain_text("Lanczos")
    expect(tally.first).to_contain_text("2 of 2")
    button(page, "Another round").click()
    expect(viewer(page).locator(".blind")).to_contain_text("1 of 3")
    (stored,) = home.rglob("blind-picks.json")
    picks = json.loads(stored.read_text("utf-8"))["picks"]
    assert [each["better"] for each in picks if not each["half"]] == ["Lanczos"] * 2


def test_transparency_and_a_hostile_name(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>&.png"
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 4), np.uint8)
    text = PngInfo()
    text.add_text("parameters", "<img src=x onerror=alert(7)>")
    Image.fromarray(pixels).save(path, pnginfo=text)
    drop(page, path)
    compare(page)
    result = result_file(page, 0)
    assert np.array_equal(result[..., 3], pixels[..., 3].repeat(2, 0).repeat(2, 1))
    assert page.locator("img[onerror]").count() == 0
    ask(
        page,
        """v.show({...v.session, title: "<img src=x onerror=alert(2)>",
            notes: ["<img src=x onerror=alert(3)>"], settings: "<script>alert(4)</script>",
            entries: v.session.entries.map((e, i) => ({...e,
                name: `<img src=x onerror=alert(5)>${i}`,
                architecture: "<b>x</b>", licence: "<script>alert(6)</script>"}))})""",
    )
    for mode in ("Slider", "Difference", "Grid"):
        button(page, mode).click()
    assert viewer(page).locator("img, script, b b").count() == 0
    expect(viewer(page).locator(".notes")).to_contain_text("<img src=x onerror=alert(3)>")


def test_what_is_wrong_is_told(page: Page, tmp_path: Path) -> None:
    said = page.locator("#upscaler-lab-said [role=alert]")
    button(page, "Compare").click()
    expect(said).to_contain_text("no picture yet")
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing of use")
    drop(page, path)
    button(page, "Compare").click()
    expect(said).to_contain_text("damaged", timeout=PATIENCE_MS)
    expect(button(page, "Compare")).to_be_enabled()
    page.get_by_label("or width (0: by scale)").fill("-5")
    button(page, "Compare").click()
    expect(said).to_contain_text("Expected a width of 0 or more whole pixels, but got -5")
    expect(button(page, "Compare")).to_be_enabled()


def test_an_input_that_gradio_refuses_leaves_the_button_alive(page: Page) -> None:
    page.route("**/queue/join*", _with_an_unknown_upscaler)
    take_sample(page)
    button(page, "Compare").click()
    expect(page.get_by_text("reload the page").first).to_be_visible()
    expect(button(page, "Compare")).to_be_enabled()


def _with_an_unknown_upscaler(route: Route) -> None:
    """Send a request on as if the page had a name that its server does not have any more."""
    sent = route.request.post_data or ""
    route.continue_(post_data=sent.replace('"Lanczos"', '"Of yesterday"'))


@pytest.mark.parametrize("size", [(1, 1), (20000, 4)])
def test_the_smallest_and_the_widest(page: Page, tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "extreme.png"
    Image.new("RGB", size, (200, 80, 40)).save(path)
    drop(page, path)
    compare(page)
    assert [e["state"] for e in ask(page, "v.session.entries")] == ["finished"] * 3
    view = zoom_to(page, 1, 1, 8)
    seen = shown_pixels(page, "e0")
    middle = seen[seen.shape[0] // 2, seen.shape[1] // 2]
    assert middle.tolist() == [200, 80, 40, 255]
    assert view["zoom"] == 8


def test_of_an_animation_the_first_frame_is_taken_and_that_is_said(
    page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "moves.gif"
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "blue", "lime")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    drop(page, path)
    compare(page)
    expect(viewer(page).locator(".notes")).to_contain_text("3 frames: the first is taken")
    assert (result_file(page, 0)[..., :3] == (255, 0, 0)).all()


def test_too_little_memory_is_told_before_the_work(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("L", (8000, 8000), 90).save(path)
    for label in ("or width (0: by scale)", "and height"):
        page.get_by_label(label).fill("500000")
        page.get_by_label(label).press("Tab")
    drop(page, path)
    button(page, "Compare").click()
    said = page.locator("#upscaler-lab-said [role=alert]")
    expect(said).to_contain_text(re.compile(r"500000x500000 take up to [\d.]+ GiB.*are free"))
    for name in ("Nearest", "Lanczos", NETWORK):
        expect(cell(page, name).get_by_role("alert")).to_contain_text("choose a smaller scale")


def test_settings_as_text(page: Page) -> None:
    open_accordion(page, "Settings as text")
    text = page.get_by_label("What “Copy settings” copied, here or elsewhere")
    said = page.locator("#upscaler-lab-said [role=alert]")
    newer = {"upscaler-lab": 2, "upscalers": ["Box", "Mitchell"]}
    text.fill(json.dumps(newer))
    button(page, "Apply").click()
    expect(said).to_contain_text("newer version")
    wanted = {
        "upscaler-lab": 1,
        "version": "0.0.1",
        "upscalers": ["Box", "<b>gone</b>", "Hermite"],
        "scale": 1.5,
    }
    text.fill(json.dumps(wanted))
    button(page, "Apply").click()
    expect(said).to_contain_text("Not there: <b>gone</b>.")
    take_sample(page)
    compare(page)
    assert [e["name"] for e in ask(page, "v.session.entries")] == ["Box", "Hermite"]
    upscaler = Upscaler(StandaloneHost())
    expected = upscaler.run(draw_sample(), upscaler.find("Hermite"), Target(scale=1.5))
    assert np.array_equal(result_file(page, 1), expected.picture.pixels)


def test_cancel_keeps_what_is_done_and_a_reload_brings_it_back(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    shade = np.linspace(0, 255, 1600).astype(np.uint8)
    Image.fromarray(np.add.outer(shade, shade)).convert("RGB").save(path)
    drop(page, path)
    button(page, "Compare").click()
    expect(cell(page, NETWORK).locator("progress")).to_be_visible(timeout=PATIENCE_MS)
    button(page, "Cancel").click()
    settle(page)
    states = ["finished", "finished", "stopped"]
    assert [e["state"] for e in ask(page, "v.session.entries")] == states
    expect(cell(page, NETWORK)).to_contain_text("Cancelled.")
    expect(button(page, "Cancel")).to_be_disabled()
    name = ask(page, "v.session.name")
    page.reload()
    page.wait_for_function(
        "name => document.querySelector('upscaler-lab-viewer')?.session?.name === name", arg=name
    )
    assert [e["state"] for e in ask(page, "v.session.entries")] == states
    with page.expect_download() as download:
        button(page, "CSV").click()
    assert "Lanczos" in download.value.path().read_text(encoding="utf-8")


def _states_on_disk(home: Path) -> list[str]:
    """Return how far each upscaler of the latest comparison is, as it is stored."""
    files = sorted(home.rglob("sessions/*.json"), key=lambda file: file.stat().st_mtime)
    return [entry["state"] for entry in json.loads(files[-1].read_text("utf-8"))["entries"]]


def test_work_stops_when_its_tab_is_closed(
    page: Page, browser: Browser, app: str, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "large.png"
    shade = np.linspace(255, 0, 2600).astype(np.uint8)
    Image.fromarray(np.add.outer(shade, shade)).convert("RGB").save(path)
    other = browser.new_context()
    tab = other.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(app)
    button(tab, "Sample picture").wait_for()
    drop(tab, path)
    button(tab, "Compare").click()
    expect(cell(tab, NETWORK).locator("progress")).to_be_visible(timeout=PATIENCE_MS)
    other.close()
    for _ in range(PATIENCE_MS // 200):
        if _states_on_disk(home)[2] not in {"waiting", "running"}:
            break
        page.wait_for_timeout(200)
    assert _states_on_disk(home) == ["finished", "finished", "stopped"]


def test_two_fingers_zoom_all_cells(app: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(app)
    button(page, "Sample picture").wait_for()
    take_sample(page)
    compare(page)
    port = cell(page, "Lanczos").locator(".port")
    port.scroll_into_view_if_needed()
    box = port.bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = ask(page, "v.stage.view.zoom")
    session = context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchEnd", 0)):
        places = [middle[0] - apart, middle[0] + apart] if apart else []
        points = [{"x": x, "y": middle[1], "id": i} for i, x in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert ask(page, "v.stage.view.zoom") == pytest.approx(4 * before, rel=0.1)
    context.close()


def test_two_tabs_do_not_mix(page: Page, browser: Browser, app: str) -> None:
    other = page.context.new_page()
    other.set_default_timeout(PATIENCE_MS)
    other.goto(app)
    button(other, "Sample picture").wait_for()
    take_sample(page)
    take_sample(other)
    other.get_by_label("Test on this picture").click()
    button(page, "Compare").click()
    button(other, "Compare").click()
    for each in (page, other):
        each.wait_for_function(
            "() => !!document.querySelector('upscaler-lab-viewer').session?.name"
        )
        settle(each)
    assert ask(page, "v.session.trial") == ""
    assert "shrunk" in ask(other, "v.session.trial")
    other.close()


def test_the_last_comparison_does_not_replace_one_that_came_before_it(page: Page) -> None:
    """A WebUI's button shows a new one in a page whose viewer asks for the last one meanwhile."""
    take_sample(page)
    button(page, "Compare").click()
    settle(page)
    name, show = ask(page, "v.session.name"), "v.show({...v.session, name: 'older'})"
    ask(page, "v.asked = 'older'")
    ask(page, show)
    assert ask(page, "v.session.name") == name
    ask(page, show)
    assert ask(page, "v.session.name") == "older"


def test_a_failure_stays_in_its_cell(page: Page, models: Path) -> None:
    network = next(c for c in Upscaler(StandaloneHost()).choices() if c.name == NETWORK)
    assert network.path
    copy = models / f"short-lived{network.path.suffix}"
    shutil.copy(network.path, copy)
    open_accordion(page, "Networks")
    button(page, "Look again").click()
    # Gradio 3.41 gives the name to two elements.
    expect(page.locator("#lab-networks").first).to_contain_text("short-lived")
    open_accordion(page, "Settings as text")
    names = ["Nearest", "short-lived", "Lanczos"]
    page.get_by_label("What “Copy settings” copied, here or elsewhere").fill(
        json.dumps({"upscaler-lab": 1, "upscalers": names})
    )
    button(page, "Apply").click()
    expect(page.locator("#upscaler-lab-names")).to_contain_text("short-lived")
    copy.unlink()
    take_sample(page)
    compare(page)
    assert [e["state"] for e in ask(page, "v.session.entries")] == [
        "finished",
        "failed",
        "finished",
    ]
    expect(cell(page, "short-lived").get_by_role("alert")).to_contain_text("short-lived")


@pytest.mark.skipif("UPSCALER_LAB_TAB_PYTHON" in os.environ, reason="the app's own page")
def test_a_page_that_is_loaded_again_has_new_files(page: Page, models: Path) -> None:
    network = next(c for c in Upscaler(StandaloneHost()).choices() if c.name == NETWORK)
    assert network.path
    copy, empty = models / f"newcomer{network.path.suffix}", models / "of nothing.pth"
    shutil.copy(network.path, copy)
    empty.touch()
    page.reload()
    open_accordion(page, "Networks")
    expect(page.locator("#lab-networks")).to_contain_text("newcomer")
    expect(page.locator("#lab-networks")).to_contain_text("of nothing.pth")
    for section, label in (("", "Upscalers (1 to 12)"), ("Folders", "Upscaler of the folder")):
        if section:
            open_accordion(page, section)
        page.get_by_label(label).first.click()
        expect(page.get_by_role("option", name="newcomer").first).to_be_visible()
        page.keyboard.press("Escape")
    copy.unlink()
    empty.unlink()


def fill_folders(page: Page, base: Path) -> None:
    """Type both folders; again if the form was filled as it was last between the two."""
    boxes = [
        (page.locator(f"#lab-folder-{name} :is(input, textarea)"), str(base / name))
        for name in ("source", "results")
    ]
    for _ in range(20):
        for box, path in boxes:
            box.fill(path)
        page.wait_for_timeout(500)
        if all(box.input_value() == path for box, path in boxes):
            return
    pytest.fail("the form does not keep what is typed")


@pytest.mark.skipif("UPSCALER_LAB_TAB_PYTHON" in os.environ, reason="the app's own page")
def test_a_page_that_is_loaded_again_has_the_folders_of_the_last_run(
    page: Page, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        (tmp_path / name / "source").mkdir(parents=True)
        open_accordion(page, "Folders")
        fill_folders(page, tmp_path / name)
        page.locator("#lab-folder-start").click()
        expect(page.locator("#lab-folder-status")).to_contain_text(name)
        page.reload()
        open_accordion(page, "Folders")
        source = page.locator("#lab-folder-source :is(input, textarea)")
        expect(source).to_have_value(str(tmp_path / name / "source"))
        page.reload()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light"), (1920, "dark")])
def test_nothing_is_wider_than_the_window(page: Page, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    take_sample(page)
    compare(page)
    for mode in ("Grid", "Slider", "Difference"):
        button(page, mode).click()
        drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_several_pictures(page: Page, browser: Browser, tmp_path: Path) -> None:
    open_accordion(page, "Several pictures")
    button(page, "Test on all of them").click()
    said = page.locator("#upscaler-lab-said .lab-alert")
    expect(said).to_be_in_viewport()
    expect(said).to_contain_text("Expected 1 to 50 pictures")
    paths = []
    for index in range(3):
        paths.append(tmp_path / f"{index}.png")
        pixels = np.roll(draw_sample().pixels, 17 * index, axis=1)
        Image.fromarray(pixels).save(paths[-1])
    page.locator("input[type=file][multiple]:not([webkitdirectory])").set_input_files(paths)
    expect(page.locator(".file-preview tr")).to_have_count(3)
    _test_on_all(page, browser, tmp_path / "three.html")
    expect(page.get_by_label("Test on this picture")).to_be_checked()


def test_a_folder_of_pictures(page: Page, browser: Browser, tmp_path: Path) -> None:
    page.get_by_label("Test on this picture").click()
    open_accordion(page, "Several pictures")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("not a picture")
    _take_folder(page, folder)
    expect(page.locator("#upscaler-lab-said").first).to_contain_text("none of 1 files")
    for index in range(3):
        Image.fromarray(draw_sample().pixels[:, 20 * index :]).save(folder / f"{index}.png")
    _take_folder(page, folder)
    expect(page.locator(".file-preview tr")).to_have_count(3)
    _test_on_all(page, browser, tmp_path / "three.html")


def _take_folder(page: Page, folder: Path) -> None:
    with page.expect_file_chooser() as chooser:
        button(page, "Take a folder").click()
    chooser.value.set_files(folder)


def _test_on_all(page: Page, browser: Browser, report: Path) -> None:
    button(page, "Test on all of them").click()
    expect(viewer(page).locator("[role=status]").filter(has_text="3 of 3")).to_be_visible(
        timeout=PATIENCE_MS
    )
    expect(viewer(page).locator(".plot").first).to_be_visible()
    expect(page.get_by_role("link", name="Download figures.csv")).to_be_visible(timeout=PATIENCE_MS)
    plots = viewer(page).locator(".plot").count()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download figures.html").click()
    download.value.save_as(report)
    alone = browser.new_context(offline=True).new_page()
    alone.goto(report.as_uri())
    expect(viewer(alone).locator("[role=status]").filter(has_text="3 of 3")).to_be_visible()
    assert viewer(alone).locator(".plot").count() == plots > 0
    alone.context.close()


def test_a_report_needs_nothing_else(page: Page, browser: Browser, tmp_path: Path) -> None:
    take_sample(page)
    compare(page)
    with page.expect_download() as download:
        button(page, "Report").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    context = browser.new_context(offline=True)
    report = context.new_page()
    faults: list[str] = []
    report.on("pageerror", lambda error: faults.append(str(error)))
    report.on("console", lambda message: faults.append(message.text))
    report.goto(path.as_uri())
    drawn(report)
    view = zoom_to(report, 200, 100, 8)
    seen = shown_pixels(report, "e0")
    nearest = draw_sample().pixels.repeat(2, 0).repeat(2, 1)
    assert np.array_equal(seen[..., :3], expected_pixels(nearest, view, seen.shape, 2 * WIDTH))
    report.set_viewport_size({"width": 390, "height": 800})
    assert report.evaluate("document.documentElement.scrollWidth") <= 390
    assert faults == []
    context.close()
    plain = browser.new_context(offline=True, java_script_enabled=False).new_page()
    plain.goto(path.as_uri())
    expect(plain.get_by_text("open it in a browser")).to_be_visible()
    expect(plain.get_by_role("cell", name="Nearest")).to_be_visible()
    plain.context.close()


def test_only_results_are_served(page: Page) -> None:
    """The web server hands out no other file of this computer."""
    secret = Path(__file__).resolve()
    for prefix in ("gradio_api/file=", "file="):
        answer = page.request.get(urljoin(page.url, prefix + secret.as_posix()))
        assert answer.status in {403, 404}


def test_an_exact_size_and_one_to_fit_into(page: Page) -> None:
    for label, side in (("or width (0: by scale)", "301"), ("and height", "200")):
        page.get_by_label(label).fill(side)
        page.get_by_label(label).press("Tab")
    take_sample(page)
    for fit, size in ((True, Size(WIDTH, HEIGHT).fitted_into(301, 200)), (False, Size(301, 200))):
        page.get_by_label("Keep the shape").set_checked(fit)
        compare(page)
        wanted = resample_pixels(draw_sample().pixels, size, "Lanczos")
        assert np.array_equal(result_file(page, 1), wanted)


def test_a_result_is_used_elsewhere_in_the_page(tab: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(tab)
    take_sample(page)
    compare(page)
    cell(page, "Lanczos").get_by_role("button", name="Extras").click()
    expect(page.locator("#extras_name textarea, #extras_name input")).to_have_value("Lanczos")
    expect(page.locator("#extras_scale input")).to_have_value("2")
    page.wait_for_function("() => window.used === true")
    page.close()
