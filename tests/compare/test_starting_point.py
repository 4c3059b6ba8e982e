"""What a picture's generation parameters say of its first pass."""

from __future__ import annotations

from typing import Any

import pytest

from lib_upscalers.compare.starting_point import Made, differences, starting_point
from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Size
from tests.cases import each_case

# As infotext_utils.parse_generation_parameters returns them: all texts, but for what it adds.
VALUES: dict[str, Any] = {
    "Prompt": "a cat",
    "Negative prompt": "a dog",
    "Steps": "20",
    "Sampler": "Euler a",
    "Schedule type": "Karras",
    "CFG scale": "6.5",
    "Seed": "1234567890",
    "Size-1": "512",
    "Size-2": "768",
    "Model": "anime",
    "Model hash": "0123456789",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
}
SIZE = Size(512, 768)


def test_all_of_a_first_pass_is_read() -> None:
    point = starting_point(VALUES, SIZE)
    assert point is not None
    assert (point.prompt, point.negative_prompt, point.seed) == ("a cat", "a dog", 1234567890)
    assert (point.steps, point.sampler, point.scheduler) == (20, "Euler a", "Karras")
    assert (point.cfg_scale, point.size, point.enlarged) == (6.5, SIZE, False)
    assert point.made == Made("anime", "0123456789", "")
    assert point.outline == "512x768, seed 1234567890, Euler a Karras, 20 steps, CFG 6.5"


@each_case(
    "values",
    [
        {},
        {"Prompt": "a text that is no infotext"},
        {name: value for name, value in VALUES.items() if name != "Seed"},
        {**VALUES, "Steps": ""},
    ],
)
def test_another_text_holds_no_parameters(values: dict[str, Any]) -> None:
    assert starting_point(values, SIZE) is None


@each_case(
    "more",
    [{"Hires upscale": "2"}, {"Hires resize-1": "1024", "Hires resize-2": "1536"}],
)
def test_a_picture_that_was_enlarged_is_not_its_first_pass(more: dict[str, Any]) -> None:
    point = starting_point({**VALUES, **more}, Size(1023, 1535))
    assert point is not None
    assert (point.enlarged, point.size) == (True, SIZE)


def test_a_picture_that_was_cut_is_a_first_pass_of_its_size() -> None:
    point = starting_point(VALUES, Size(256, 256))
    assert point is not None
    assert (point.enlarged, point.size) == (False, Size(256, 256))
    with pytest.raises(InputError, match=r"multiples of 8, .* but got 250x256"):
        starting_point(VALUES, Size(250, 256))


def test_a_variation_is_read() -> None:
    more = {"Variation seed": "7", "Variation seed strength": "0.25"}
    point = starting_point({**VALUES, **more}, SIZE)
    assert point is not None
    assert (point.subseed, point.subseed_strength) == (7, 0.25)


@each_case(
    "more",
    [
        {"Seed": "-5"},
        {"Seed": "1e9"},
        {"Seed": "9" * 40},
        {"Steps": "abc"},
        {"Steps": "0"},
        {"CFG scale": "seven"},
        {"CFG scale": "nan"},
        {"Size-1": "0"},
        {"Variation seed strength": "1", "Variation seed": "x"},
    ],
)
def test_values_that_make_no_sense_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="in the picture's generation parameters"):
        starting_point({**VALUES, **more}, SIZE)


@each_case(
    "made, loaded, named",
    [
        (Made("a", "11", ""), Made("a", "11", ""), ()),
        (Made("a", "0123456789", ""), Made("b", "0123456789abcdef", ""), ()),
        (Made("a", "", ""), Made("a", "22", ""), ()),
        (Made("a", "11", ""), Made("b", "22", ""), ("the model a, but b",)),
        (Made("a", "", ""), Made("b", "22", ""), ("the model a, but b",)),
        (Made("a", "11", "x.pt"), Made("a", "11", ""), ("the VAE x.pt, but the VAE of its model",)),
        (Made("a", "11", ""), Made("a", "11", "y.pt"), ("its model, but the VAE y.pt",)),
        (Made("a", "11", "x.pt"), Made("b", "22", "y.pt"), ("the model a", "the VAE x.pt")),
        (Made(), Made("b", "22", ""), ("does not say with which model",)),
    ],
)
def test_another_model_or_vae_is_named(made: Made, loaded: Made, named: tuple[str, ...]) -> None:
    found = differences(made, loaded)
    assert len(found) == len(named)
    for sentence, part in zip(found, named, strict=True):
        assert part in sentence
