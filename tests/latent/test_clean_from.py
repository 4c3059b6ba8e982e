"""From which denoising strength on a mode looks clean, and what the page says of it."""

from __future__ import annotations

from lib_upscalers.latent import LATENT_MODES, LatentMode
from lib_upscalers.ui.hires_line import explanation, explanation_for_model
from tests.cases import each_case

INTERPOLATIONS = ("kernel", "spherical", "spectral")
MODES = [mode for _, mode in LATENT_MODES.items()]
MEASURED = [mode for mode in MODES if mode.clean_from]
WARNING = "is below that."


def named(mode: LatentMode) -> str:
    return mode.name


@each_case("mode", MODES)
def test_every_mode_has_been_measured(mode: LatentMode) -> None:
    assert mode.clean_from is not None
    if mode.family in INTERPOLATIONS:
        assert 0 < mode.clean_from <= 1


def test_no_interpolation_is_clean_where_ours_is_not() -> None:
    others = [mode.clean_from or 0 for mode in MODES if mode.family not in INTERPOLATIONS]
    assert max(others) < min(mode.clean_from or 0 for mode in MEASURED)


@each_case("mode", MEASURED)
def test_the_page_warns_below_it_and_not_from_it_on(mode: LatentMode) -> None:
    least = mode.clean_from or 0
    for strength in (0, least - 0.01):
        assert WARNING in explanation_for_model(mode.name, strength, None)
    for strength in (least, least + 0.01, 1):
        assert WARNING not in explanation_for_model(mode.name, strength, None)


@each_case("mode", MEASURED)
def test_the_page_says_the_strength_even_where_none_is_chosen(mode: LatentMode) -> None:
    text = explanation(mode.name)
    assert mode.explanation in text
    assert f"{mode.clean_from:g}." in text
    assert WARNING not in text


@each_case("mode", [mode for mode in MODES if mode.clean_from == 0])
def test_a_mode_that_is_always_clean_is_never_warned_of(mode: LatentMode) -> None:
    text = explanation_for_model(mode.name, 0, None)
    assert "any denoising strength" in text
    assert WARNING not in text


def test_another_upscaler_has_no_line() -> None:
    assert explanation("Lanczos") == ""
