"""Run networks that were handed over to ncnn, as modules of torch."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from lib_upscalers.file_writing import write_bytes
from lib_upscalers.models.ncnn_backend.layers import state
from lib_upscalers.models.ncnn_backend.recording import record

if TYPE_CHECKING:
    from lib_upscalers.models.ncnn_backend.layers import NcnnGraph


class NcnnModule(nn.Module):
    """A module from pictures to pictures, computed by ncnn in fp32.

    Args:
        graph: What it computes.
        vulkan: On which of Vulkan's GPUs; None: on the CPU.
    """

    def __init__(self, graph: NcnnGraph, vulkan: int | None = None) -> None:
        super().__init__()
        self._input = graph.input
        self._steps = graph.steps
        self._net = _net_of(graph, vulkan)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Run it: (N, C, H, W) to (N, D, H', W'), fp32.

        Raises:
            MemoryError: ncnn returns nothing, for which it has no other reason.
        """
        return torch.stack([self._run(each) for each in batch])

    def _run(self, picture: torch.Tensor) -> torch.Tensor:
        extractor = self._net.create_extractor()
        # ncnn reads these bytes where they are, and does not keep them alive.
        held = picture.contiguous().numpy()
        extractor.input(self._input, _package().Mat(held))
        result: Any = None
        for step in self._steps:
            # The engine checks between torch's operators whether the work is cancelled.
            torch.empty(0)
            code, result = extractor.extract(step)
            if code:
                raise MemoryError
        return torch.from_numpy(np.array(result))


def hand_over(network: nn.Module, picture: torch.Tensor, vulkan: int | None = None) -> NcnnModule:
    """Return a network as ncnn computes it.

    Args:
        network: In fp32 on the CPU.
        picture: Anything of a shape that it takes, (1, C, H, W).
        vulkan: On which of Vulkan's GPUs; None: on the CPU.

    Raises:
        NotRecordableError: It cannot be stated in ncnn's terms.
    """
    return NcnnModule(state(record(network, picture)), vulkan)


def _package() -> Any:  # noqa: ANN401 - it has no types
    return importlib.import_module("ncnn")


def _net_of(graph: NcnnGraph, vulkan: int | None) -> Any:  # noqa: ANN401 - an object of an optional package
    net = _package().Net()
    options = net.opt
    options.num_threads = torch.get_num_threads()
    options.use_vulkan_compute = vulkan is not None
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
    options.use_bf16_packed = options.use_bf16_storage = False
    if vulkan is not None:
        net.set_vulkan_device(vulkan)
    net.load_param_mem(graph.text)
    # From memory, ncnn would go on reading bytes that Python has freed.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.bin"
        write_bytes(path, graph.weights, overwrite=False)
        net.load_model(str(path))
    return net
