"""Describe graphs of operators from any kind of file, in the terms of ONNX."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.reading.faults import DamagedFileError, NoNetworkError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

MOST_NODES = 10_000
# Operators that give what they take.
SILENT = ("Identity", "Cast")


@dataclass(frozen=True)
class Node:
    """One operator.

    Attributes:
        kind: Its type in ONNX, such as "Conv".
        name: Its name in the file.
        inputs: The names of its inputs; "" for an optional input without a value.
        outputs: The names of its results.
        attributes: Numbers, texts and lists of numbers by name, as in ONNX.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        """Return its name in error texts."""
        return f"the node {printable(self.name)!r} ({printable(self.kind)})"


@dataclass(frozen=True)
class Graph:
    """A network as a file states it, for a picture (1, C, H, W).

    Attributes:
        nodes: In the order in which they run.
        constants: Weights and other constants by name; blank where they were not read.
        input: The name of the picture.
        output: The name of the result.
        side: The width and height that the file asks for; 0: any.
    """

    nodes: Sequence[Node]
    constants: Mapping[str, torch.Tensor]
    input: str
    output: str
    side: tuple[int, int] = (0, 0)


def has_weights(node: Node, graph: Graph) -> bool:
    """Return whether a node is a layer with weights: a convolution, or slopes."""
    layer = node.kind in ("Conv", "ConvTranspose", "PRelu")
    return layer and len(node.inputs) > 1 and node.inputs[1] in graph.constants


def split_closing(graph: Graph) -> tuple[Graph, float, str]:
    """Return a graph without the nodes after its network, and the resizing that these do.

    Returns:
        The graph; by how much its result is resized afterwards, and torch's name of the mode; 1 and
        "" if it is not.
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
        elif last.kind not in SILENT and not _clips_pictures(last, graph):
            break
        output = nodes.pop().inputs[0]
    return replace(graph, nodes=nodes, output=output), factor, mode


def _clips_pictures(node: Node, graph: Graph) -> bool:
    """Return whether a node clips to [0, 1] or less closely, as the engine clips in any case."""
    if node.kind == "Relu":
        return True
    if node.kind != "Clip":
        return False
    limits = [node.attributes.get("min", -math.inf), node.attributes.get("max", math.inf)]
    for i, name in enumerate(node.inputs[1:3]):
        constant = graph.constants.get(name)
        if name and (constant is None or constant.numel() != 1):
            return False
        limits[i] = limits[i] if constant is None else float(constant)
    return limits[0] <= 0.0 and limits[1] >= 1.0


def check_order(graph: Graph) -> None:
    """Check that each node's inputs are computed before it, so that there is no cycle.

    Raises:
        DamagedFileError: An input does not exist or is computed later, or two results have one
            name.
    """
    if len(graph.nodes) > MOST_NODES:
        raise DamagedFileError(f"it has more than {MOST_NODES:,} nodes")
    known = {graph.input, "", *graph.constants}
    for node in graph.nodes:
        for name in node.inputs:
            if name not in known:
                raise DamagedFileError(
                    f"{node} takes {printable(name)!r}, which nothing before it gives"
                )
        for name in node.outputs:
            if name in known and name:
                raise DamagedFileError(f"{node} gives {printable(name)!r}, which is there already")
            known.add(name)
    if graph.output not in known:
        raise NoNetworkError("its graph gives no picture")
