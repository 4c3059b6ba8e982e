"""Measure another way to compute a network beside torch in fp32."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from lib_upscalers.geometry import Size
from lib_upscalers.network import SpeedTrial

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

PROBE = Size(64, 64)
# The trial takes about three forwards of the probe: a small part of such a picture's work.
WORTH_A_TRIAL = 16 * PROBE.area
_ROUNDS = 3
# Outside of these, another round changes no decision.
_SLOW, _FAST = 1.1, 1.8
_WORST = 255.0


def measure(exact: Callable[[], torch.Tensor], other: Callable[[], torch.Tensor]) -> SpeedTrial:
    """Run two ways to compute a small picture by turns.

    Args:
        exact: Torch in fp32.
        other: The other way. Both return a batch with values in [0, 1].
    """
    ways = (exact, other)
    best, speed = [math.inf, math.inf], 1.0
    outputs: list[torch.Tensor] = []
    for _ in range(_ROUNDS):
        # The first forward prepares the weights.
        outputs = [way() for way in ways]
        for i, way in enumerate(ways):
            start = time.perf_counter()
            way()
            best[i] = min(best[i], time.perf_counter() - start)
        speed = best[0] / best[1]
        if not _SLOW < speed < _FAST:
            break
    first, second = (each.float().clamp(0, 1) for each in outputs)
    error = float((first - second).abs().mean()) * 255
    return SpeedTrial(speed, error if math.isfinite(error) else _WORST)
