"""State recorded operators as layers of ncnn: its text and its weights.

https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure and
https://github.com/Tencent/ncnn/wiki/operators have the layers and their numbered parameters.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from lib_upscalers.models.ncnn_backend.recording import Flowing, NotRecordableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lib_upscalers.models.ncnn_backend.recording import Operation, Recording

    Stating = Callable[["Layers", Operation], None]

_MAGIC = "7767517"
# Before the weights of a convolution: they are stored as fp32.
_FULL_PRECISION = b"\0\0\0\0"


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        kind: Its type.
        inputs: The names of what it takes.
        outputs: The names of what it gives.
        values: Its parameters by number.
        weights: Its weights, as in the file.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    values: Mapping[int, float] = field(default_factory=dict[int, float])
    weights: bytes = b""


@dataclass(frozen=True)
class NcnnGraph:
    """A network in ncnn's terms.

    Attributes:
        text: The content of a .param file.
        weights: The content of a .bin file.
        input: The name of the picture.
        steps: The names of results on the way, in order; the last is the network's.
    """

    text: str
    weights: bytes
    input: str
    steps: tuple[str, ...]


def state(recording: Recording) -> NcnnGraph:
    """Return a network in ncnn's terms.

    Raises:
        NotRecordableError: It has an operator that is not known here.
    """
    layers = Layers()
    layers.add("Input", (), _name(recording.picture))
    for operation in recording.operations:
        find = _OPERATORS.get(operation.name)
        if find is None:
            raise NotRecordableError(operation.name)
        find(layers, operation)
    return layers.graph(recording)


class Layers:
    """The layers so far."""

    def __init__(self) -> None:
        self._layers: list[Layer] = []

    def add(
        self,
        kind: str,
        inputs: Sequence[str],
        output: str,
        values: Mapping[int, float] | None = None,
        weights: Sequence[torch.Tensor] = (),
        start: bytes = b"",
    ) -> None:
        """Add a layer; `start` comes before its weights."""
        data = b"".join(each.float().contiguous().numpy().tobytes() for each in weights)
        self._layers.append(Layer(kind, tuple(inputs), (output,), values or {}, start + data))

    def constant(self, tensor: torch.Tensor) -> str:
        """Add what a channel has throughout the picture, and return its name."""
        if tensor.ndim < 3 or tensor.numel() != tensor.shape[-3]:
            raise NotRecordableError("constant")
        name = f"constant{len(self._layers)}"
        self.add("MemoryData", (), name, {0: 1, 1: 1, 2: tensor.numel()}, (tensor,))
        return name

    def graph(self, recording: Recording) -> NcnnGraph:
        """Return all of it."""
        layers = _split(self._layers)
        blobs = sum(len(layer.outputs) for layer in layers)
        lines = [_MAGIC, f"{len(layers)} {blobs}", *map(_line, range(len(layers)), layers)]
        steps = [_name(each.result) for each in recording.operations if each.name in _CONVOLUTIONS]
        uses = Counter(name for layer in self._layers for name in layer.inputs)
        return NcnnGraph(
            text="\n".join(lines) + "\n",
            weights=b"".join(layer.weights for layer in layers),
            input=_name(recording.picture),
            # One that several layers take is split, and its own name is gone then.
            steps=(*(each for each in steps if uses[each] == 1), _name(recording.result)),
        )


def _name(flowing: Flowing) -> str:
    return str(flowing.number)


def _line(number: int, layer: Layer) -> str:
    values = (f"{key}={_number(value)}" for key, value in layer.values.items())
    counts = (str(len(layer.inputs)), str(len(layer.outputs)))
    return " ".join((layer.kind, f"layer{number}", *counts, *layer.inputs, *layer.outputs, *values))


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.9e}"


def _split(layers: Sequence[Layer]) -> list[Layer]:
    """Let every layer take results of its own, as ncnn asks."""
    uses = Counter(name for layer in layers for name in layer.inputs)
    taken: Counter[str] = Counter()

    def own(name: str) -> str:
        if uses[name] < 2:
            return name
        taken[name] += 1
        return f"{name}_{taken[name]}"

    found: list[Layer] = []
    for layer in layers:
        inputs = tuple(own(name) for name in layer.inputs)
        found.append(Layer(layer.kind, inputs, layer.outputs, layer.values, layer.weights))
        for name in layer.outputs:
            if uses[name] > 1:
                copies = tuple(f"{name}_{i + 1}" for i in range(uses[name]))
                found.append(Layer("Split", (name,), copies))
    return found


def _argument(operation: Operation, place: int, name: str, default: Any = None) -> Any:  # noqa: ANN401
    if len(operation.args) > place:
        return operation.args[place]
    return operation.kwargs.get(name, default)


def _taken(operation: Operation, place: int = 0) -> str:
    value = operation.args[place]
    if not isinstance(value, Flowing):
        raise NotRecordableError(operation.name)
    return _name(value)


def _weights(operation: Operation, place: int, name: str) -> torch.Tensor:
    value = _argument(operation, place, name)
    if not isinstance(value, torch.Tensor):
        raise NotRecordableError(operation.name)
    return value


def _pair(value: Any) -> tuple[int, int]:  # noqa: ANN401 - an argument of an operator
    if isinstance(value, int):
        return value, value
    if isinstance(value, (list, tuple)) and len(value) in (1, 2):
        return int(value[0]), int(value[-1])
    raise NotRecordableError("padding")


def _convolve(layers: Layers, operation: Operation) -> None:
    weights, bias = _weights(operation, 1, "weight"), _argument(operation, 2, "bias")
    plain = operation.name != "convolution"
    groups = int(_argument(operation, 6 if plain else 8, "groups", 1))
    if weights.ndim != 4 or isinstance(bias, Flowing) or (not plain and operation.args[6]):
        raise NotRecordableError(operation.name)
    steps = [
        _pair(_argument(operation, 3 + i, key, 1 - (i == 1)))
        for i, key in enumerate(("stride", "padding", "dilation"))
    ]
    (rows, columns), (top, left), (down, right) = steps
    values = {
        0: weights.shape[0],
        1: weights.shape[3],
        11: weights.shape[2],
        2: right,
        12: down,
        3: columns,
        13: rows,
        4: left,
        14: top,
        5: int(bias is not None),
        6: weights.numel(),
    }
    if groups > 1:
        values[7] = groups
    held = (weights,) if bias is None else (weights, bias)
    kind = "ConvolutionDepthWise" if groups > 1 else "Convolution"
    layers.add(kind, (_taken(operation),), _name(operation.result), values, held, _FULL_PRECISION)


def _slopes(layers: Layers, operation: Operation) -> None:
    slopes = _weights(operation, 1, "weight")
    out = _name(operation.result)
    layers.add("PReLU", (_taken(operation),), out, {0: slopes.numel()}, (slopes,))


def _leaky(layers: Layers, operation: Operation) -> None:
    slope = float(_argument(operation, 1, "negative_slope", 0.01))
    layers.add("ReLU", (_taken(operation),), _name(operation.result), {0: slope})


def _function(kind: str, layers: Layers, operation: Operation) -> None:
    layers.add(kind, (_taken(operation),), _name(operation.result))


def _gelu(layers: Layers, operation: Operation) -> None:
    quick = int(_argument(operation, 1, "approximate", "none") == "tanh")
    layers.add("GELU", (_taken(operation),), _name(operation.result), {0: quick})


def _clamp(layers: Layers, operation: Operation) -> None:
    low, high = (_argument(operation, i + 1, key) for i, key in enumerate(("min", "max")))
    values = {0: -3e38 if low is None else float(low), 1: 3e38 if high is None else float(high)}
    layers.add("Clip", (_taken(operation),), _name(operation.result), values)


def _shuffle(kind: str, layers: Layers, operation: Operation) -> None:
    layers.add(kind, (_taken(operation),), _name(operation.result), {0: int(operation.args[1])})


def _enlarge(layers: Layers, operation: Operation) -> None:
    old, new = operation.args[0].shape, operation.result.shape
    if any(large % small for small, large in zip(old[2:], new[2:], strict=True)):
        raise NotRecordableError(operation.name)
    rows, columns = (float(large // small) for small, large in zip(old[2:], new[2:], strict=True))
    values = {0: 1, 1: rows, 2: columns}
    layers.add("Interp", (_taken(operation),), _name(operation.result), values)


def _join(layers: Layers, operation: Operation) -> None:
    parts = operation.args[0]
    if int(_argument(operation, 1, "dim", 0)) not in (1, -3):
        raise NotRecordableError(operation.name)
    names = [
        layers.constant(each) if isinstance(each, torch.Tensor) else _name(each) for each in parts
    ]
    layers.add("Concat", names, _name(operation.result), {0: 0})


def _calculate(kind: int, turned: int, layers: Layers, operation: Operation) -> None:
    """State sums and the like; `turned` is the kind where the picture comes second."""
    first, second = operation.args[:2]
    if _argument(operation, 2, "alpha", 1) != 1 or _argument(operation, 3, "rounding_mode"):
        raise NotRecordableError(operation.name)
    if not isinstance(first, Flowing):
        first, second, kind = second, first, turned
    out = _name(operation.result)
    if isinstance(second, Flowing):
        layers.add("BinaryOp", (_name(first), _name(second)), out, {0: kind})
        return
    if isinstance(second, torch.Tensor) and second.numel() > 1:
        layers.add("BinaryOp", (_name(first), layers.constant(second)), out, {0: kind})
        return
    layers.add("BinaryOp", (_name(first),), out, {0: kind, 1: 1, 2: float(second)})


_CONVOLUTIONS = ("conv2d", "convolution")
_OPERATORS: Mapping[str, Stating] = {
    "_prelu_kernel": _slopes,
    "add": partial(_calculate, 0, 0),
    "cat": _join,
    "clamp": _clamp,
    "conv2d": _convolve,
    "convolution": _convolve,
    "div": partial(_calculate, 3, 8),
    "gelu": _gelu,
    "leaky_relu": _leaky,
    "mish": partial(_function, "Mish"),
    "mul": partial(_calculate, 2, 2),
    "pixel_shuffle": partial(_shuffle, "PixelShuffle"),
    "pixel_unshuffle": partial(_shuffle, "Reorg"),
    "prelu": _slopes,
    "relu": partial(_function, "ReLU"),
    "rsub": partial(_calculate, 7, 1),
    "sigmoid": partial(_function, "Sigmoid"),
    "silu": partial(_function, "Swish"),
    "sub": partial(_calculate, 1, 7),
    "tanh": partial(_function, "TanH"),
    "upsample_nearest2d": _enlarge,
}
