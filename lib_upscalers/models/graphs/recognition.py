"""Find the architecture that a graph was exported from, and build its network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.architectures import detect, spandrel_module
from lib_upscalers.models.architectures.hints import misfit
from lib_upscalers.models.building import OversizedError, build
from lib_upscalers.models.graphs.graph import split_closing
from lib_upscalers.models.graphs.graph_check import check_agreement
from lib_upscalers.models.graphs.mapping import is_pro, states
from lib_upscalers.models.reading.faults import MISFITS, NoNetworkError
from lib_upscalers.models.wrapping import parts, unwrap

if TYPE_CHECKING:
    from pathlib import Path

    from spandrel import ArchRegistry

    from lib_upscalers.models.graphs.graph import Graph


class Resized(nn.Module):
    """A network whose result is resized, as its file asks.

    Args:
        network: The network.
        factor: By how much.
        mode: The mode of torch's `interpolate`.
    """

    def __init__(self, network: nn.Module, factor: float, mode: str) -> None:
        super().__init__()
        self.network = network
        self.factor = factor
        self.mode = mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge (N, C, H, W)."""
        return functional.interpolate(
            self.network(x), scale_factor=self.factor, mode=self.mode, align_corners=False
        )


def graph_descriptor(graph: Graph, known: ArchRegistry, path: Path, *, values: bool) -> Any:  # noqa: ANN401
    """Return spandrel's descriptor of the network that a graph is of.

    Args:
        graph: The graph.
        known: The architectures to choose from.
        path: The file: only its name shows that a Real-CUGAN is of the "pro" kind.
        values: Whether the weights were read; without them the graph is not compared.

    Raises:
        NoNetworkError: No architecture has these layers, or the one that has them computes
            something else; the text names the node.
        DamagedFileError: The graph takes far more memory or work than an upscaler.
    """
    core, factor, mode = split_closing(graph)
    why, fault = "none of the known architectures has the layers of its graph", ""
    for state in states(core, torch.zeros(1), pro=is_pro(path)):
        for part in parts(unwrap(state)):
            found = detect(part, known)
            if found is None:
                continue
            try:
                descriptor: Any = build(found.architecture, part)
            except (*MISFITS, OversizedError) as error:
                why = f"it looks like {found.architecture.name}, but {misfit(error)}"
                break
            try:
                if values:
                    module = descriptor.model.eval()
                    sizes = descriptor.size_requirements
                    least, multiple = sizes.minimum or 0, sizes.multiple_of or 1
                    check_agreement(core, module, descriptor.input_channels, least, multiple)
                return _with_resize(descriptor, factor, mode)
            except NoNetworkError as error:
                # The likeliest architecture comes first.
                fault = fault or f"it looks like {found.architecture.name}, but {error}"
                break
    raise NoNetworkError(fault or why)


def _with_resize(descriptor: Any, factor: float, mode: str) -> Any:  # noqa: ANN401
    if factor == 1.0:
        return descriptor
    scale = descriptor.scale * factor
    if scale != int(scale) or scale < 1:
        raise NoNetworkError(f"it enlarges by {scale:g}, which is no whole number")
    module = Resized(descriptor.model, factor, mode)
    return spandrel_module().ImageModelDescriptor(
        module,
        module.state_dict(),
        architecture=descriptor.architecture,
        purpose="Restoration" if scale == 1 else "SR",
        tags=descriptor.tags,
        supports_half=descriptor.supports_half,
        supports_bfloat16=descriptor.supports_bfloat16,
        scale=int(scale),
        input_channels=descriptor.input_channels,
        output_channels=descriptor.output_channels,
        size_requirements=descriptor.size_requirements,
        tiling=descriptor.tiling,
    )
