"""The accordion "Latent resize", through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.ui.webui_controls import HOST_MODE
from tests.webui import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.webui.conftest import Bare
    from tests.webui.host import WebUI


@pytest.mark.parametrize("arguments", [(), (HOST_MODE,)])
def test_left_alone_nothing_changes(webui: WebUI, bare: Bare, arguments: tuple[str, ...]) -> None:
    # The first img2img of A1111's process differs by a level from all others, without us, too.
    for _ in range(2):
        pictures, infotext = jobs.generate(webui, "img2img", jobs.img2img(*arguments))
    assert np.array_equal(pictures[0], bare.img2img[0][0])
    assert infotext == bare.img2img[1]


@pytest.mark.parametrize("mode", ["Latent (Mitchell)", "Latent (bislerp)", "Latent (area)"])
def test_our_mode_is_used_and_told(webui: WebUI, bare: Bare, mode: str) -> None:
    pictures, infotext = jobs.generate(webui, "img2img", jobs.img2img(mode))
    assert pictures[0].shape == (128, 128, 3)
    assert not np.array_equal(pictures[0], bare.img2img[0][0])
    assert f"{jobs.RESIZE}: {mode}" in infotext


def test_finishers(webui: WebUI) -> None:
    plain, _ = jobs.generate(webui, "img2img", jobs.img2img("Latent (Mitchell)"))
    arguments = ("Latent (Mitchell)", 0.5, True, 0.5, "Latent (area)", 0.25)
    pictures, infotext = jobs.generate(webui, "img2img", jobs.img2img(*arguments))
    assert not np.array_equal(pictures[0], plain[0])
    for name in ("sharpen: 0.5", "match: True", "renoise: 0.5", "blend with: Latent (area)"):
        assert f"{jobs.RESIZE} {name}" in infotext


def test_another_resize_mode_is_left_alone(webui: WebUI) -> None:
    job = jobs.img2img("Latent (Mitchell)", resize_mode=0)
    pictures, infotext = jobs.generate(webui, "img2img", job)
    plain, _ = jobs.generate(webui, "img2img", jobs.img2img(resize_mode=0))
    assert np.array_equal(pictures[0], plain[0])
    assert jobs.RESIZE not in infotext


def test_a_batch(webui: WebUI) -> None:
    job = jobs.img2img("Latent (Fourier)", batch_size=2, width=128, height=64)
    pictures, _ = jobs.generate(webui, "img2img", job)
    assert [picture.shape for picture in pictures[-2:]] == [(64, 128, 3)] * 2
    assert not np.array_equal(pictures[-2], pictures[-1])


def test_an_odd_size(webui: WebUI, needs: Callable[[str], None]) -> None:
    needs("any size")
    job = jobs.img2img("Latent (Fourier)", width=104, height=88)
    pictures, _ = jobs.generate(webui, "img2img", job)
    assert pictures[0].shape == (88, 104, 3)


def test_an_unknown_mode_is_an_error_with_names(webui: WebUI) -> None:
    answer = webui.post("/sdapi/v1/img2img", jobs.img2img("Latent (Mitchel)"))
    assert answer.status >= 400
    assert "Latent (Mitchell)" in answer.text


def test_the_img2img_upscaler_lists_ours(webui: WebUI) -> None:
    """The setting "Upscaler for img2img" takes a name of ours and uses it."""
    plain, _ = jobs.generate(webui, "img2img", jobs.img2img(resize_mode=0))
    job = jobs.img2img(resize_mode=0, override_settings={"upscaler_for_img2img": jobs.OWN})
    pictures, _ = jobs.generate(webui, "img2img", job)
    assert not np.array_equal(pictures[0], plain[0])
