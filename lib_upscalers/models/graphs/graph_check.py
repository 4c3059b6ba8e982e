"""Compare a foreign graph with the architecture that its weights were read into.

Both run on one probe in fp32, and in fp64 if they differ there: some networks make a thousand
times more of what rounding leaves. If an activation, a padding, a mean or a scale differs, so do
the features of the next layer, by which the node at fault is found.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.graphs.evaluation import evaluate
from lib_upscalers.models.graphs.graph import SILENT
from lib_upscalers.models.reading.faults import NoNetworkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.models.graphs.graph import Graph, Node

_SIDE = 16
# Of the largest feature. The order of additions costs a millionth, a mean stored in 16 bits less
# than a thousandth, which is a quarter of a level.
_MOST = 1e-3
_LARGEST_SIDE = 128
# The first layers of Real-CUGAN and waifu2x, whose graphs begin after the padding: the programs
# that come with them pad by themselves.
_CORES = ("unet1.conv1.conv.0", "net.0")


@dataclass(frozen=True)
class _LayerRun:
    """A layer's input and result."""

    taken: torch.Tensor
    given: torch.Tensor
    weight: tuple[float, ...]


def check_agreement(
    graph: Graph, module: nn.Module, channels: int, least: int, multiple: int = 1
) -> None:
    """Check that a graph and a network compute the same.

    Args:
        graph: The graph, without what follows the network.
        module: The network, ready to run on the CPU in fp32.
        channels: How many channels it takes.
        least: The least width and height that it takes.
        multiple: A number that width and height must be a multiple of.

    Raises:
        NoNetworkError: They do not; the text names the first node that differs.
        DamagedFileError: The graph takes far more memory or work than an upscaler.
    """
    side = -(-max(_SIDE, least) // multiple) * multiple
    fault = _disagreement(graph, module, channels, (side, side))
    # A size that the file asks for may be a mere habit of its exporter, or the only one that runs.
    fixed = (graph.side[0] or side, graph.side[1] or side)
    if fault and fixed != (side, side):
        if max(fixed) > _LARGEST_SIDE:
            fault += f" (its graph is for pictures of {fixed[1]} x {fixed[0]} pixels)"
        else:
            fault = _disagreement(graph, module, channels, fixed)
    if fault:
        raise NoNetworkError(fault)


def _disagreement(graph: Graph, module: nn.Module, channels: int, sides: tuple[int, int]) -> str:
    """Return where a graph differs from a network on a probe; "" if it does not."""
    generator = torch.Generator().manual_seed(1)
    probe = torch.rand(1, channels, *sides, generator=generator)
    fault = _fault_on(graph, module, probe)
    if not fault:
        return ""
    try:
        return _fault_on(graph, module.double(), probe.double()) and fault
    finally:
        module.float()


def _fault_on(graph: Graph, module: nn.Module, probe: torch.Tensor) -> str:
    with torch.inference_mode():
        watched = _Watch(module)
        watched.attach()
        try:
            expected = module(probe.clone())
        finally:
            watched.detach()
        trials = [(probe, expected)]
        if watched.core is not None:
            trials = [*_cores(module, probe, watched.core, expected), *trials]
        faults = [_fault(graph, fed, result, watched.layers) for fed, result in trials]
    return faults[0] if all(faults) else ""


def _cores(
    module: nn.Module, probe: torch.Tensor, core: torch.Tensor, expected: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return inputs for a graph of Real-CUGAN, and the results that they should have.

    The programs that come with such files pad the picture, add it to the result of four times,
    and bring it into the range of the "pro" networks; the graph may do the last, too.
    """
    pro = getattr(module, "pro", None) is not None
    if hasattr(module, "conv_final"):
        factor = expected.shape[-1] // probe.shape[-1]
        expected = expected - functional.interpolate(probe, scale_factor=factor)
    if not pro:
        return [(core, expected)]
    return [(core, expected * 0.7 + 0.15), ((core - 0.15) / 0.7, expected)]


def _fault(
    graph: Graph, fed: torch.Tensor, expected: torch.Tensor, layers: Sequence[_LayerRun]
) -> str:
    """Return where a graph differs from what is expected; "" if it does not."""
    nodes: list[Node] = []
    found: list[_LayerRun] = []

    def note(node: Node, taken: torch.Tensor, given: torch.Tensor) -> None:
        nodes.append(node)
        found.append(_LayerRun(taken, given, _key(graph.constants[node.inputs[1]])))

    try:
        result = evaluate(graph, fed, note)
    except NoNetworkError as error:
        return _first_difference(graph, nodes, found, layers) or str(error)
    # What differs deep inside of a network may hardly show in its result.
    fault = _first_difference(graph, nodes, found, layers)
    if fault or _agree(result, expected):
        return fault
    return _blame(graph, graph.output, None)


class _Watch:
    """Records the inputs and results of a network's layers, in the order in which they ran."""

    def __init__(self, module: nn.Module) -> None:
        self.layers: list[_LayerRun] = []
        self.core: torch.Tensor | None = None
        self._handles: list[Any] = []
        self._module = module

    def attach(self) -> None:
        """Attach hooks to all layers."""
        for layer in self._module.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.PReLU)):
                self._handles.append(layer.register_forward_pre_hook(self._note_input))
                self._handles.append(layer.register_forward_hook(self._note_result))
        modules = dict(self._module.named_modules())
        for name in _CORES:
            if name in modules:
                self._handles.append(modules[name].register_forward_pre_hook(self._note_core))

    def detach(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()

    def _note_core(self, _: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
        if self.core is None:
            self.core = inputs[0].clone()

    def _note_input(self, _: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
        # A later layer may change this one's input or result in place.
        self._taken = inputs[0].clone()

    def _note_result(self, layer: Any, _: object, result: torch.Tensor) -> None:  # noqa: ANN401
        self.layers.append(_LayerRun(self._taken, result.clone(), _key(layer.weight)))


def _key(weight: torch.Tensor) -> tuple[float, ...]:
    """Return a few numbers by which weights are recognised, whatever their shape."""
    flat = weight.detach().flatten().double()
    return (float(flat.numel()), float(flat.sum()), float(flat[:1].sum()))


def _agree(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape:
        return False
    largest = max(float(other.abs().max()), 1e-3)
    return bool((one - other).abs().max() <= _MOST * largest)


def _first_difference(
    graph: Graph, nodes: Sequence[Node], found: Sequence[_LayerRun], layers: Sequence[_LayerRun]
) -> str:
    """Name the node where a graph differs from the architecture; "" if all layers agree."""
    # Branches that do not depend on one another may run in another order.
    waiting: dict[tuple[float, ...], list[_LayerRun]] = defaultdict(list)
    for layer in layers:
        waiting[layer.weight].append(layer)
    for node, ours in zip(nodes, found, strict=True):
        if not waiting[ours.weight]:
            continue
        theirs = waiting[ours.weight].pop(0)
        if not _agree(ours.taken, theirs.taken):
            return _blame(graph, node.inputs[0], node)
        if not _agree(ours.given, theirs.given):
            return f"{node} does something else than its architecture"
    return ""


def _blame(graph: Graph, name: str, before: Node | None) -> str:
    makers = {output: node for node in graph.nodes for output in node.outputs}
    maker = makers.get(name)
    while maker is not None and maker.kind in SILENT:
        maker = makers.get(maker.inputs[0])
    if maker is None:
        return f"{before} takes the picture in another form than its architecture"
    return f"{maker} gives something else than its architecture does there"
