"""Name the weights of a graph, by what its exporter wrote or by the order of its layers.

Neither ncnn nor an optimised ONNX file names its weights as the state dict does. For the
architectures that such files hold, the order of the layers determines the names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.graphs.graph import has_weights
from lib_upscalers.models.reading.faults import NoNetworkError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

    from lib_upscalers.models.graphs.graph import Graph, Node

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_DENSE_LAYERS = 5
# A name in a state dict; exporters call what they made themselves onnx::Mul_5, val_5 or /Constant.
_NAME = re.compile(r"(?!val_\d+$)[A-Za-z_]\w*(\.\w+)*")
_NORM = re.compile(r"norm[^/]*/(Mul|Add)(_\d+)?$", re.IGNORECASE)
_FACTOR = re.compile(r"/(Mul|Add)(_\d+)?$")
_PRO = re.compile(r"(?<![a-z])pro(?![a-z])")
# Fewer are a number of the calculation.
_FEWEST_FACTORS = 2


def is_pro(path: Path) -> bool:
    """Return whether a file's name or folder calls a Real-CUGAN "pro", which no layer shows."""
    return bool(_PRO.search(path.stem.lower()) or _PRO.search(path.parent.name.lower()))


def states(graph: Graph, mark: Any, *, pro: bool) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    """Yield the state dicts that a graph may be of, with the marks that no layer shows.

    Args:
        graph: The graph, without what follows the network.
        mark: A tensor, of the kind that the graph's weights are.
        pro: Whether a Real-CUGAN is of the "pro" kind.

    Raises:
        NoNetworkError: A layer has weights that are calculated and not stored.
    """
    plain = not any(node.kind == "Sub" for node in graph.nodes[:4])
    for state in candidates(graph):
        if "conv_1.eval_conv.weight" in state and "upsampler.0.weight" in state and plain:
            yield {**state, "no_norm": mark}
        elif "unet1.conv_bottom.weight" in state and pro:
            yield {**state, "pro": mark}
        else:
            yield state


def candidates(graph: Graph) -> Iterator[dict[str, torch.Tensor]]:
    """Yield state dicts that the graph may be of, the likeliest first.

    Raises:
        NoNetworkError: A layer has weights that are calculated and not stored.
    """
    nodes = [node for node in graph.nodes if has_weights(node, graph)]
    named = _exported(graph)
    if named:
        yield named
    for names in _names_by_order(graph, nodes):
        if len(names) == len(nodes):
            yield _state(graph, nodes, names)


def _state(graph: Graph, nodes: Sequence[Node], names: Sequence[str]) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}
    for node, name in zip(nodes, names, strict=True):
        weight = graph.constants[node.inputs[1]]
        state[f"{name}.weight"] = weight.flatten() if node.kind == "PRelu" else weight
        if len(node.inputs) > 2 and node.inputs[2]:
            bias = graph.constants.get(node.inputs[2])
            if bias is None:
                raise NoNetworkError(f"{node} has a bias that is calculated")
            state[f"{name}.bias"] = bias
    return state


def _exported(graph: Graph) -> dict[str, torch.Tensor]:
    """Return the weights by the names that the exporter wrote.

    Most stand on the weights. Of those that it stored in another form, the path of the node is
    left: slopes, matrices that it transposed, factors of a normalisation.
    """
    state = {name: held for name, held in graph.constants.items() if _NAME.fullmatch(name)}
    names = {node.name for node in graph.nodes}
    for node in graph.nodes:
        part, position = _weight_of_layer(node, graph, names)
        layer = _name_from_path(node.name)
        if not part:
            continue
        stored = node.inputs[position]
        held = graph.constants[stored]
        if node.kind == "MatMul":
            held = held.transpose(0, 1)
        elif node.kind not in _CONVOLUTIONS:
            held = held.flatten()
        if _NAME.fullmatch(stored):
            state[stored] = held
        elif layer:
            state[f"{layer}.{part}"] = held
    return state


def _weight_of_layer(node: Node, graph: Graph, named: Collection[str]) -> tuple[str, int]:
    """Return the kind of weights that a node holds, and the position of that input, or "" and 0."""
    stored = [i for i, name in enumerate(node.inputs) if name in graph.constants]
    if node.kind in (*_CONVOLUTIONS, "PRelu") and 1 in stored:
        return "weight", 1
    if node.kind == "MatMul" and stored and graph.constants[node.inputs[stored[0]]].ndim == 2:
        return "weight", stored[0]
    # Factors follow a normalisation inside of its layer; those by root mean squares have a scale.
    by_root = f"{node.name.rpartition('/')[0]}/ReduceL2" in named
    if len(stored) == 1 and (_NORM.search(node.name) or (by_root and _FACTOR.search(node.name))):
        held = node.inputs[stored[0]]
        own = not _NORM.search(node.name) and _NAME.fullmatch(held)
        if own or graph.constants[held].numel() < _FEWEST_FACTORS:
            return "", 0
        names = ("scale", "offset") if by_root else ("weight", "bias")
        return names[node.kind == "Add"], stored[0]
    return "", 0


def _name_from_path(path: str) -> str:
    """Return the layer of a node named as in ``/body/body.1/PRelu``."""
    found: list[str] = []
    for part in path.strip("/").split("/")[:-1]:
        if found and part.startswith(found[-1] + "."):
            found.pop()
        found.append(part)
    return ".".join(found)


def _names_by_order(graph: Graph, nodes: Sequence[Node]) -> Iterator[list[str]]:
    kinds = [node.kind for node in nodes]
    if len(kinds) > 2 and kinds == ["Conv", "PRelu"] * (len(kinds) // 2) + ["Conv"]:
        yield [f"body.{i}" for i in range(len(kinds))]
    if set(kinds) == {"Conv"}:
        if len(kinds) == 22:
            yield [f"{name}.eval_conv" for name in _span_names()] + ["conv_cat", "upsampler.0"]
        enlarged = sum(node.kind in ("Resize", "Upsample") for node in graph.nodes)
        for ups in (enlarged, 2, 1, 3, 0):
            blocks, rest = divmod(len(kinds) - 4 - ups, 3 * _DENSE_LAYERS)
            if not rest and blocks > 0:
                yield _esrgan_names(blocks, ups)
    if kinds == ["Conv"] * 6 + ["ConvTranspose"]:
        yield [f"net.{i}" for i in range(0, 13, 2)]
    if "ConvTranspose" in kinds and set(kinds) <= set(_CONVOLUTIONS):
        yield from _cugan_names(len(kinds))


def _span_names() -> list[str]:
    blocks = [f"block_{i}.c{j}_r" for i in range(1, 7) for j in range(1, 4)]
    return ["conv_1", *blocks, "conv_2"]


def _esrgan_names(blocks: int, ups: int) -> list[str]:
    dense = [
        f"body.{i}.rdb{j}.conv{k}" for i in range(blocks) for j in range(1, 4) for k in range(1, 6)
    ]
    return [
        "conv_first",
        *dense,
        "conv_body",
        *(f"conv_up{i + 1}" for i in range(ups)),
        "conv_hr",
        "conv_last",
    ]


def _cugan_names(count: int) -> Iterator[list[str]]:
    first = "conv1.conv.0 conv1.conv.2 conv1_down conv2.conv.0 conv2.conv.2 conv2.seblock.conv1 "
    first += "conv2.seblock.conv2 conv2_up conv3 conv_bottom"
    second = "conv1.conv.0 conv1.conv.2 conv1_down conv2.conv.0 conv2.conv.2 conv2.seblock.conv1 "
    second += "conv2.seblock.conv2 conv2_down conv3.conv.0 conv3.conv.2 conv3.seblock.conv1 "
    second += "conv3.seblock.conv2 conv3_up conv4.conv.0 conv4.conv.2 conv4.seblock.conv1 "
    second += "conv4.seblock.conv2 conv4_up conv5 conv_bottom"
    names = [f"unet1.{name}" for name in first.split()] + [
        f"unet2.{name}" for name in second.split()
    ]
    if count == len(names):
        yield names
    if count == len(names) + 1:
        yield [*names, "conv_final"]
    bare = [name for name in names if "seblock" not in name]
    if count == len(bare):
        yield bare
