"""Run a foreign graph on a small probe, with bounded memory and work."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lib_upscalers.models.graphs.graph import has_weights
from lib_upscalers.models.graphs.operators import OPERATORS
from lib_upscalers.models.reading.faults import MISFITS, DamagedFileError, NoNetworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    from lib_upscalers.models.graphs.graph import Graph, Node

# A probe of 40 x 40 pixels through eight times 64 channels has 7 million.
_MOST_ELEMENTS = 8 << 20
_MOST_LIVE = 32 << 20
# Multiplications; a Real-ESRGAN of 23 blocks takes 7 billion for a probe of 16 x 16.
_MOST_WORK = 40e9
# Which inputs of a node are numbers that decide the shape of its result.
_VALUES: Mapping[str, tuple[int, ...]] = {
    "Clip": (1, 2),
    "Pad": (1, 2),
    "Range": (0, 1, 2),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
}
# Integers that state a shape are few.
_MOST_OF_A_SHAPE = 1024


def evaluate(
    graph: Graph, probe: torch.Tensor, seen: Callable[[Node, torch.Tensor, torch.Tensor], None]
) -> torch.Tensor:
    """Return a graph's result for a probe (1, C, H, W), computed in the probe's dtype.

    Args:
        graph: The graph, checked by `check_order`.
        probe: The picture.
        seen: Gets every node that has weights, with its first input and its result.

    Raises:
        NoNetworkError: A node is of an unknown type, or cannot run; the text names it.
        DamagedFileError: It takes far more memory or work than an upscaler.
    """
    values: dict[str, torch.Tensor] = {
        name: value.to(probe.dtype) if value.is_floating_point() else value
        for name, value in graph.constants.items()
    }
    values[graph.input] = probe
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    work, live = 0.0, 0
    for node in graph.nodes:
        inputs = [values[name] if name else None for name in node.inputs]
        elements, cost = _forecast(node, inputs)
        work += cost
        live += elements
        if elements > _MOST_ELEMENTS or work > _MOST_WORK or live > _MOST_LIVE:
            raise DamagedFileError(f"{node} makes far more of a probe than an upscaler does")
        results = run_node(node, inputs)
        if has_weights(node, graph):
            seen(node, inputs[0] if inputs[0] is not None else results[0], results[0])
        values.update(zip(node.outputs, results, strict=True))
        for name in node.inputs:
            uses[name] -= 1
            if not uses[name] and name in values and name != graph.output:
                live -= values.pop(name).numel() if name not in graph.constants else 0
    return values[graph.output]


def _forecast(node: Node, inputs: list[torch.Tensor | None]) -> tuple[int, float]:
    """Return how many numbers a node makes, without making them, and its multiplications."""
    numbers = _VALUES.get(node.kind, ())
    bare = [each if each is None or i in numbers else _bare(each) for i, each in enumerate(inputs)]
    elements = sum(each.numel() for each in run_node(node, bare))
    each_one = 1
    first, second = [*inputs, None, None][:2]
    if node.kind in ("Conv", "ConvTranspose") and second is not None:
        each_one = second.numel() // max(1, second.shape[0])
    if node.kind == "MatMul" and first is not None:
        each_one = first.shape[-1]
    base = first.numel() if node.kind == "ConvTranspose" and first is not None else 0
    return elements, float(max(base, elements)) * each_one


def _bare(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor without its numbers, unless they may be a shape that the next node needs."""
    if tensor.is_floating_point() or tensor.numel() > _MOST_OF_A_SHAPE:
        return tensor.to("meta")
    return tensor


def run_node(node: Node, inputs: list[torch.Tensor | None]) -> tuple[torch.Tensor, ...]:
    """Return the results of one node.

    Raises:
        NoNetworkError: It is of an unknown type, or cannot run on these inputs.
    """
    operator = OPERATORS.get(node.kind)
    if operator is None:
        raise NoNetworkError(f"{node} is of a type that is not known here")
    try:
        results = operator(node, inputs)
    except MISFITS as error:
        if isinstance(error, (NoNetworkError, DamagedFileError)):
            raise
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise NoNetworkError(f"{node} cannot run: {first[:120]}") from error
    made = results if isinstance(results, tuple) else (results,)
    if len(made) != len(node.outputs):
        raise NoNetworkError(f"{node} gives {len(node.outputs)} results")
    return made
