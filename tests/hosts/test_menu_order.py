"""The order of menus, what is left out of them, and what Settings says of modes."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.latents import complete_pasted, mode_alike, modes_of_host
from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.latent import LATENT_MODES
from lib_upscalers.models.catalogue.model_marks import ModelMarks
from lib_upscalers.ui.webui_lists import arrange
from lib_upscalers.words import catalogue
from tests.hosts.conftest import load
from tests.offenders import fail_for

if TYPE_CHECKING:
    from tests.hosts.webui_model import WebUI

one_host = pytest.mark.parametrize("bare", ["a1111"], indirect=True)
OLD, NEW = "Latent (TAESD: pixel upscaler)", "Latent (TAESD)"


def places(names: list[str], *wanted: str) -> list[int]:
    return [names.index(name) for name in wanted]


def test_networks_come_before_rarely_used_modes(webui: WebUI) -> None:
    webui.opts.set(options.RARE_MODES.key, value=True)
    menu = extension().listed("Hires. fix")
    order = places(menu, "Latent (Mitchell)", "Theirs 2x", "Ours 2x", "Latent (Lanczos4)")
    assert order == sorted(order)
    assert set(menu) == {*webui.shared.latent_upscale_modes, *webui.names()}


@one_host
def test_favourites_come_first_and_hidden_networks_are_left_out(webui: WebUI) -> None:
    marks = ModelMarks(extension().engine.host.data_folder())
    marks.change(webui.models / "DAT" / "Ours 2x.pth", favourite=True)
    menu = extension().listed("Extras")
    assert menu[:5] == ["None", "Lanczos", "Nearest", "Ours 2x", "Theirs 2x"]
    marks.change(webui.models / "ESRGAN" / "Theirs 2x.pth", hidden=True)
    assert "Theirs 2x" not in extension().listed("Extras")
    assert "Theirs 2x" in webui.names(), "the list itself keeps its order for scripts that count"


@one_host
def test_a_menu_that_is_built_has_the_order_and_keeps_its_value(webui: WebUI) -> None:
    webui.opts.set(options.RARE_MODES.key, value=True)
    pairs = [("Latent", "Latent")]
    menu = SimpleNamespace(choices=pairs, value="Latent")
    arrange(menu, "txt2img_hr_upscaler", extension().listed)
    assert [each[0] for each in menu.choices] == extension().listed("Hires. fix")
    gone = SimpleNamespace(choices=["Gone"], value="Gone")
    arrange(gone, "extras_upscaler_1", extension().listed)
    assert gone.choices == ["Gone", *extension().listed("Extras")]
    other = SimpleNamespace(choices=pairs, value="Latent")
    arrange(other, "txt2img_sampling", extension().listed)
    assert other.choices is pairs


def test_favourite_modes_come_first_even_rare_ones(webui: WebUI) -> None:
    webui.opts.set(options.FIRST_MODES.key, ["Latent (Lanczos4)", "Latent (Fourier)"])
    assert options.modes()[:2] == ["Latent (Lanczos4)", "Latent (Fourier)"]
    assert extension().listed("Hires. fix")[:2] == ["Latent (Lanczos4)", "Latent (Fourier)"]
    webui.opts.set(options.HIDDEN_MODES.key, ["Latent (Lanczos4)"])
    assert "Latent (Lanczos4)" not in webui.shared.latent_upscale_modes


@one_host
def test_a_webui_can_translate_every_remark(webui: WebUI) -> None:
    """It looks up whole text nodes, and writes a setting's remark in brackets of its own."""
    table = catalogue("ru_RU")
    remarks = [webui.opts.data_labels[option.key].comment_after for option in options.OPTIONS]
    assert sum("<span>" in remark for remark in remarks) > 10
    texts = [text for remark in remarks for text in re.findall("<span>([^<]+)</span>", remark)]
    fail_for((text for text in texts if text not in table), "Write their translations")
    between = {text for remark in remarks for text in re.split("<span>[^<]+</span>", remark)}
    assert not [
        text for text in between if re.search("[a-z]{5}", re.sub("<[^>]*>| Latent .*", "", text))
    ]


def test_modes_that_the_webui_has_are_explained_and_no_choices(webui: WebUI) -> None:
    there = modes_of_host()
    for option in (options.HIDDEN_MODES, options.FIRST_MODES):
        info = webui.opts.data_labels[option.key]
        assert info.component_args["choices"] == [n for n in LATENT_MODES if n not in there]
        assert ("The WebUI has these itself" in info.comment_after) == (webui.kind != "neo")
    if webui.kind == "neo":
        assert there == {}
    else:
        assert there["Latent (bilinear)"] in ("Latent", "Latent (antialiased)")
        assert "Latent (Catmull-Rom) = Latent (bicubic antialiased)" in info.comment_after
        assert mode_alike("Latent") == "Latent (bilinear)"
        assert mode_alike("Latent (bicubic antialiased)") == "Latent (Catmull-Rom)"
    assert mode_alike("Latent (Mitchell)") is None
    assert mode_alike("Lanczos") is None


@one_host
def test_a_former_name_is_understood(bare: WebUI) -> None:
    bare.opts.data[options.HIDDEN_MODES.key] = [OLD, "Latent (bilinear)", "Latent (bislerp)"]
    bare.opts.data[options.BLEND_WITH.key] = OLD
    load(bare)
    assert bare.opts.data[options.HIDDEN_MODES.key] == [NEW, "Latent (bislerp)"]
    assert bare.opts.data[options.BLEND_WITH.key] == NEW
    params = {"Hires upscaler": OLD, "Steps": "20"}
    complete_pasted("", params)
    assert params["Hires upscaler"] == NEW
