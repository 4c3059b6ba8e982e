"""On a CPU, bf16 is chosen where it is native, much faster and nearly the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lib_upscalers.geometry import Size
from lib_upscalers.network import SpeedTrial
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.progress import NULL
from lib_upscalers.tiling import half_precision, trials
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.policy import Job
from lib_upscalers.upscaling.network_passes import NetworkWork
from tests.tiling.fakes import FakeNetwork, traits

if TYPE_CHECKING:
    from lib_upscalers.host import Precision

CPU, KEY = torch.device("cpu"), "cpu/bfloat16"


@dataclass
class TimedNetwork(FakeNetwork):
    """Moves a clock by what a forward takes in each precision, and errs in bf16."""

    half_seconds: float = 1.0
    error: float = 0.0
    clock: list[float] = field(default_factory=lambda: [0.0])

    def look(self, batch: torch.Tensor) -> torch.Tensor:
        half = batch.dtype == torch.bfloat16
        self.clock[0] += self.half_seconds if half else 3.0
        return batch + self.error if half else batch


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> TimedNetwork:
    """A network on a CPU that computes bf16 natively, three times as fast as fp32."""
    made = TimedNetwork(traits(supports_bf16=True))
    clock = SimpleNamespace(perf_counter=lambda: made.clock[0])
    monkeypatch.setattr(trials, "time", clock)
    native(monkeypatch, there=True)
    return made


def native(monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    def answer(device: torch.device) -> bool:
        return there and device.type == "cpu"

    monkeypatch.setattr(half_precision, "has_native_bf16", answer)


def precision_of(
    network: FakeNetwork, *, asked: Precision = "auto", side: int = 256, kind: type = np.uint8
) -> str:
    job = Job(CPU, lambda _device: 1 << 40, precision=asked, tile=512)
    return run_network(network, np.zeros((side, side, 3), kind), job).precision


def test_it_is_used_where_it_is_much_faster_and_nearly_the_same(network: TimedNetwork) -> None:
    assert precision_of(network) == "bf16"
    trial = network.profile.half[KEY]
    assert trial.speed == 3.0
    assert 0 < trial.error < 1, "bf16 rounds"


@pytest.mark.parametrize(
    ("half_seconds", "error"), [(2.5, 0.0), (4.0, 0.0), (1.0, 0.01), (1.0, math.nan)]
)
def test_it_is_not_used_where_it_is_slow_or_another_picture(
    network: TimedNetwork, half_seconds: float, error: float
) -> None:
    network.half_seconds, network.error = half_seconds, error
    assert precision_of(network) == "fp32"
    assert KEY in network.profile.half


def test_a_network_is_tried_once(network: TimedNetwork) -> None:
    network.profile.half[KEY] = SpeedTrial(1.0, 0.0)
    assert precision_of(network) == "fp32"
    assert {dtype for _, dtype in network.placed} == {torch.float32}


def test_nothing_is_tried_where_it_cannot_be_used(
    network: TimedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert precision_of(network, asked="fp32") == "fp32"
    assert precision_of(network, side=64) == "fp32"
    assert precision_of(network, kind=np.uint16) == "fp32", "16 bits are more than bf16 has"
    native(monkeypatch, there=False)
    assert precision_of(network) == "fp32"
    assert not network.profile.half
    assert {dtype for _, dtype in network.placed} == {torch.float32}


def test_passes_and_a_kernel_afterwards_change_nothing(network: TimedNetwork) -> None:
    """Between the steps a picture of 8 bits has 16."""
    network.profile.half[KEY] = SpeedTrial(3.0, 0.0)
    job = Job(CPU, lambda _device: 1 << 40, tile=512)
    for kind, precision in ((np.uint8, "bf16"), (np.uint16, "fp32")):
        for factor in (2, 3, 4):
            work = NetworkWork(network, job, Size(16 * factor, 16 * factor), "Lanczos")
            picture = Picture(np.zeros((16, 16, 3), kind))
            done = work.run(picture, NULL, alpha_by_network=False)
            assert done.precision == precision, (kind, factor)


def test_a_picture_of_16_bits_runs_in_fp32_whatever_is_known(network: TimedNetwork) -> None:
    network.profile.half[KEY] = SpeedTrial(3.0, 0.0)
    assert precision_of(network, kind=np.uint16) == "fp32"
    assert precision_of(network, asked="bf16", kind=np.uint16) == "bf16", "who asks gets it"
    assert precision_of(network, side=64) == "bf16"
