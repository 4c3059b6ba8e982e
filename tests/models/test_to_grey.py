"""Networks from colour to grey and from grey to colour, at every scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lib_upscalers.models.adapt.fused import drop_branches
from lib_upscalers.models.architectures.spanplus import SPANPlus
from lib_upscalers.models.glance import known_traits
from lib_upscalers.models.loader import load_network, read_traits
from lib_upscalers.tiling.loop import run_network
from tests.cases import each_case
from tests.models.tiny import compact, esrgan, save
from tests.tiling.test_loop import JOB

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn


def span(takes: int, gives: int, scale: int, *, fused: bool = False) -> nn.Module:
    from spandrel.architectures.SPAN import SPAN

    made: Any = SPAN(
        num_in_ch=takes, num_out_ch=gives, feature_channels=12, upscale=scale, norm=False
    )
    if fused:
        drop_branches(made)
    return made


def span_plus(takes: int, gives: int, scale: int) -> nn.Module:
    last = torch.nn.Conv2d(8, gives * scale**2, 3, padding=1)
    return SPANPlus(takes, 8, [0], torch.nn.Sequential(last, torch.nn.PixelShuffle(scale)))


KINDS: Mapping[str, Callable[[int, int, int], nn.Module]] = {
    "Compact": lambda takes, gives, scale: compact(
        num_in_ch=takes, num_out_ch=gives, upscale=scale
    ),
    "ESRGAN": lambda takes, gives, scale: esrgan(in_nc=takes, out_nc=gives, scale=scale),
    "SPAN": span,
    "SPAN, fused": lambda takes, gives, scale: span(takes, gives, scale, fused=True),
    "SPANPlus": span_plus,
}


@pytest.mark.slow
@each_case("kind", KINDS)
@each_case("scale", [1, 2, 3, 4, 8])
@each_case("takes, gives", [(3, 1), (1, 3)])
def test_scale_and_channels_are_found_and_run(
    kind: str, scale: int, takes: int, gives: int, tmp_path: Path
) -> None:
    if (kind, scale) == ("ESRGAN", 3):
        return
    torch.manual_seed(0)
    path = save(KINDS[kind](takes, gives, scale).state_dict(), tmp_path / "some.pth")
    network = load_network(path)
    found = (network.traits.scale, network.traits.channels, network.traits.result_channels)
    assert found == (scale, takes, gives)
    assert read_traits(path) == network.traits
    assert known_traits(path) in (None, network.traits)
    pixels = np.full((9, 11, takes), 128, np.uint8)
    enlarged = run_network(network, pixels, JOB).pixels
    assert enlarged.shape == (9 * scale, 11 * scale, gives)


def test_compact_adds_the_grey_of_the_picture(tmp_path: Path) -> None:
    """As a network from colour to colour adds its colours."""
    made = compact(num_in_ch=3, num_out_ch=1, upscale=2)
    state = {name: torch.zeros_like(weights) for name, weights in made.state_dict().items()}
    network = load_network(save(state, tmp_path / "some.pth"))
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    torch.testing.assert_close(network(red), torch.full((1, 1, 8, 8), 0.299))
