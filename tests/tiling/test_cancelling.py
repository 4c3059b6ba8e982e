"""A forward can be cancelled between its operators, and none of them may take long."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from lib_upscalers.errors import Cancelled
from lib_upscalers.geometry import Size
from lib_upscalers.network import MemoryUse
from lib_upscalers.tiling.executor import Executor
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.policy import make_policy
from lib_upscalers.tiling.probe import measure_layout
from lib_upscalers.tiling.watch import CancelBetweenOperators
from tests.tiling.fakes import AveragingNetwork, FakeNetwork
from tests.tiling.test_loop import CPU, JOB, Recorder, picture

if TYPE_CHECKING:
    from collections.abc import Callable

LAYERS = 40


class DeepNetwork(FakeNetwork):
    """Counts the layers that it has run."""

    layers = 0

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        for _ in range(LAYERS):
            batch = functional.avg_pool2d(batch, 3, 1, 1)
            self.layers += 1
        return batch


@pytest.fixture(autouse=True)
def _ask_at_every_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib_upscalers.tiling.watch._CHECK_SECONDS", 0.0)


def _modes() -> int:
    return torch._C._len_torch_dispatch_stack()


def test_a_network_is_asked_between_its_layers_and_left_alone_afterwards() -> None:
    network, recorder = DeepNetwork(), Recorder()
    whole = run_network(network, picture(0, 40, 40), JOB, progress=recorder)
    assert whole.tiles == 1
    assert recorder.checks >= LAYERS
    assert _modes() == 0
    before = recorder.checks
    network(torch.rand(1, 3, 8, 8))
    assert recorder.checks == before


def test_a_cancelled_network_runs_no_further_layer_and_can_run_again() -> None:
    network = DeepNetwork()
    with pytest.raises(Cancelled):
        run_network(network, picture(0, 40, 40), JOB, progress=Recorder(cancel_at=12))
    assert network.layers < 13
    assert _modes() == 0
    assert run_network(network, picture(0, 40, 40), JOB).tiles == 1


def test_measurements_can_be_cancelled_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib_upscalers.tiling.policy._WORTH_A_LAYOUT_PROBE", 0)
    network, recorder = DeepNetwork(), Recorder()
    make_policy(Executor(network, CPU, [torch.float32], recorder), Size(90, 90), JOB)
    measured, asked = network.layers, recorder.checks
    assert measured >= 2 * LAYERS
    assert asked >= measured
    network = DeepNetwork()
    with pytest.raises(Cancelled):
        make_policy(
            Executor(network, CPU, [torch.float32], Recorder(cancel_at=5)), Size(90, 90), JOB
        )
    assert _modes() == 0
    assert run_network(network, picture(0, 90, 90), JOB).tiles == 1


def test_an_operator_that_takes_long_makes_tiles_smaller() -> None:
    size = Size(1200, 1000)
    for make in (FakeNetwork, AveragingNetwork):
        network = make()
        network.profile.memory["cpu/float32"] = MemoryUse(1.0, 1.0)
        network.profile.channels_last["cpu/float32"] = True
        executor = Executor(network, CPU, [torch.float32])
        assert len(make_policy(executor, size, JOB).tiles) == 1, make
        network.profile.slowest["cpu/float32"] = 2.0 / 300**2
        for job in (JOB, replace(JOB, tile=1024)):
            tiles = make_policy(executor, size, job).tiles
            assert max(tile.source.area for tile in tiles) <= 300**2, (make, job.tile)


def test_the_slowest_operator_is_measured_with_the_layout() -> None:
    class Uneven(FakeNetwork):
        def look(self, batch: torch.Tensor) -> torch.Tensor:
            return functional.avg_pool2d(batch, 31, 1, 15)

    layout = measure_layout(Uneven(), CPU, torch.float32)
    assert 0 < layout.slowest < 1e-3


class _Queue:
    """A device that runs operators later: `behind` of them are queued."""

    def __init__(self) -> None:
        self.queued, self.done, self.farthest = 0, 0, 0

    def mark(self) -> Callable[[], object]:
        reached = self.queued

        def wait() -> None:
            self.done = max(self.done, reached)

        return wait


class _Enqueue(TorchDispatchMode):
    """Counts operators into a queue."""

    def __init__(self, queue: _Queue) -> None:
        super().__init__()
        self._queue = queue

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        del types
        queue = self._queue
        queue.queued += 1
        queue.farthest = max(queue.farthest, queue.queued - queue.done)
        return func(*args, **(kwargs or {}))


def test_a_forward_never_runs_far_ahead_of_a_device_with_a_queue() -> None:
    x = torch.rand(4)
    for mark, expected in ((False, 500), (True, 40)):
        queue, recorder = _Queue(), Recorder()
        watch = CancelBetweenOperators(recorder, queue.mark if mark else None)
        with torch.inference_mode(), _Enqueue(queue), watch:
            for _ in range(500):
                x.add_(0)
        assert queue.queued == 500
        assert recorder.checks >= 500
        assert (queue.farthest > 40) is not mark
        assert queue.farthest <= expected
