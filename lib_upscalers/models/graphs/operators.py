"""Compute the operators of upscalers' graphs in torch.

Names, attributes and meanings are those of ONNX: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from lib_upscalers.models.graphs.resizing import resize
from lib_upscalers.models.reading.faults import NoNetworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lib_upscalers.models.graphs.graph import Node

    Tensors = Sequence[torch.Tensor | None]
    Operator = Callable[[Node, Any], torch.Tensor]


def _padded(node: Node, x: torch.Tensor) -> torch.Tensor:
    pads = [int(each) for each in node.attributes.get("pads", (0, 0, 0, 0))]
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", ""):
        raise NoNetworkError(f"{node} pads by itself, which no exporter of torch writes")
    return functional.pad(x, (pads[1], pads[3], pads[0], pads[2])) if any(pads) else x


def _conv(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, weight = inputs[:2]
    about = node.attributes
    if about.get("pooled") and x.shape[2:] != (1, 1):
        raise NoNetworkError(f"{node} takes features that are not pooled")
    return functional.conv2d(
        _padded(node, x),
        weight,
        inputs[2] if len(inputs) > 2 else None,
        stride=tuple(about.get("strides", (1, 1))),
        dilation=tuple(about.get("dilations", (1, 1))),
        groups=int(about.get("group", 1)),
    )


def _conv_transpose(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, weight = inputs[:2]
    about = node.attributes
    pads = list(about.get("pads", (0, 0, 0, 0)))
    if pads[:2] != pads[2:] or about.get("output_shape") or any(about.get("output_padding", ())):
        raise NoNetworkError(f"{node} pads unevenly")
    return functional.conv_transpose2d(
        x,
        weight,
        inputs[2] if len(inputs) > 2 else None,
        stride=tuple(about.get("strides", (1, 1))),
        padding=tuple(int(each) for each in pads[:2]),
        groups=int(about.get("group", 1)),
        dilation=tuple(about.get("dilations", (1, 1))),
    )


def _prelu(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, slopes = inputs
    if slopes.numel() not in (1, x.shape[1]):
        raise NoNetworkError(f"{node} has slopes that are not one a channel")
    return functional.prelu(x, slopes.flatten())


def _depth_to_space(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, block = inputs[0], int(node.attributes["blocksize"])
    if node.attributes.get("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(x, block)
    n, channels, height, width = x.shape
    split = x.reshape(n, block, block, channels // block**2, height, width)
    return split.permute(0, 3, 4, 1, 5, 2).reshape(n, -1, height * block, width * block)


def _slice(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x = inputs[0]
    about = node.attributes
    listed = [
        inputs[i].tolist() if len(inputs) > i and inputs[i] is not None else None
        for i in range(1, 5)
    ]
    starts = listed[0] if listed[0] is not None else about["starts"]
    ends = listed[1] if listed[1] is not None else about["ends"]
    axes = listed[2] if listed[2] is not None else about.get("axes", range(len(starts)))
    steps = listed[3] or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        where = [slice(None)] * x.ndim
        if step < 1:
            raise NoNetworkError(f"{node} runs backwards")
        where[int(axis)] = slice(int(start), int(end), int(step))
        x = x[tuple(where)]
    return x


def _pad(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    about = node.attributes
    pads = [int(each) for each in (inputs[1].tolist() if len(inputs) > 1 else about["pads"])]
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(
        about.get("mode", "constant")
    )
    if mode is None or len(pads) != 8 or any(pads[:2] + pads[4:6]):
        raise NoNetworkError(f"{node} pads in an unknown way")
    value = float(inputs[2]) if len(inputs) > 2 and inputs[2] is not None else 0.0
    sides = (pads[3], pads[7], pads[2], pads[6])
    if mode == "constant":
        return functional.pad(inputs[0], sides, value=value)
    return functional.pad(inputs[0], sides, mode=mode)


def _reshape(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x = inputs[0]
    shape = [int(each) for each in inputs[1].tolist()]
    if node.attributes.get("allowzero"):
        raise NoNetworkError(f"{node} asks for an empty shape")
    return x.reshape([x.shape[i] if side == 0 else side for i, side in enumerate(shape)])


def _mean(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    axes = inputs[1].tolist() if len(inputs) > 1 else node.attributes.get("axes", ())
    if not axes:
        raise NoNetworkError(f"{node} averages over everything")
    return inputs[0].mean([int(each) for each in axes], bool(node.attributes.get("keepdims", 1)))


def _concat(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    return torch.cat(list(inputs), int(node.attributes["axis"]))


def _cast(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    # The engine chooses the precision: 1, 10, 11 and 16 are the floating-point types.
    kind = node.attributes["to"]
    if kind in (1, 10, 11, 16):
        return inputs[0].float()
    if kind in (6, 7):
        return inputs[0].long()
    raise NoNetworkError(f"{node} makes numbers of an unknown type")


def _unsqueeze(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    axes = inputs[1].tolist() if len(inputs) > 1 else node.attributes["axes"]
    x = inputs[0]
    for axis in sorted(int(each) for each in axes):
        x = x.unsqueeze(axis)
    return x


def _squeeze(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    axes = inputs[1].tolist() if len(inputs) > 1 else node.attributes.get("axes", ())
    x = inputs[0]
    return x.squeeze(tuple(int(each) for each in axes)) if axes else x.squeeze()


def _gather(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    axis = int(node.attributes.get("axis", 0))
    x, index = inputs
    found = x.index_select(axis, index.reshape(-1).long())
    return found.squeeze(axis) if index.ndim == 0 else found


OPERATORS: Mapping[str, Operator] = {
    "Add": lambda _, inputs: inputs[0] + inputs[1],
    "Cast": _cast,
    "Concat": _concat,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _depth_to_space,
    "Div": lambda _, inputs: inputs[0] / inputs[1],
    "Floor": lambda _, inputs: inputs[0].floor(),
    "Gather": _gather,
    "GlobalAveragePool": lambda _, inputs: inputs[0].mean((2, 3), keepdim=True),
    "Identity": lambda _, inputs: inputs[0],
    "LeakyRelu": lambda node, inputs: functional.leaky_relu(
        inputs[0], float(node.attributes.get("alpha", 0.01))
    ),
    "Mul": lambda _, inputs: inputs[0] * inputs[1],
    "PRelu": _prelu,
    "Pad": _pad,
    "ReduceMean": _mean,
    "Relu": lambda _, inputs: inputs[0].relu(),
    "Reshape": _reshape,
    "Resize": resize,
    "Shape": lambda _, inputs: torch.tensor(inputs[0].shape),
    "Sigmoid": lambda _, inputs: inputs[0].sigmoid(),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": lambda _, inputs: inputs[0] - inputs[1],
    "Transpose": lambda node, inputs: inputs[0].permute(
        [int(each) for each in node.attributes["perm"]]
    ),
    "Unsqueeze": _unsqueeze,
    "Upsample": resize,
}
