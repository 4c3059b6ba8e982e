"""Adapted networks give what they gave before."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from lib_upscalers.models.adapt import adapt
from lib_upscalers.models.adapt.fused import Fused, fuse_branches
from lib_upscalers.models.adapt.masks import cast_masks
from lib_upscalers.models.adapt.tail import BlockwiseTail, run_tail_in_blocks
from lib_upscalers.tiling.tensor_memory import LiveMemory
from tests.cases import each_case
from tests.models.networks import ESRGANS, tiny_state
from tests.models.tiny import TINY, esrgan, random_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")

ENLARGING: Mapping[str, Callable[[], nn.Module]] = {
    **{name: make for name, make in ESRGANS.items() if name != "1x"},
    "3x pixel shuffle": lambda: esrgan(scale=3, upsampler="pixel_shuffle", num_blocks=1),
    "3x": lambda: esrgan(scale=3, num_blocks=1),
    "4x pixel shuffle": lambda: esrgan(upsampler="pixel_shuffle", num_blocks=1),
}


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return make().eval().requires_grad_(requires_grad=False)


def tails(kind: str) -> tuple[nn.Module, BlockwiseTail]:
    """Return the plain and the blockwise tail of an ESRGAN."""
    plain = seeded(ENLARGING[kind])
    adapted = copy.deepcopy(plain)
    run_tail_in_blocks(adapted)
    layers: nn.Sequential = plain.model  # type: ignore[assignment]
    tail = adapted.model[-1]  # type: ignore[index]
    assert isinstance(tail, BlockwiseTail)
    return nn.Sequential(*list(layers)[2:]), tail


@pytest.mark.slow
@each_case("kind", ENLARGING)
def test_a_tail_in_blocks_gives_the_whole(kind: str) -> None:
    plain, tail = tails(kind)
    generator = torch.Generator().manual_seed(2)
    sizes = [(1, 1), (1, 100), (100, 1), (32, 33), (35, 37), (65, 64), (41, 100)]
    for batch, (height, width) in enumerate(sizes[:4] if "8x" in kind else sizes):
        features = torch.rand(batch % 2 + 1, 16, height, width, generator=generator)
        before = features.clone()
        output, expected = tail(features), plain(features)
        assert torch.equal(features, before)
        torch.testing.assert_close(output, expected, atol=1e-6, rtol=0)


@pytest.mark.slow
@each_case("layout", [torch.channels_last, torch.contiguous_format])
@each_case("height", [*range(1, 100, 9), 36, 37, 38, 100])
def test_every_height_gives_the_whole(height: int, layout: torch.memory_format) -> None:
    plain, tail = tails("2x")
    features = torch.rand(2, 16, height, 70).contiguous(memory_format=layout)
    torch.testing.assert_close(tail(features), plain(features), atol=1e-6, rtol=0)


@each_case("kind", ENLARGING)
def test_a_block_depends_on_no_more_than_its_context(kind: str) -> None:
    """What lies further away than a tail's reach changes nothing; what lies nearer does."""
    plain, tail = tails(kind)
    reach, scale = tail.reach, tail.scale
    features = torch.rand(1, 16, 4 * reach + 3, 5)
    middle = 2 * reach + 1
    window = slice(middle * scale, (middle + 1) * scale)
    expected = plain(features)[..., window, :]
    far, near = features.clone(), features.clone()
    far[..., : middle - reach, :] = 9
    far[..., middle + reach + 1 :, :] = 9
    near[..., middle - 1, :] = 9
    torch.testing.assert_close(plain(far)[..., window, :], expected, atol=1e-6, rtol=0)
    assert (plain(near)[..., window, :] - expected).abs().max() > 1e-3


def test_blocks_save_memory() -> None:
    plain, tail = tails("4x")
    features = torch.rand(1, 16, 16, 512)
    peaks = []
    for layers in (plain, tail):
        with torch.inference_mode(), LiveMemory() as memory:
            layers(features)
        peaks.append(memory.peak)
    output = 3 * 16 * 512 * 4 * 16
    assert peaks[1] - output < 0.25 * (peaks[0] - output)


def test_only_tails_that_are_understood_are_changed() -> None:
    unchanged = [seeded(lambda: esrgan(scale=1)), random_network("Compact"), nn.Sequential()]
    odd = seeded(esrgan)
    odd.model.append(nn.Conv2d(3, 3, 3, stride=2))  # type: ignore[operator, union-attr]
    for network in [*unchanged, odd]:
        run_tail_in_blocks(network)
        assert not any(isinstance(layer, BlockwiseTail) for layer in network.modules())


def test_fused_layers_give_what_the_branches_gave() -> None:
    plain = random_network("SPAN")
    plain.load_state_dict(tiny_state("SPAN"))
    plain.requires_grad_(requires_grad=False)
    adapted = copy.deepcopy(plain)
    fuse_branches(adapted)
    assert sum(isinstance(layer, Fused) for layer in adapted.modules()) > 6
    assert not any(type(layer).__name__ == "Conv3XC" for layer in adapted.modules())
    for shape in ((2, 3, 1, 1), (1, 3, 17, 23)):
        batch = torch.rand(*shape)
        torch.testing.assert_close(adapted(batch), plain(batch), atol=1e-6, rtol=0)


def test_a_fused_network_is_smaller_and_allocates_no_weights() -> None:
    plain = random_network("SPAN").requires_grad_(requires_grad=False)
    adapted = copy.deepcopy(plain)
    fuse_branches(adapted)
    sizes = [sum(weight.numel() for weight in each.parameters()) for each in (plain, adapted)]
    assert sizes[1] < sizes[0] / 2


class _Shifted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def calculate_mask(self, size: int, *, pair: bool = False) -> object:
        mask = torch.full((size,), -100.0)
        return (mask, torch.zeros(size, dtype=torch.int64)) if pair else mask


def test_masks_have_the_precision_of_the_weights() -> None:
    layer = _Shifted()
    cast_masks(layer)
    assert torch.equal(torch.as_tensor(layer.calculate_mask(3)), torch.full((3,), -100.0))
    layer.bfloat16()
    mask, index = layer.calculate_mask(3, pair=True)  # type: ignore[misc]
    assert mask.dtype == torch.bfloat16
    assert index.dtype == torch.int64


@pytest.mark.slow
@each_case("name", TINY)
def test_adapting_twice_changes_nothing_more(name: str) -> None:
    tiny_state(name)
    network = random_network(name).requires_grad_(requires_grad=False)
    batch = torch.rand(1, 3, 16, 16)
    adapt(network)
    first = network(batch.clone())
    adapt(network)
    torch.testing.assert_close(network(batch.clone()), first, atol=1e-6, rtol=0)
