"""Measure whether ncnn computes a network faster than torch, and the same."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lib_upscalers.geometry import Size
from lib_upscalers.network import normal_vulkan, vulkan_number
from lib_upscalers.tiling.executor import measuring
from lib_upscalers.tiling.precision import place_key
from lib_upscalers.tiling.probe import draw_probe
from lib_upscalers.tiling.trials import PROBE, WORTH_A_TRIAL, measure

if TYPE_CHECKING:
    import torch

    from lib_upscalers.network import Forward, Network, SpeedTrial
    from lib_upscalers.tiling.executor import Executor

# Below that, it is not worth its memory.
_FASTER = 1.25
# So much of bf16's speed is enough: bf16 gives another picture, if a little.
_NEARLY_AS_FAST = 0.9
# A network that does its trial in less has another one, on a larger picture.
_QUICK_SECONDS = 0.3
_LARGER = Size(192, 192)
# The mean difference, in 8-bit levels: both compute in fp32.
_THE_SAME = 0.05


def trial_key(device: torch.device, backend: str) -> str:
    """Return the key of a trial in a network's profile: on the CPU or on one of Vulkan's GPUs."""
    import torch

    found = normal_vulkan(backend)
    return f"{found}/float32" if found else place_key(device, torch.float32)


def try_ncnn(executor: Executor, size: Size, backend: str) -> None:
    """Measure a network with ncnn, once, where it may be used; it has to be placed again.

    Args:
        executor: Has the network and the device; its profile gets the trial.
        size: Of the picture: nothing is measured for one so small that measuring would take as
            long, unless ncnn was asked for.
        backend: What was asked for: "auto", "ncnn" or a Vulkan device.
    """
    network, device = executor.network, executor.device
    key, trials = trial_key(device, backend), network.profile.ncnn
    if key in trials or (backend == "auto" and size.area < WORTH_A_TRIAL):
        return
    forward = network.by_ncnn(vulkan_number(backend))
    if forward is not None:
        with measuring(executor):
            trials[key] = measure_ncnn(network, forward, device)


def measure_ncnn(network: Network, forward: Forward, device: torch.device) -> SpeedTrial:
    """Run a small drawn picture by torch and by ncnn in turns.

    Args:
        network: By torch; it is left in fp32.
        forward: By ncnn.
        device: Where it runs.
    """
    import torch

    network.place(device, torch.float32, channels_last=True)

    def on(size: Size) -> SpeedTrial:
        picture = draw_probe(network.traits, size, device)
        return measure(lambda: network(picture), lambda: forward(picture))

    start = time.perf_counter()
    small = on(PROBE)
    # Torch is better at larger pictures, and ncnn is not.
    return on(_LARGER) if time.perf_counter() - start < _QUICK_SECONDS else small


def chosen(network: Network, device: torch.device, backend: str) -> Forward | None:
    """Return what ncnn computes a network with, if it is to: in fp32 on the CPU.

    Args:
        network: Its profile has the trial, if one was made.
        device: Where it runs.
        backend: What was asked for; "auto": what was measured to be faster.
    """
    if backend == "torch" or device.type != "cpu":
        return None
    trial = network.profile.ncnn.get(trial_key(device, backend))
    if trial is None or trial.error >= _THE_SAME:
        return None
    if backend == "auto" and trial.speed < _FASTER:
        return None
    return network.by_ncnn(vulkan_number(backend))


def beats(ncnn: SpeedTrial | None, half: SpeedTrial | None) -> bool:
    """Return whether ncnn in fp32 is to be preferred to torch in bf16, which is less exact."""
    if ncnn is None or ncnn.error >= _THE_SAME or ncnn.speed < _FASTER:
        return False
    return half is None or ncnn.speed >= half.speed * _NEARLY_AS_FAST
