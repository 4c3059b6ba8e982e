"""Measure whether a network is faster in bf16 on a CPU that computes it natively."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from lib_upscalers.geometry import Size
from lib_upscalers.network import HalfTrial
from lib_upscalers.tiling.executor import measuring
from lib_upscalers.tiling.precision import has_native_bf16, place_key
from lib_upscalers.tiling.probe import draw_probe

if TYPE_CHECKING:
    import torch

    from lib_upscalers.network import Network
    from lib_upscalers.tiling.executor import Executor

_PROBE = Size(64, 64)
# The trial takes about three forwards of the probe: a small part of such a picture's work.
_WORTH_A_TRIAL = 16 * _PROBE.area
_ROUNDS = 3
# Outside of these, another round changes no decision.
_SLOW, _FAST = 1.1, 1.8
_WORST = 255.0


def try_half(executor: Executor, size: Size) -> None:
    """Measure a network in bf16, once, where that may pay; the network has to be placed again.

    Nothing is measured on a CPU that only emulates bf16, for a network that does not support it,
    and for a picture so small that measuring would take as long.

    Args:
        executor: Has the network and the device; its profile gets the trial.
        size: Of the picture.
    """
    import torch

    network, device = executor.network, executor.device
    key = place_key(device, torch.bfloat16)
    trials = network.profile.half
    open_question = network.traits.supports_bf16 and key not in trials
    if open_question and size.area >= _WORTH_A_TRIAL and has_native_bf16(device):
        with measuring(executor):
            trials[key] = measure_half(network, device)


def measure_half(network: Network, device: torch.device) -> HalfTrial:
    """Run a small drawn picture in fp32 and bf16 by turns.

    Args:
        network: It is left in one of the two.
        device: Where it runs.
    """
    import torch

    picture = draw_probe(network.traits, _PROBE, device)
    best = {torch.float32: math.inf, torch.bfloat16: math.inf}
    outputs: dict[torch.dtype, torch.Tensor] = {}
    speed = 1.0
    for _ in range(_ROUNDS):
        for dtype in (torch.float32, torch.bfloat16):
            network.place(device, dtype, channels_last=True)
            batch = picture.to(dtype)
            # The first forward after a move prepares the weights.
            outputs[dtype] = network(batch)
            start = time.perf_counter()
            network(batch)
            best[dtype] = min(best[dtype], time.perf_counter() - start)
        speed = best[torch.float32] / best[torch.bfloat16]
        if not _SLOW < speed < _FAST:
            break
    exact, half = (each.float().clamp(0, 1) for each in outputs.values())
    error = float((exact - half).abs().mean()) * 255
    return HalfTrial(speed, error if math.isfinite(error) else _WORST)
