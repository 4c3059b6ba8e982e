"""The ways in which newer architectures make a picture of features, found in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.architectures.enlargement import (
    META,
    WAYS,
    make_enlargement,
    read_enlargement,
)
from lib_upscalers.models.loader import load_network
from tests.cases import each_case
from tests.models.tiny import random_network, save

if TYPE_CHECKING:
    from pathlib import Path

SCALES = (1, 2, 3, 4, 8)
ENLARGING = [way for way in WAYS if way not in ("conv", "lda")]


@pytest.mark.slow
@each_case("way", ENLARGING)
def test_every_way_and_scale_is_found_in_its_numbers(way: str) -> None:
    """At one side and the other of a change of width; 2x and 3x may have the same shapes."""
    torch.manual_seed(0)
    batch = torch.rand(2, 8, 5, 6)
    for scale in (scale for scale in SCALES if (way, scale) != ("transpose+conv", 8)):
        for middle in (8, 4):
            made = make_enlargement(way, scale, 8, 3, middle, 3).eval()
            state = {f"end.{name}": tensor for name, tensor in made.state_dict().items()}
            found = read_enlargement(state, "end.", 8).eval()
            found.load_state_dict(made.state_dict())
            assert found.scale == scale
            assert made(batch).shape == (2, 3, 5 * scale, 6 * scale)
            assert torch.equal(found(batch), made(batch))


def test_numbers_that_were_made_halves_are_read() -> None:
    made = make_enlargement("nearest+conv", 3, 8)
    state = {name: tensor.half() for name, tensor in made.state_dict().items()}
    assert read_enlargement(state, "", 8).scale == 3


def test_a_pixel_shuffle_is_found_without_numbers() -> None:
    """A graph does not use them, so that exporters leave them out."""
    for way in ("pixelshuffledirect", "pixelshuffle"):
        for scale in SCALES[1:]:
            state = dict(make_enlargement(way, scale, 8, 3, 6).state_dict())
            del state[META]
            found = read_enlargement(state, "", 8)
            assert found.scale == scale
            found.load_state_dict(state, strict=False)


@each_case("way", ["nearest+conv", "pa_up", "transpose+conv"])
def test_other_ways_are_not_guessed(way: str) -> None:
    state = dict(make_enlargement(way, 2, 8, 3, 6).state_dict())
    del state[META]
    with pytest.raises(KeyError, match=META):
        read_enlargement(state, "", 8)


@each_case(
    "numbers, text",
    [
        ([3, 6, 2, 8, 3, 8, 4], "'lda', which is not supported"),
        ([3, 9, 2, 8, 3, 8, 4], "names no known enlargement"),
        ([3, 1, 0, 8, 3, 8, 4], "names no known enlargement"),
        ([3, 1], "names no known enlargement"),
        ([3, 2, 6, 8, 3, 8, 4], "neither 3 nor a power of 2"),
        ([3, 5, 8, 8, 3, 8, 4], "none of 2, 3 and 4"),
    ],
)
def test_other_numbers_are_refused(numbers: list[int], text: str, tmp_path: Path) -> None:
    state = random_network("FIGSR").state_dict()
    state[f"upscale.{META}"] = torch.tensor(numbers, dtype=torch.uint8)
    with pytest.raises(ModelFileError, match=text):
        load_network(save(state, tmp_path / "some.pth"))


@pytest.mark.slow
def test_a_gaterv3_without_its_gamma_adds_the_whole_picture(tmp_path: Path) -> None:
    """Files of the first training runs lack it."""
    made = random_network("GateRV3")
    state = made.state_dict()
    state["gamma"].fill_(1.0)
    without = {name: tensor for name, tensor in state.items() if name != "gamma"}
    network = load_network(save(without, tmp_path / "some.safetensors"))
    batch = torch.rand(1, 3, 8, 12)
    with torch.inference_mode():
        torch.testing.assert_close(network(batch), made(batch).clamp(0, 1), atol=1e-6, rtol=0)
