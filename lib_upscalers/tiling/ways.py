"""Choose how a network runs on a device: in which precision, by torch or by ncnn."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lib_upscalers.network import normal_vulkan
from lib_upscalers.tiling.executor import Executor
from lib_upscalers.tiling.half_precision import try_half
from lib_upscalers.tiling.ncnn_trial import beats, chosen, trial_key, try_ncnn
from lib_upscalers.tiling.precision import dtype_ladder, place_key

if TYPE_CHECKING:
    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.host import Precision
    from lib_upscalers.network import Network
    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.policy import Job

_log = logging.getLogger("lib_upscalers")


class Ways:
    """Makes the executors of one run.

    Args:
        network: What runs.
        job: What was asked for.
        size: Of the picture.
        deep: Whether more than 8 bits matter.
        progress: Can stop a forward.
    """

    def __init__(
        self, network: Network, job: Job, size: Size, progress: Progress, *, deep: bool
    ) -> None:
        self._network = network
        self._job = job
        self._size = size
        self._deep = deep
        self._progress = progress

    def executor(self, device: torch.device) -> Executor:
        """Return what runs the network on a device, as well as is known so far."""
        import torch

        network, asked = self._network, self._precision_on(device)
        if asked == "auto" and self._ncnn_beats_half(device):
            asked = "fp32"
        ladder = dtype_ladder(network.traits, network.profile, device, asked)
        exact = ladder[0] == torch.float32
        other = chosen(network, device, self._job.backend) if exact else None
        place = normal_vulkan(self._job.backend) if other else ""
        return Executor(network, device, ladder, self._progress, other, place)

    def measured(self, executor: Executor) -> Executor:
        """Measure what may pay and is not known; return what runs the network then."""
        device, backend = executor.device, self._job.backend
        if device.type != "cpu":
            return executor
        if self._precision_on(device) == "auto":
            try_half(executor, self._size)
        if self._precision_on(device) in ("auto", "fp32") and backend != "torch":
            try_ncnn(executor, self._size, backend)
        found = self.executor(device)
        if backend not in ("auto", "torch") and not found.by_ncnn:
            _log.warning(
                "%s cannot run by ncnn here, which computes convolutional networks in fp32 on a "
                "CPU and has to be installed: it runs by torch, in %s.",
                self._network.traits.name,
                found.precision,
            )
        return found

    def _precision_on(self, device: torch.device) -> Precision:
        """Return the precision to ask for: left to the engine, 16 bits are too many for bf16."""
        asked = self._job.precision
        if asked != "auto" or device.type != "cpu":
            return asked
        return "fp32" if self._deep or self._job.backend not in ("auto", "torch") else asked

    def _ncnn_beats_half(self, device: torch.device) -> bool:
        import torch

        profile, backend = self._network.profile, self._job.backend
        ncnn = profile.ncnn.get(trial_key(device, backend))
        half = profile.half.get(place_key(device, torch.bfloat16))
        return backend == "auto" and device.type == "cpu" and beats(ncnn, half)
