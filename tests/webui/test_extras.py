"""The Extras tab's own "Upscale" with our networks, through the API."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.models.networks import compact_file
from tests.webui import jobs
from tests.webui.host import decoded, encoded

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tests.webui.host import WebUI


@pytest.mark.parametrize("name", [jobs.OWN, jobs.FOUR, jobs.TWO])
def test_single_picture(webui: WebUI, name: str) -> None:
    # reForge's own ESRGAN fails below its tiles' overlap of 32 pixels (upscaler_utils.py, 82).
    assert jobs.enlarge(webui, name, jobs.sample(56, 40)).size == (112, 80)


def test_exact_size(webui: WebUI) -> None:
    size = {"resize_mode": 1, "upscaling_resize_w": 100, "upscaling_resize_h": 76}
    picture = jobs.enlarge(webui, jobs.OWN, jobs.sample(50, 38), upscaling_crop=False, **size)
    assert picture.size == (100, 76)


def test_batch_of_files(webui: WebUI) -> None:
    files = [jobs.sample(32, 20), jobs.sample(20, 32)]
    listed = [{"data": encoded(each), "name": f"{i}.png"} for i, each in enumerate(files)]
    job = {"imageList": listed, "upscaler_1": jobs.FOUR, "upscaling_resize": 2}
    answer = webui.post("/sdapi/v1/extra-batch-images", job)
    assert answer.status == 200, answer.text[:500]
    sizes = [decoded(each).size for each in answer.body["images"]]
    assert sizes == [(64, 40), (40, 64)]


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1"])
def test_modes_of_pictures(webui: WebUI, mode: str) -> None:
    picture = jobs.sample(40, 24).convert(mode)
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize((40, 24)))
    result = jobs.enlarge(webui, jobs.OWN, picture)
    assert result.size == (80, 48)
    if mode == "RGBA" and result.mode == "RGBA":
        assert np.ptp(np.asarray(result)[..., 3]) > 200


def test_an_animated_gif(webui: WebUI) -> None:
    frames = [jobs.sample(24, 24).rotate(90 * turn) for turn in range(3)]
    text = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    answer = webui.post("/sdapi/v1/extra-single-image", jobs.extras(jobs.OWN, text))
    assert answer.status == 200, answer.text[:500]
    assert decoded(answer.body["image"]).size == (48, 48)


def test_a_network_deleted_after_it_was_listed(webui: WebUI) -> None:
    assert jobs.GONE in webui.names()
    path = webui.data / "models" / "upscale_models" / f"{jobs.GONE}.safetensors"
    path.unlink()
    job = jobs.extras(jobs.GONE, encoded(jobs.sample(24, 24)))
    answer = webui.post("/sdapi/v1/extra-single-image", job)
    assert answer.status >= 400
    assert jobs.GONE in answer.text
    jobs.enlarge(webui, jobs.OWN, jobs.sample(24, 24))
    webui.post("/upscaler-lab/v1/refresh")
    assert jobs.GONE not in webui.names()


def test_refresh_finds_a_new_file(webui: WebUI) -> None:
    compact_file(webui.data / "models" / "upscale_models" / "Test new.safetensors", seed=5)
    answer = webui.post("/upscaler-lab/v1/refresh")
    assert answer.status == 200
    assert "Test new" in answer.body["upscalers"]
    assert webui.names().count("Test new") == 1
    assert jobs.enlarge(webui, "Test new", jobs.sample(24, 24)).size == (48, 48)


def test_interrupt_stops_within_a_tile_and_progress_is_told(webui: WebUI) -> None:
    """What comes of it is what the WebUI's own upscalers then give: the picture resized.

    A1111's script keeps that in its cache: the next run must not get it.
    """
    picture = jobs.sample(600, 600)
    webui.post("/sdapi/v1/options", {"upscaler_lab_tile": 64})
    try:
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(jobs.enlarge, webui, jobs.FOUR, picture)
            texts = _texts_until_a_tile(webui, running)
            webui.post("/sdapi/v1/interrupt")
            result = running.result()
    finally:
        webui.post("/sdapi/v1/options", {"upscaler_lab_tile": 0})
    assert any(jobs.FOUR in text and "tile" in text for text in texts), texts
    plain = np.asarray(picture.resize((1200, 1200), Image.Resampling.LANCZOS))
    assert result.size == (1200, 1200)
    assert np.abs(np.asarray(result.convert("RGB")).astype(int) - plain).mean() < 1
    again = jobs.enlarge(webui, jobs.FOUR, picture)
    assert np.abs(np.asarray(again.convert("RGB")).astype(int) - plain).mean() > 1


def _texts_until_a_tile(webui: WebUI, running: Future[Image.Image]) -> list[str]:
    texts: list[str] = []
    # reForge first looks for a hidden infotext in every pixel (stealth_infotext.py, 83).
    while not running.done() and "tile" not in "".join(texts[-1:]):
        texts.append(str(webui.get("/sdapi/v1/progress?skip_current_image=true").body["textinfo"]))
        time.sleep(0.05)
    return texts


def test_the_hosts_own_network_through_our_engine(webui: WebUI) -> None:
    names = webui.names()
    webui.post("/sdapi/v1/options", {"upscaler_lab_host_networks": True})
    try:
        before = webui.loads(jobs.TWO)
        assert webui.names() == names
        assert jobs.enlarge(webui, jobs.TWO, jobs.sample(49, 37)).size == (98, 74)
        assert webui.loads(jobs.TWO) == before + 1
    finally:
        webui.post("/sdapi/v1/options", {"upscaler_lab_host_networks": False})
    jobs.enlarge(webui, jobs.TWO, jobs.sample(37, 49))
    assert webui.loads(jobs.TWO) == before + 1
    assert webui.names() == names
