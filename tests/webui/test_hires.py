"""Hires. fix with our latent modes and networks, through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.latent import LATENT_MODES
from tests.webui import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.webui.conftest import Bare
    from tests.webui.host import WebUI

PLAIN = [name for name, mode in LATENT_MODES.items() if "TAESD" not in name]


@pytest.mark.parametrize("mode", PLAIN)
def test_each_latent_mode(webui: WebUI, bare: Bare, mode: str) -> None:
    if mode in bare.modes or mode not in webui.names("latent-upscale-modes"):
        pytest.skip("it is the WebUI's own")
    seen, begun = webui.log.count("neighbour was asked"), len(webui.log)
    pictures, infotext = jobs.generate(webui, "txt2img", jobs.txt2img(webui, mode))
    assert pictures[0].shape == (128, 128, 3)
    assert pictures[0].std() > 1
    # Where there is no network, what is used instead is what some WebUIs call "Latent".
    replaced = f"{mode!r} cannot be used here: 'Latent (bilinear)'" in webui.log[begun:]
    for name, (theirs, _) in bare.hires.items():
        difference = np.abs(pictures[0].astype(int) - theirs[0])
        assert difference.mean() < 1 if replaced and name == "Latent" else difference.any()
    assert f"Hires upscaler: {mode}" in infotext
    assert webui.log.count("neighbour was asked") == seen + 1


def test_a_batch_gives_each_picture_its_own(webui: WebUI) -> None:
    job = jobs.txt2img(webui, "Latent (Mitchell)", batch_size=2, n_iter=2)
    pictures, _ = jobs.generate(webui, "txt2img", job)
    singles = pictures[-4:]
    assert len({picture.tobytes() for picture in singles}) == 4
    alone, _ = jobs.generate(webui, "txt2img", {**job, "batch_size": 1, "n_iter": 1})
    assert np.abs(alone[0].astype(int) - singles[0]).mean() < 2


@pytest.mark.parametrize("name", [jobs.OWN, jobs.FOUR, jobs.TWO])
def test_networks(webui: WebUI, name: str) -> None:
    job = jobs.txt2img(webui, name, batch_size=2)
    pictures, infotext = jobs.generate(webui, "txt2img", job)
    assert pictures[-1].shape == (128, 128, 3)
    assert f"Hires upscaler: {name}" in infotext


def test_a_network_is_read_once_for_a_batch_and_kept(webui: WebUI) -> None:
    webui.post("/sdapi/v1/options", {"upscaler_lab_cache": 0})
    jobs.enlarge(webui, jobs.OWN, jobs.sample())
    webui.post("/sdapi/v1/options", {"upscaler_lab_cache": 1024})
    before = webui.loads(jobs.FOUR)
    jobs.generate(webui, "txt2img", jobs.txt2img(webui, jobs.FOUR, batch_size=4))
    assert webui.loads(jobs.FOUR) == before + 1
    jobs.enlarge(webui, jobs.FOUR, jobs.sample(40, 24))
    assert webui.loads(jobs.FOUR) == before + 1


def test_the_hosts_own_ways_are_unchanged(webui: WebUI, bare: Bare) -> None:
    for upscaler, (expected, text) in bare.hires.items():
        pictures, infotext = jobs.generate_again(webui, jobs.txt2img(webui, upscaler))
        difference = np.abs(pictures[0].astype(int) - expected[0])
        assert (upscaler, difference.max(), difference.sum()) == (upscaler, 0, 0)
        assert infotext == text


@pytest.mark.parametrize("upscaler", ["Latent (Lanczos3)", jobs.OWN])
@pytest.mark.parametrize("size", [(104, 88), (100, 77)])
def test_odd_sizes(webui: WebUI, upscaler: str, size: tuple[int, int]) -> None:
    job = jobs.txt2img(webui, upscaler, hr_resize_x=size[0], hr_resize_y=size[1])
    pictures, _ = jobs.generate(webui, "txt2img", job)
    height, width = pictures[0].shape[:2]
    assert abs(width - size[0]) < 8
    assert abs(height - size[1]) < 8


@pytest.mark.parametrize("upscaler", ["Latent (Fourier)", jobs.OWN])
def test_scale_one(webui: WebUI, upscaler: str) -> None:
    pictures, _ = jobs.generate(webui, "txt2img", jobs.txt2img(webui, upscaler, hr_scale=1))
    assert pictures[0].shape == (64, 64, 3)


@pytest.mark.parametrize("upscaler", ["Latent (Mitchell)", jobs.OWN])
def test_the_small_picture_is_saved_small(webui: WebUI, upscaler: str) -> None:
    settings = {"save_images_before_highres_fix": True}
    job = jobs.txt2img(webui, upscaler, save_images=True, override_settings=settings)
    before = set(webui.results("*before-highres-fix*.png"))
    jobs.generate(webui, "txt2img", job)
    found = [path for path in webui.results("*before-highres-fix*.png") if path not in before]
    assert [jobs.opened(path).size for path in found] == [(64, 64)]


def test_finishers_of_the_settings_travel_in_the_infotext(webui: WebUI) -> None:
    plain, _ = jobs.generate(webui, "txt2img", jobs.txt2img(webui, "Latent (Mitchell)"))
    settings = {"upscaler_lab_sharpen": 0.5, "upscaler_lab_renoise": 0.75}
    job = jobs.txt2img(webui, "Latent (Mitchell)", override_settings=settings)
    pictures, infotext = jobs.generate(webui, "txt2img", job)
    assert "Latent sharpen: 0.5" in infotext
    assert "Latent renoise: 0.75" in infotext
    assert not np.array_equal(pictures[0], plain[0])
    again, _ = jobs.generate(webui, "txt2img", job)
    assert np.array_equal(pictures[0], again[0])


def test_the_round_trip_says_what_it_lacks(webui: WebUI) -> None:
    """Offline there is no TAESD: the job fails with a sentence, and the next one works."""
    name = next(name for name in LATENT_MODES if "TAESD" in name)
    answer = webui.post("/sdapi/v1/txt2img", jobs.txt2img(webui, name))
    if answer.status != 200:
        assert "TAESD" in answer.text
    jobs.generate(webui, "txt2img", jobs.txt2img(webui, "Latent (area)"))


@pytest.mark.parametrize("upscaler", ["Latent (Mitchell)", jobs.OWN])
@pytest.mark.parametrize("field", ["hr_checkpoint_name", "refiner_checkpoint"])
def test_another_hires_checkpoint_and_a_refiner(
    webui: WebUI, needs: Callable[[str], None], field: str, upscaler: str
) -> None:
    """The second checkpoint is used, and the next job has the first one again."""
    needs(field)
    titles = jobs.checkpoints(webui)
    if len(titles) < 2:
        pytest.skip("there is one checkpoint only; put a second one into --ckpt-dir")
    settings = {"save_images_before_highres_fix": True}
    job = jobs.txt2img(webui, upscaler, save_images=True, override_settings=settings)
    plain, _ = jobs.generate(webui, "txt2img", job)
    before = set(webui.results("*before-highres-fix*.png"))
    changed, _ = jobs.generate(
        webui, "txt2img", {**job, field: titles[1], "refiner_switch_at": 0.5}
    )
    small = [path for path in webui.results("*before-highres-fix*.png") if path not in before]
    assert [jobs.opened(path).size for path in small] == [(64, 64)]
    assert changed[0].shape == (128, 128, 3)
    assert not np.array_equal(changed[0], plain[0])
    again, _ = jobs.generate(webui, "txt2img", job)
    assert np.array_equal(again[0], plain[0])


@pytest.mark.parametrize("upscaler", ["Latent (Mitchell)", jobs.OWN])
def test_an_inpainting_model(webui: WebUI, upscaler: str) -> None:
    titles = jobs.checkpoints(webui, inpainting=True)
    if not titles:
        pytest.skip("there is no checkpoint with “inpaint” in its name in --ckpt-dir")
    settings = {"sd_model_checkpoint": titles[0]}
    job = jobs.txt2img(webui, upscaler, override_settings=settings)
    plain, _ = jobs.generate(webui, "txt2img", jobs.txt2img(webui, upscaler))
    pictures, infotext = jobs.generate(webui, "txt2img", job)
    assert pictures[0].shape == (128, 128, 3)
    assert not np.array_equal(pictures[0], plain[0])
    assert f"Hires upscaler: {upscaler}" in infotext
