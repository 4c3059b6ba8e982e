"""Statistics over the whole picture: found by what a network does, and the same for every tile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.geometry import Region, Size
from lib_upscalers.network import MemoryUse
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.probe import measure_reach
from lib_upscalers.tiling.reductions import REDUCTIONS, Call
from lib_upscalers.tiling.statistics import Combination, Frame, Gatherer, change, rounds
from tests.cases import each_case
from tests.tiling.fakes import AveragingNetwork, FakeNetwork, HungryNetwork, MedianNetwork, traits
from tests.tiling.test_loop import CPU, JOB, enlarged, picture

if TYPE_CHECKING:
    from collections.abc import Callable


class LayeredNetwork(FakeNetwork):
    """Runs layers on what it is fed; what they add is mixed in."""

    def __init__(self, *layers: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__(traits())
        self._layers = layers

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        features = batch
        for layer in self._layers:
            features = layer(features)
        return (batch * 0.5 + features.sigmoid() * 0.5).clamp(0, 1)


def squeezed(features: torch.Tensor) -> torch.Tensor:
    return features * (1 + nn.AdaptiveAvgPool2d(1)(features) * 3)


def averaged_by_sums(features: torch.Tensor) -> torch.Tensor:
    area = features.shape[-1] * features.shape[-2]
    return features * features.sum((2, 3), keepdim=True) * (4 / area)


def spread(features: torch.Tensor) -> torch.Tensor:
    return features / (features.std(dim=(2, 3), keepdim=True) + 0.1)


def grouped(features: torch.Tensor) -> torch.Tensor:
    return functional.group_norm(features, 1) * 0.7


def by_instance(features: torch.Tensor) -> torch.Tensor:
    return functional.instance_norm(features) * 0.7


def attended(features: torch.Tensor) -> torch.Tensor:
    flat = features.flatten(2)
    unit = functional.normalize(flat - 0.3, dim=-1)
    weights = (unit @ unit.transpose(1, 2) * 4).softmax(dim=-1)
    return (weights @ flat).view_as(features)


def halved(features: torch.Tensor) -> torch.Tensor:
    small = functional.avg_pool2d(features, 2, ceil_mode=True)
    large = functional.interpolate(squeezed(small), scale_factor=2)
    return large[..., : features.shape[-2], : features.shape[-1]]


LAYERS = {
    "squeeze": (squeezed,),
    "three in a row": (squeezed, spread, squeezed),
    "sums": (averaged_by_sums,),
    "spread": (spread,),
    "group norm": (grouped,),
    "instance norm": (by_instance,),
    "channel attention": (attended,),
    "halved inside": (halved,),
    "many": (squeezed, grouped, attended, squeezed, grouped, attended, squeezed, grouped),
}


def uneven(height: int = 150, width: int = 190) -> np.ndarray:
    """Return a picture whose parts have other means than the whole."""
    shade = np.linspace(0.1, 1, width)[None, :, None] * np.linspace(1, 0.4, height)[:, None, None]
    return (picture(1, height, width) * shade).astype(np.uint8)


def no_memory(device: torch.device) -> int:
    del device
    return 0


def little_memory(device: torch.device) -> int:
    del device
    return 2**21


def in_tiles(network: FakeNetwork, pixels: np.ndarray, tile: int | None) -> np.ndarray:
    """Enlarge in tiles that are not raised, as if no memory were left for that."""
    return enlarged(network, pixels, tile=tile, free_memory=no_memory).astype(int)


@pytest.mark.slow
@each_case("name", list(LAYERS))
def test_tiles_share_what_a_network_computes_of_the_whole_picture(name: str) -> None:
    pixels = uneven()
    whole = enlarged(LayeredNetwork(*LAYERS[name]), pixels, tile=256).astype(int)
    network = LayeredNetwork(*LAYERS[name])
    error = np.abs(in_tiles(network, pixels, 64) - whole)
    assert network.profile.reach is not None
    assert network.profile.reach.sites
    assert (error > 2).mean() < 0.001


def test_a_mean_is_exact_to_rounding() -> None:
    pixels = uneven()
    whole = enlarged(AveragingNetwork(), pixels, tile=256).astype(int)
    assert np.abs(in_tiles(AveragingNetwork(), pixels, 48) - whole).max() <= 1


def test_a_network_that_looks_at_everything_runs_whole_where_half_of_the_memory_does() -> None:
    pixels = uneven()
    for make in (AveragingNetwork, MedianNetwork):
        run = run_network(make(), pixels, replace(JOB, tile=64))
        assert (run.tiles, run.note.text) == (1, "whole picture, raised from 64"), make
        kept = run_network(make(), pixels, replace(JOB, tile=64, overlap=8))
        assert kept.note.largest.width <= 64, make
        network = make()
        network.profile.memory["cpu/float32"] = MemoryUse(100.0, 10.0)
        larger = run_network(network, pixels, replace(JOB, tile=64, free_memory=little_memory))
        assert larger.tiles > 1, make
        assert 64**2 < larger.note.largest.area < 150**2, make


def test_what_cannot_be_shared_is_not() -> None:
    assert not measure_reach(MedianNetwork(), CPU).sites
    assert not measure_reach(FakeNetwork(), CPU).sites


def test_a_network_that_halves_the_picture_gets_tiles_at_even_places() -> None:
    assert measure_reach(LayeredNetwork(halved), CPU).alignment == 2
    assert measure_reach(LayeredNetwork(squeezed), CPU).alignment == 1


def test_statistics_are_gathered_again_in_halves_where_memory_runs_out() -> None:
    class Hungry(HungryNetwork):
        def look(self, batch: torch.Tensor) -> torch.Tensor:
            return batch * 0.5 + batch.mean(dim=(-1, -2), keepdim=True) * 0.5

    pixels = uneven()
    whole = enlarged(AveragingNetwork(), pixels, tile=256).astype(int)
    for tile in (None, 96, 256):
        network = Hungry(most_pixels=6000)
        error = np.abs(enlarged(network, pixels, tile=tile).astype(int) - whole)
        assert error.max() <= 1, tile


def test_a_tile_counts_for_its_core_alone() -> None:
    batch = torch.rand(1, 3, 40, 60)
    (site,) = measure_reach(AveragingNetwork(), CPU).sites
    gatherer = Gatherer([site], {}, Frame(Size(60, 40), Region(10, 5, 20, 30)), stops=False)
    with gatherer:
        batch.mean(dim=(-1, -2), keepdim=True)
    part, weight = gatherer.parts[site.key]
    assert weight == 20 * 30
    torch.testing.assert_close(part, batch[..., 5:35, 10:30].mean(dim=(2, 3), keepdim=True))


def test_few_statistics_get_a_round_each_and_many_are_gathered_until_they_settle() -> None:
    (site,) = measure_reach(AveragingNetwork(), CPU).sites
    assert [len(stage) for stage in rounds([site] * 4)] == [1] * 4
    assert [len(stage) for stage in rounds([site] * 40)] == [40] * 10
    assert change({}, {("mean", 0): torch.ones(3)}) == 1
    assert change({("mean", 0): torch.ones(3)}, {("mean", 0): torch.ones(3)}) == 0


def _calls() -> dict[str, tuple[Callable[..., object], tuple[object, ...]]]:
    x = torch.rand(1, 4, 6, 10)
    flat = x.flatten(2)
    return {
        "mean": (torch.mean, (x, (2, 3), True)),
        "sum": (torch.sum, (x, (2, 3))),
        "amax": (torch.amax, (x, (2, 3), True)),
        "var": (torch.var, (x, (2, 3))),
        "std": (torch.std, (x, (2, 3), False, True)),
        "linalg_vector_norm": (torch.linalg.vector_norm, (flat, 2, -1, True)),
        "matmul": (torch.matmul, (flat, flat.transpose(1, 2))),
        "group_norm": (torch.group_norm, (x, 2, torch.rand(4), torch.rand(4), 1e-5)),
        "adaptive_avg_pool2d": (functional.adaptive_avg_pool2d, (x, [1, 1])),
    }


@each_case("name", list(_calls()))
def test_the_part_of_the_whole_gives_what_the_operator_gives(name: str) -> None:
    function, args = _calls()[name]
    reduction, call = REDUCTIONS[name], Call(args)
    part = reduction.part(call, [x for x, _ in reduction.subjects(call)])
    combination = Combination()
    combination.add({(name, 0): (part, 7.0)})
    result = reduction.result(call, combination.averages()[(name, 0)])
    torch.testing.assert_close(result, function(*args), rtol=1e-4, atol=1e-5)
