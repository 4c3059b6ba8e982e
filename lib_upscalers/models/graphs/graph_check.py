"""Compare a foreign graph with the architecture that its weights were read into.

Both run on one probe in fp32. An activation, a padding, a mean or a scale that differs shows in
the features of the layer after it, by which the node at fault is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.models.graphs.evaluation import evaluate
from lib_upscalers.models.reading.faults import NoNetworkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.models.graphs.graph import Graph, Node

_SIDE = 16
# Of the largest feature. The order of additions costs a millionth, a mean stored in 16 bits less
# than a thousandth, which is a quarter of a level.
_MOST = 1e-3
_SILENT = ("Identity", "Cast")


@dataclass(frozen=True)
class _Seen:
    """What went into and out of a layer."""

    taken: torch.Tensor
    given: torch.Tensor


def split_closing(graph: Graph) -> tuple[Graph, float, str]:
    """Return a graph without what follows its network, and the resizing that this does.

    Returns:
        The graph; by how much its result is resized afterwards, and how in torch's words: 1 and
        "" where it is not.
    """
    nodes = list(graph.nodes)
    output, factor, mode = graph.output, 1.0, ""
    while nodes and nodes[-1].outputs[0] == output:
        last = nodes[-1]
        if last.kind == "Resize" and last.attributes.get("mode") in ("linear", "cubic"):
            factors = last.attributes.get("factors", ())
            if len(set(factors)) != 1 or mode:
                break
            factor = float(factors[0])
            mode = {"linear": "bilinear", "cubic": "bicubic"}[last.attributes["mode"]]
        elif last.kind not in _SILENT and not _clips_pictures(last, graph):
            break
        output = nodes.pop().inputs[0]
    return replace(graph, nodes=nodes, output=output), factor, mode


def _clips_pictures(node: Node, graph: Graph) -> bool:
    """Return whether a node clips to [0, 1], as the engine does in any case."""
    if node.kind != "Clip":
        return False
    limits = [node.attributes.get("min"), node.attributes.get("max")]
    for i, name in enumerate(node.inputs[1:3]):
        constant = graph.constants.get(name)
        if constant is not None and constant.numel() == 1:
            limits[i] = float(constant)
    return limits == [0.0, 1.0]


def check_agreement(graph: Graph, module: nn.Module, channels: int, least: int) -> None:
    """Check that a graph and a network give the same.

    Args:
        graph: The graph, without what follows the network.
        module: The network, ready to run on the CPU in fp32.
        channels: How many channels it takes.
        least: The least width and height that it takes.

    Raises:
        NoNetworkError: They do not; the text names the node where they part.
        DamagedFileError: The graph takes far more memory or work than an upscaler.
    """
    sides = tuple(side or max(_SIDE, least) for side in graph.side)
    if max(sides) > 128:
        raise NoNetworkError(f"it takes pictures of {sides[1]} x {sides[0]} pixels alone")
    generator = torch.Generator().manual_seed(1)
    probe = torch.rand(1, channels, *sides, generator=generator)
    with torch.inference_mode():
        watched = _Watch(module)
        watched.attach()
        try:
            expected = module(probe.clone())
        finally:
            watched.detach()
        trials = [(probe, expected)]
        if watched.core is not None:
            trials = _cores(module, probe, watched.core, expected)
        faults = [_fault(graph, fed, result, watched.layers) for fed, result in trials]
        if all(faults):
            raise NoNetworkError(faults[0])


def _cores(
    module: nn.Module, probe: torch.Tensor, core: torch.Tensor, expected: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return what a graph of Real-CUGAN may be fed, and should then give.

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


def _fault(graph: Graph, fed: torch.Tensor, expected: torch.Tensor, layers: Sequence[_Seen]) -> str:
    """Return where a graph parts from what is expected; "" where it does not."""
    nodes: list[Node] = []
    found: list[_Seen] = []

    def note(node: Node, taken: torch.Tensor, given: torch.Tensor) -> None:
        nodes.append(node)
        found.append(_Seen(taken, given))

    try:
        result = evaluate(graph, fed, note)
    except NoNetworkError as error:
        return _difference(graph, nodes, found, layers) or str(error)
    if _same(result, expected):
        return ""
    return _difference(graph, nodes, found, layers) or _blame(graph, graph.output, None)


class _Watch:
    """What a network's layers took and gave, in the order in which they ran."""

    def __init__(self, module: nn.Module) -> None:
        self.layers: list[_Seen] = []
        self.core: torch.Tensor | None = None
        self._handles: list[Any] = []
        self._module = module

    def attach(self) -> None:
        """Be called whenever a layer runs."""
        for layer in self._module.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.PReLU)):
                self._handles.append(layer.register_forward_pre_hook(self._before))
                self._handles.append(layer.register_forward_hook(self._after))
        core = dict(self._module.named_modules()).get("unet1.conv1.conv.0")
        if core is not None:
            # Real-CUGAN's graphs begin after the padding, which their programs do themselves.
            self._handles.append(core.register_forward_pre_hook(self._begin))

    def detach(self) -> None:
        """Leave the network as it was."""
        for handle in self._handles:
            handle.remove()

    def _begin(self, _: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
        if self.core is None:
            self.core = inputs[0].clone()

    def _before(self, _: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
        # The layer may be followed by one that changes its input or result where it lies.
        self._taken = inputs[0].clone()

    def _after(self, _: nn.Module, __: object, result: torch.Tensor) -> None:
        self.layers.append(_Seen(self._taken, result.clone()))


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape:
        return False
    largest = max(float(other.abs().max()), 1e-3)
    return bool((one - other).abs().max() <= _MOST * largest)


def _difference(
    graph: Graph, nodes: Sequence[Node], found: Sequence[_Seen], layers: Sequence[_Seen]
) -> str:
    """Say where a graph parts from the architecture; "" where all layers give the same."""
    for node, ours, theirs in zip(nodes, found, layers, strict=False):
        if not _same(ours.taken, theirs.taken):
            return _blame(graph, node.inputs[0], node)
        if not _same(ours.given, theirs.given):
            return f"{node} does something else than its architecture"
    return ""


def _blame(graph: Graph, name: str, before: Node | None) -> str:
    makers = {output: node for node in graph.nodes for output in node.outputs}
    maker = makers.get(name)
    while maker is not None and maker.kind in _SILENT:
        maker = makers.get(maker.inputs[0])
    if maker is None:
        return f"{before} takes the picture in another form than its architecture"
    return f"{maker} gives something else than its architecture does there"
