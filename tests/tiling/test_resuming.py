"""A forward that stopped goes on where it stopped, with the same result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lib_upscalers.geometry import Region, Size
from lib_upscalers.network import StatisticSite
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.plan import Tile
from lib_upscalers.tiling.resuming import CannotResumeError, Resumption, Trace
from lib_upscalers.tiling.statistics import Enough, Frame, Gatherer, Replay
from lib_upscalers.tiling.stops import Stops
from tests.cases import each_case
from tests.tiling.test_loop import CPU, JOB
from tests.tiling.test_statistics import LAYERS, LayeredNetwork, no_memory, uneven

if TYPE_CHECKING:
    from collections.abc import Callable

SITE = StatisticSite("mean", 0, ((),))
FRAME = Frame(Size(10, 8), Region(0, 0, 10, 8))


class Counter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def plain(x: torch.Tensor) -> torch.Tensor:
    doubled = torch.sin(x * 2)
    return doubled + doubled.mean((2, 3), keepdim=True)


def in_place(x: torch.Tensor) -> torch.Tensor:
    whole = torch.sin(x).clone()
    part = whole[:, :1]
    whole.mul_(2)
    mean = whole.mean((2, 3), keepdim=True)
    part.add_(mean[:, :1])
    return whole


def in_lists(x: torch.Tensor) -> torch.Tensor:
    first, *others = torch.sin(x).split(1, 1)
    together = torch.cat([first, *others], 1)
    return together * together.mean((2, 3), keepdim=True) + others[0]


def stopped(forward: Callable[[torch.Tensor], torch.Tensor], trace: Trace) -> torch.Tensor:
    """Stop a forward at its mean, and return the mean."""
    x = torch.linspace(0, 1, 240).reshape(1, 3, 8, 10)
    gatherer = Gatherer([SITE], {}, FRAME, resumption=Resumption(trace, CPU))
    with pytest.raises(Enough), gatherer:
        forward(x)
    return gatherer.parts[SITE.key][0]


@each_case("forward", [plain, in_place, in_lists])
def test_it_gives_what_a_whole_forward_gives(
    forward: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    x = torch.linspace(0, 1, 240).reshape(1, 3, 8, 10)
    trace = Trace(halves=False)
    known = {SITE.key: stopped(forward, trace)}
    with Counter() as counter, Replay(known, Resumption(trace, CPU)):
        resumed = forward(x)
    assert torch.equal(resumed, forward(x))
    assert "sin" not in counter.names


def test_in_halves_it_takes_half_the_memory_and_gives_nearly_the_same() -> None:
    x = torch.linspace(0, 1, 240).reshape(1, 3, 8, 10)
    traces = [Trace(halves=halves) for halves in (False, True)]
    known = [{SITE.key: stopped(plain, trace)} for trace in traces]
    assert traces[0].size_bytes == 2 * traces[1].size_bytes > 0
    with Replay(known[1], Resumption(traces[1], CPU)):
        resumed = plain(x)
    torch.testing.assert_close(resumed, plain(x), atol=1e-3, rtol=0)


def what_was_gone(x: torch.Tensor) -> torch.Tensor:
    """Compute as `plain` does, then with something that was gone where that stopped."""
    doubled = x * 2
    torch.sin(doubled).mean((2, 3), keepdim=True)
    return doubled.exp()


def test_a_forward_that_goes_another_way_is_noticed() -> None:
    trace = Trace(halves=False)
    known = {SITE.key: stopped(plain, trace)}
    x = torch.rand(1, 3, 8, 10)
    with pytest.raises(CannotResumeError), Replay(known, Resumption(trace, CPU)):
        in_place(x)
    with pytest.raises(CannotResumeError), Replay(known, Resumption(trace, CPU)):
        what_was_gone(x)


class Restless(LayeredNetwork):
    """Runs one more operator in every forward."""

    forwards = 0

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        self.forwards += 1
        for _ in range(self.forwards % 3):
            batch = batch.clone()
        return super().look(batch)


@pytest.mark.slow
@each_case("name", list(LAYERS))
def test_tiles_that_go_on_share_what_is_computed_of_the_whole_picture(name: str) -> None:
    pixels = uneven()
    for kind in (LayeredNetwork, Restless):
        job = replace(JOB, tile=64, overlap=12)
        resumed = run_network(kind(*LAYERS[name]), pixels, job).pixels.astype(int)
        begun = run_network(kind(*LAYERS[name]), pixels, replace(job, free_memory=no_memory))
        error = np.abs(resumed - begun.pixels.astype(int))
        assert (error > 2).mean() < 0.001, kind


def test_stops_are_stored_as_far_as_memory_allows() -> None:
    assert not Stops.within(100, 40).room
    assert Stops.within(100, 60).halves
    stops = Stops.within(100, 120)
    assert not stops.halves
    first, second = (Tile(Region(x, 0, 8, 8), Region(x, 0, 8, 8)) for x in (0, 8))
    trace = stops.of(first)
    assert trace is not None
    assert stops.of(first) is trace
    trace.size_bytes = 120
    assert stops.of(second) is None
    assert stops.last_of([first]) is trace
    assert stops.last_of([first]) is None
