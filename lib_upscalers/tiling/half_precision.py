"""Measure whether a network is faster in bf16 on a CPU that computes it natively."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.tiling.executor import measuring
from lib_upscalers.tiling.precision import has_native_bf16, place_key
from lib_upscalers.tiling.probe import draw_probe
from lib_upscalers.tiling.trials import PROBE, WORTH_A_TRIAL, measure

if TYPE_CHECKING:
    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.network import Network, SpeedTrial
    from lib_upscalers.tiling.executor import Executor


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
    if open_question and size.area >= WORTH_A_TRIAL and has_native_bf16(device):
        with measuring(executor):
            trials[key] = measure_half(network, device)


def measure_half(network: Network, device: torch.device) -> SpeedTrial:
    """Run a small drawn picture in fp32 and bf16 by turns.

    Args:
        network: It is left in one of the two.
        device: Where it runs.
    """
    import torch

    picture = draw_probe(network.traits, PROBE, device)

    def run(dtype: torch.dtype) -> torch.Tensor:
        network.place(device, dtype, channels_last=True)
        return network(picture.to(dtype))

    return measure(lambda: run(torch.float32), lambda: run(torch.bfloat16))
