"""Operators of graphs that calculate with numbers and shapes, each in torch.

Names, attributes and meanings are those of ONNX: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from lib_upscalers.models.reading.faults import NoNetworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lib_upscalers.models.graphs.graph import Node

    Operator = Callable[[Node, Any], Any]

_FLOATS = (1, 10, 11, 16)
_INTEGERS = (6, 7)
_BOOLEAN = 9
_LARGEST_SHAPE = 1 << 23


def _listed(node: Node, inputs: Any, position: int, name: str, default: Any = None) -> Any:  # noqa: ANN401
    """Return a list of integers from an input, as newer graphs have it, or an attribute."""
    if len(inputs) > position and inputs[position] is not None:
        return [int(each) for each in inputs[position].flatten().tolist()]
    held = node.attributes.get(name, default)
    return held if held is None else [int(each) for each in held]


def _slice(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x = inputs[0]
    starts, ends = _listed(node, inputs, 1, "starts"), _listed(node, inputs, 2, "ends")
    axes = _listed(node, inputs, 3, "axes", range(len(starts)))
    steps = _listed(node, inputs, 4, "steps", [1] * len(starts))
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        length = x.shape[axis]
        if step == 0:
            raise NoNetworkError(f"{node} makes no steps")
        where = range(length)[slice(start, end if end > -length - 1 or step > 0 else None, step)]
        if step > 0:
            x = x.narrow(axis, where.start, 0) if not where else _steps(x, axis, where)
        else:
            x = x.index_select(axis, torch.tensor(list(where), device=x.device))
    return x


def _steps(x: torch.Tensor, axis: int, where: range) -> torch.Tensor:
    index = [slice(None)] * x.ndim
    index[axis] = slice(where.start, where.stop, where.step)
    return x[tuple(index)]


def _reshape(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x = inputs[0]
    shape = _listed(node, inputs, 1, "shape")
    if node.attributes.get("allowzero"):
        raise NoNetworkError(f"{node} asks for an empty shape")
    return x.reshape([x.shape[i] if side == 0 else side for i, side in enumerate(shape)])


def _flatten(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x = inputs[0]
    axis = int(node.attributes.get("axis", 1))
    return x.reshape(math.prod(x.shape[: axis if axis >= 0 else axis + x.ndim]), -1)


def _mean(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    axes = _listed(node, inputs, 1, "axes")
    if not axes:
        raise NoNetworkError(f"{node} averages over everything")
    return inputs[0].mean(axes, bool(node.attributes.get("keepdims", 1)))


def _sum(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    axes = _listed(node, inputs, 1, "axes")
    if not axes:
        raise NoNetworkError(f"{node} adds everything up")
    return inputs[0].sum(axes, bool(node.attributes.get("keepdims", 1)))


def _length(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    axes = _listed(node, inputs, 1, "axes")
    if not axes:
        raise NoNetworkError(f"{node} measures everything")
    return inputs[0].norm(2, axes, bool(node.attributes.get("keepdims", 1)))


def _cast(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    # Precision is ours to choose.
    kind = node.attributes["to"]
    if kind in _FLOATS:
        return inputs[0] if inputs[0].is_floating_point() else inputs[0].float()
    if kind in _INTEGERS:
        return inputs[0].long()
    if kind == _BOOLEAN:
        return inputs[0].bool()
    raise NoNetworkError(f"{node} makes numbers of an unknown type")


def _unsqueeze(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x = inputs[0]
    axes = _listed(node, inputs, 1, "axes")
    full = x.ndim + len(axes)
    for axis in sorted(axis % full for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _squeeze(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    axes = _listed(node, inputs, 1, "axes")
    return inputs[0].squeeze(tuple(axes)) if axes else inputs[0].squeeze()


def _gather(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, index = inputs
    axis = int(node.attributes.get("axis", 0)) % max(1, x.ndim)
    if index.ndim > 1:
        raise NoNetworkError(f"{node} picks by a table")
    index = torch.where(index < 0, index + x.shape[axis], index)
    found = x.index_select(axis, index.reshape(-1).long())
    return found.squeeze(axis) if index.ndim == 0 else found


def _split(node: Node, inputs: Any) -> tuple[torch.Tensor, ...]:  # noqa: ANN401
    x, axis = inputs[0], int(node.attributes.get("axis", 0))
    sizes = _listed(node, inputs, 1, "split")
    if sizes is None:
        sizes = [math.ceil(x.shape[axis] / len(node.outputs))] * len(node.outputs)
    return x.split(sizes, axis)


def _filled(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    shape = _listed(node, inputs, 0, "shape")
    value = node.attributes.get("value", 0.0)
    if math.prod(shape) > _LARGEST_SHAPE:
        raise NoNetworkError(f"{node} makes too many numbers")
    filled = value.flatten()[0] if torch.is_tensor(value) else torch.tensor(value)
    return filled.expand(shape).clone()


def _expanded(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    shape = torch.broadcast_shapes(inputs[0].shape, _listed(node, inputs, 1, "shape"))
    return inputs[0].expand(shape)


def _range(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    start, limit, step = (each.item() for each in inputs)
    if not step or (limit - start) / step > _LARGEST_SHAPE:
        raise NoNetworkError(f"{node} makes too many numbers")
    return torch.arange(start, limit, step, dtype=inputs[0].dtype)


def _scatter(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    x, where, values = inputs
    if node.attributes.get("reduction", "none") != "none":
        raise NoNetworkError(f"{node} combines numbers")
    result = x.clone()
    if x.is_meta:
        return result
    return result.index_put_(where.long().unbind(-1), values)


def _tiled(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    times = _listed(node, inputs, 1, "repeats")
    if inputs[0].numel() * math.prod(times) > _LARGEST_SHAPE:
        raise NoNetworkError(f"{node} makes too many numbers")
    return inputs[0].repeat(times)


def _softmax(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    return inputs[0].softmax(int(node.attributes.get("axis", -1)))


def _mod(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    if node.attributes.get("fmod"):
        return torch.fmod(inputs[0], inputs[1])
    return torch.remainder(inputs[0], inputs[1])


def _clip(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    limits = [node.attributes.get("min"), node.attributes.get("max")]
    for i, limit in enumerate(inputs[1:3]):
        limits[i] = limit if limit is None else float(limit)
    return inputs[0] if limits == [None, None] else inputs[0].clamp(*limits)


def _divided(_: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    if inputs[0].is_floating_point():
        return inputs[0] / inputs[1]
    return torch.div(inputs[0], inputs[1], rounding_mode="trunc")


def _gelu(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    return functional.gelu(inputs[0], approximate=node.attributes.get("approximate", "none"))


def _hard_sigmoid(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    alpha, beta = (
        node.attributes.get(key, value) for key, value in (("alpha", 0.2), ("beta", 0.5))
    )
    return (inputs[0] * alpha + beta).clamp(0, 1)


def _transpose(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    order = node.attributes.get("perm") or range(inputs[0].ndim - 1, -1, -1)
    return inputs[0].permute([int(each) for each in order])


def _extreme(choose: Any) -> Operator:  # noqa: ANN401
    def calculate(_: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
        result = inputs[0]
        for each in inputs[1:]:
            result = choose(result, each)
        return result

    return calculate


def _plain(function: Callable[..., Any]) -> Operator:
    """Return the operator that calculates a function of its inputs alone."""
    return lambda _, inputs: function(*inputs)


ARITHMETIC: Mapping[str, Operator] = {
    "Abs": _plain(torch.abs),
    "Add": _plain(torch.add),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda node, inputs: torch.cat(list(inputs), int(node.attributes["axis"])),
    "ConstantOfShape": _filled,
    "Div": _divided,
    "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp),
    "Equal": _plain(torch.eq),
    "Expand": _expanded,
    "Flatten": _flatten,
    "Floor": _plain(torch.floor),
    "Gather": _gather,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _plain(functional.hardswish),
    "Identity": lambda _, inputs: inputs[0],
    "MatMul": _plain(torch.matmul),
    "Max": _extreme(torch.maximum),
    "Min": _extreme(torch.minimum),
    "Mish": _plain(functional.mish),
    "Mod": _mod,
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "Pow": _plain(torch.pow),
    "Range": _range,
    "Reciprocal": _plain(torch.reciprocal),
    "ReduceL2": _length,
    "ReduceMean": _mean,
    "ReduceSum": _sum,
    "Relu": _plain(torch.relu),
    "Reshape": _reshape,
    "ScatterND": _scatter,
    "Shape": lambda _, inputs: torch.tensor(inputs[0].shape),
    "Sigmoid": _plain(torch.sigmoid),
    "Slice": _slice,
    "Softmax": _softmax,
    "Softplus": _plain(functional.softplus),
    "Split": _split,
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(torch.sub),
    "Tanh": _plain(torch.tanh),
    "Tile": _tiled,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _plain(torch.where),
}
