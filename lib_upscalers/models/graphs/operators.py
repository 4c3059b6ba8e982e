"""Compute the operators of upscalers' graphs in torch.

Names, attributes and meanings are those of ONNX: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn import functional

from lib_upscalers.models.graphs.arithmetic import ARITHMETIC
from lib_upscalers.models.graphs.resizing import resize
from lib_upscalers.models.reading.faults import NoNetworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    from lib_upscalers.models.graphs.graph import Node

    Operator = Callable[[Node, Any], Any]


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


def _space_to_depth(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, block = inputs[0], int(node.attributes["blocksize"])
    n, channels, height, width = x.shape
    split = x.reshape(n, channels, height // block, block, width // block, block)
    return split.permute(0, 3, 5, 1, 2, 4).reshape(n, -1, height // block, width // block)


def _crop_to(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    """Cut a picture to the size of another one: ncnn's layer Crop."""
    x, like = inputs
    for axis, offset in enumerate(node.attributes["offsets"], 1):
        x = x.narrow(axis, int(offset), like.shape[axis])
    return x


def _max_pool(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    about = node.attributes
    kernel = [int(each) for each in about["kernel_shape"]]
    plain = not any(about.get("pads", ())) and set(about.get("dilations", (1,))) == {1}
    if not plain or about.get("ceil_mode") or len(node.outputs) != 1:
        raise NoNetworkError(f"{node} pools in an unknown way")
    return functional.max_pool2d(inputs[0], kernel, list(about.get("strides", (1, 1))))


def _instance_norm(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, scale, bias = inputs
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    return functional.instance_norm(x, weight=scale, bias=bias, eps=epsilon)


def _layer_norm(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, axis = inputs[0], int(node.attributes.get("axis", -1))
    weight, bias = inputs[1], inputs[2] if len(inputs) > 2 else None
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    return functional.layer_norm(x, x.shape[axis % x.ndim :], weight, bias, epsilon)


def _grid_sample(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    about = node.attributes
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(about.get("mode", "linear"))
    return functional.grid_sample(
        *inputs,
        mode=mode or about["mode"],
        padding_mode=about.get("padding_mode", "zeros"),
        align_corners=bool(about.get("align_corners", 0)),
    )


def _pad(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    about = node.attributes
    pads = [int(each) for each in (inputs[1].tolist() if len(inputs) > 1 else about["pads"])]
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(
        about.get("mode", "constant")
    )
    if mode is None or len(pads) != 8 or len(inputs) > 3 or any(pads[:2] + pads[4:6]):
        raise NoNetworkError(f"{node} pads in an unknown way")
    value = float(inputs[2]) if len(inputs) > 2 and inputs[2] is not None else 0.0
    sides = (pads[3], pads[7], pads[2], pads[6])
    if mode == "constant":
        return functional.pad(inputs[0], sides, value=value)
    return functional.pad(inputs[0], sides, mode=mode)


OPERATORS: Mapping[str, Operator] = {
    **ARITHMETIC,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "CropTo": _crop_to,
    "DepthToSpace": _depth_to_space,
    "GlobalAveragePool": lambda _, inputs: inputs[0].mean((2, 3), keepdim=True),
    "GridSample": _grid_sample,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda node, inputs: functional.leaky_relu(
        inputs[0], float(node.attributes.get("alpha", 0.01))
    ),
    "MaxPool": _max_pool,
    "PRelu": _prelu,
    "Pad": _pad,
    "Resize": resize,
    "SpaceToDepth": _space_to_depth,
    "Upsample": resize,
}
