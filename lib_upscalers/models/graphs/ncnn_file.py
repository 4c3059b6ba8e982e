"""Read ncnn's pairs of files: a text of layers (.param) and their weights (.bin).

https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from __future__ import annotations

import codecs
import struct
from functools import partial
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.graphs.graph import MOST_NODES, Graph, Node, check_order
from lib_upscalers.models.graphs.ncnn_parameters import (
    height_and_width,
    pads_of,
    parse_integer,
    parse_values,
    weight_shape,
)
from lib_upscalers.models.reading.faults import DamagedFileError, NoNetworkError, printable
from lib_upscalers.models.reading.limits import element_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from lib_upscalers.models.reading.source import TensorSource

_MAGIC = "7767517"
_LONGEST_TEXT = 4 << 20
_HALF = 0x01306B47
_FLAG = struct.Struct("<I")
_ARITHMETIC = ("Add", "Sub", "Mul", "Div")
_ACTIVATIONS: Mapping[int, str] = {0: "", 1: "Relu", 2: "LeakyRelu", 4: "Sigmoid"}
_RESIZE: Mapping[int, str] = {1: "nearest", 2: "linear", 3: "cubic"}


def read_ncnn(text: bytes, weights: TensorSource) -> Graph:
    """Read a pair of files.

    Args:
        text: What the .param file holds.
        weights: The .bin file.

    Raises:
        NoNetworkError: A layer is of a type that upscalers do not have.
        DamagedFileError: They are no such pair, or not all of it. Readers of foreign bytes may
            stumble in other ways, too.
    """
    if len(text) > _LONGEST_TEXT:
        raise DamagedFileError("its list of layers is too long")
    lines = _lines(text)
    if not lines or lines[0].strip() != _MAGIC:
        raise DamagedFileError("it is no text of an ncnn network")
    reader = _Reader(weights)
    for line in lines[2:]:
        reader.layer(line.split())
    return reader.graph()


def _lines(text: bytes) -> list[str]:
    """Return the lines of a text, whatever editor saved it, without empty ones and comments."""
    wide = text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    held = text.decode("utf-16" if wide else "utf-8-sig", "replace")
    lines = held.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


class _Reader:
    """Turns one layer after another into nodes; the weights follow in the same order."""

    def __init__(self, weights: TensorSource) -> None:
        self._weights = weights
        self._at = 0
        self._nodes: list[Node] = []
        self._constants: dict[str, torch.Tensor] = {}
        self._inputs: list[str] = []

    def layer(self, words: Sequence[str]) -> None:
        if len(self._nodes) > MOST_NODES or len(words) < 4:
            raise DamagedFileError("a line of it is no layer, or there are too many")
        kind, name = words[:2]
        taken, given = parse_integer(words[2]), parse_integer(words[3])
        blobs = words[4 : 4 + taken + given]
        if min(taken, given) < 0 or len(blobs) != taken + given:
            raise DamagedFileError("a layer names fewer blobs than it should")
        values = parse_values(words[4 + taken + given :])
        make = _LAYERS.get(kind)
        if make is None:
            raise NoNetworkError(
                f"its layer {printable(name)!r} is of the type {printable(kind)}, which is not "
                "known here"
            )
        make(self, name, blobs[:taken], blobs[taken:], values)

    def graph(self) -> Graph:
        if self._at != self._weights.size:
            raise DamagedFileError("its .bin file has another size than its layers have weights")
        taken = {name for node in self._nodes for name in node.inputs}
        last = [name for node in self._nodes for name in node.outputs if name not in taken]
        if len(self._inputs) != 1 or len(last) != 1:
            raise NoNetworkError("it is no network from one picture to one picture")
        graph = Graph(self._nodes, self._constants, self._inputs[0], last[0])
        check_order(graph)
        return graph

    def add(
        self,
        kind: str,
        name: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self._nodes.append(Node(kind, name, tuple(inputs), tuple(outputs), attributes or {}))

    def input(self, name: str, given: Sequence[str]) -> None:
        del name
        self._inputs.extend(given)

    def copies(self, name: str, taken: Sequence[str], given: Sequence[str]) -> None:
        for each in given:
            self.add("Identity", name, taken[:1], [each])

    def constant(self, name: str, shape: Sequence[int], *, flagged: bool) -> str:
        """Read the next weights; `flagged`: a number before them states their type."""
        half = False
        if flagged:
            (flag,) = _FLAG.unpack(self._weights.read(self._at, _FLAG.size))
            self._at += _FLAG.size
            if flag not in (0, _HALF):
                raise NoNetworkError(f"the weights of its layer {printable(name)!r} are quantised")
            half = flag == _HALF
        count = element_count(shape, self._weights.size)
        dtype = self._weights.dtype("float16" if half else "float32")
        size = count * dtype.itemsize
        self._weights.budget.spend(size)
        held = self._weights.tensor(self._at, count, dtype)
        self._at += (size + 3) // 4 * 4
        self._constants[name] = held.reshape(list(shape))
        return name

    def number(self, name: str, value: float) -> str:
        self._constants[name] = self._weights.number(value)
        return name

    def turn(self, name: str) -> None:
        """Bring the weights of a deconvolution into torch's order."""
        self._constants[name] = self._constants[name].transpose(0, 1)

    def activated(
        self,
        kind: str,
        name: str,
        inputs: Sequence[str],
        given: str,
        values: Mapping[int, Any],
        attributes: Mapping[str, Any],
    ) -> None:
        """Add a layer, and the activation that is fused into it."""
        activation = _ACTIVATIONS.get(int(values.get(9, 0)))
        if activation is None:
            raise NoNetworkError(f"its layer {printable(name)!r} has an unknown activation")
        if not activation:
            self.add(kind, name, inputs, [given], attributes)
            return
        between = f"{given} before {activation}"
        self.add(kind, name, inputs, [between], attributes)
        slope = [*values.get(10, []), 0.0][0]
        self.add(activation, name, [between], [given], {"alpha": slope})


def _convolve(
    kind: str,
    reader: _Reader,
    name: str,
    taken: Sequence[str],
    given: Sequence[str],
    values: dict[int, Any],
) -> None:
    if values.get(8) or values.get(18) or values.get(19):
        raise NoNetworkError(f"its layer {printable(name)!r} is quantised or pads oddly")
    kernel = height_and_width(values, 1, 0)
    weight = reader.constant(f"{name}.weight", weight_shape(name, values, kernel), flagged=True)
    if kind == "ConvTranspose":
        reader.turn(weight)
    inputs = [taken[0], weight]
    if values.get(5):
        inputs.append(reader.constant(f"{name}.bias", [int(values[0])], flagged=False))
    about = {
        "strides": height_and_width(values, 3, 1),
        "dilations": height_and_width(values, 2, 1),
        "pads": pads_of(values),
    }
    reader.activated(kind, name, inputs, given[0], values, about)


def _linear(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    """A layer on pooled features is a convolution of one pixel."""
    if values.get(8):
        raise NoNetworkError(f"its layer {printable(name)!r} is quantised")
    about = {**values, 5: values.get(1, 0), 6: values.get(2, 0)}
    inputs = [
        taken[0],
        reader.constant(f"{name}.weight", weight_shape(name, about, [1, 1]), flagged=True),
    ]
    if values.get(1):
        inputs.append(reader.constant(f"{name}.bias", [int(values[0])], flagged=False))
    reader.activated("Conv", name, inputs, given[0], values, {"pooled": 1})


def _prelu(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    slopes = reader.constant(f"{name}.weight", [int(values.get(0, 0))], flagged=False)
    reader.add("PRelu", name, [taken[0], slopes], given)


def _relu(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    reader.add("LeakyRelu", name, taken, given, {"alpha": values.get(0, 0.0)})


def _shuffle(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    mode = "DCR" if values.get(1) else "CRD"
    reader.add("DepthToSpace", name, taken, given, {"blocksize": values.get(0, 1), "mode": mode})


def _interp(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    mode = _RESIZE.get(values.get(0, 0))
    factors = [float(values.get(1, 1.0)), float(values.get(2, 1.0))]
    if mode is None or values.get(6) or values.get(3) or values.get(4) or len(taken) != 1:
        raise NoNetworkError(f"its layer {printable(name)!r} resizes in an unknown way")
    reader.add("Resize", name, taken, given, {"mode": mode, "factors": factors})


def _binary(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    kind = int(values.get(0, 0))
    if kind >= len(_ARITHMETIC) or kind < 0:
        raise NoNetworkError(f"its layer {printable(name)!r} calculates in an unknown way")
    inputs = list(taken)
    if values.get(1):
        inputs = [taken[0], reader.number(f"{name}.number", float(values.get(2, 0.0)))]
    reader.add(_ARITHMETIC[kind], name, inputs, given)


def _eltwise(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    kind, factors = int(values.get(0, 0)), values.get(1, [])
    if kind not in (0, 1) or len(taken) != 2 or any(each != 1 for each in factors):
        raise NoNetworkError(f"its layer {printable(name)!r} calculates in an unknown way")
    reader.add("Add" if kind else "Mul", name, taken, given)


def _concat(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    axis = int(values.get(0, 0))
    reader.add("Concat", name, taken, given, {"axis": axis + 1 if axis >= 0 else axis})


def _swish(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    del values
    gate = f"{given[0]} gate"
    reader.add("Sigmoid", name, taken, [gate])
    reader.add("Mul", name, [taken[0], gate], given)


def _crop(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    if len(taken) == 2:
        offsets = [int(values.get(number, 0)) for number in (2, 1, 0)]
        reader.add("CropTo", name, taken, given, {"offsets": offsets})
        return
    lists = [values.get(number, []) for number in (9, 10, 11)]
    if not lists[0] or len(taken) != 1 or len({len(each) for each in lists}) != 1:
        raise NoNetworkError(f"its layer {printable(name)!r} crops in an unknown way")
    axes = [each + 1 if each >= 0 else each for each in lists[2]]
    about = {"starts": lists[0], "ends": lists[1], "axes": axes}
    reader.add("Slice", name, taken, given, about)


def _scale(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    """A factor for each channel, from a layer before or from the weights."""
    inputs, count = list(taken), int(values.get(0, 0))
    if len(inputs) == 1:
        inputs.append(reader.constant(f"{name}.weight", [count, 1, 1], flagged=False))
    if values.get(1):
        scaled = f"{given[0]} before its bias"
        bias = reader.constant(f"{name}.bias", [count, 1, 1], flagged=False)
        reader.add("Mul", name, inputs, [scaled])
        reader.add("Add", name, [scaled, bias], given)
        return
    reader.add("Mul", name, inputs, given)


def _clip(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    limits = {"min": float(values.get(0, -3e38)), "max": float(values.get(1, 3e38))}
    reader.add("Clip", name, taken, given, limits)


def _pool(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    if values.get(0, 0) != 1 or not values.get(4):
        raise NoNetworkError(f"its layer {printable(name)!r} pools in an unknown way")
    reader.add("GlobalAveragePool", name, taken, given)


def _memory(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    del taken
    shape = [int(values.get(number, 0)) for number in (2, 1, 0)]
    if values.get(11) or values.get(21, 1) != 1:
        raise NoNetworkError(f"its layer {printable(name)!r} stores numbers in an unknown way")
    reader.constant(given[0], [max(1, side) for side in shape], flagged=False)
    del name


def _input(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    del taken, values
    reader.input(name, given)


def _copy(
    reader: _Reader, name: str, taken: Sequence[str], given: Sequence[str], values: dict[int, Any]
) -> None:
    del values
    reader.copies(name, taken, given)


def _function(
    kind: str,
    reader: _Reader,
    name: str,
    taken: Sequence[str],
    given: Sequence[str],
    values: dict[int, Any],
) -> None:
    del values
    reader.add(kind, name, taken, given)


_LAYERS: Mapping[
    str, Callable[[_Reader, str, Sequence[str], Sequence[str], dict[int, Any]], None]
] = {
    "BinaryOp": _binary,
    "Clip": _clip,
    "Concat": _concat,
    "Convolution": partial(_convolve, "Conv"),
    "Crop": _crop,
    "Deconvolution": partial(_convolve, "ConvTranspose"),
    "Dropout": _copy,
    "Eltwise": _eltwise,
    "InnerProduct": _linear,
    "Input": _input,
    "Interp": _interp,
    "MemoryData": _memory,
    "Noop": _copy,
    "PReLU": _prelu,
    "PixelShuffle": _shuffle,
    "Pooling": _pool,
    "ReLU": _relu,
    "Scale": _scale,
    "Sigmoid": partial(_function, "Sigmoid"),
    "Split": _copy,
    "Swish": _swish,
    "TanH": partial(_function, "Tanh"),
}
