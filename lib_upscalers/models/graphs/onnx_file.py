"""Read .onnx files without a library for them: a graph and its weights, nothing executed.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.models.graphs.graph import MOST_NODES, Graph, Node, check_order
from lib_upscalers.models.graphs.protobuf import Span, as_float, signed, whole
from lib_upscalers.models.reading.faults import DamagedFileError, NoNetworkError, printable
from lib_upscalers.models.reading.limits import MOST_TENSORS, element_count
from lib_upscalers.models.reading.outline import NotOutlinedError, OutlineSource
from lib_upscalers.models.reading.source import TensorSource, check_regular

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

_DTYPES: Mapping[int, str] = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    16: "bfloat16",
}
_EXTERNAL = 1
_FOLDED = ("Identity", "Cast", "Unsqueeze")


def read_onnx(source: TensorSource) -> Graph:
    """Read an .onnx file.

    Args:
        source: The file. Weights that lie in another file are read from its folder alone.

    Raises:
        NoNetworkError: Its graph is not that of an upscaler.
        DamagedFileError: It is no such file, or not all of it. Readers of foreign bytes may
            stumble in other ways, too.
    """
    graphs = [held for number, held in whole(source).fields() if number == 7]
    if len(graphs) != 1 or not isinstance(graphs[0], Span):
        raise DamagedFileError("it holds no graph")
    return _Reader(source).read(graphs[0])


class _Reader:
    """Reads the one graph of a file."""

    def __init__(self, source: TensorSource) -> None:
        self._source = source
        self._constants: dict[str, torch.Tensor] = {}
        self._nodes: list[Node] = []

    def read(self, span: Span) -> Graph:
        inputs: dict[str, tuple[int, ...]] = {}
        outputs: list[str] = []
        for number, held in span.fields():
            if not isinstance(held, Span):
                continue
            if number == 1:
                self._node(held)
            elif number == 5:
                name, tensor = self._tensor(held)
                self._add_constant(name, tensor)
            elif number == 11:
                name, shape = _name_and_shape(held)
                inputs[name] = shape
            elif number == 12:
                outputs.append(_name_and_shape(held)[0])
        self._fold()
        pictures = [name for name in inputs if name not in self._constants]
        if len(pictures) != 1 or len(outputs) != 1:
            raise NoNetworkError("its graph is not from one picture to one picture")
        shape = inputs[pictures[0]]
        side = (shape[2], shape[3]) if len(shape) == 4 else (0, 0)
        graph = Graph(self._nodes, self._constants, pictures[0], outputs[0], side)
        check_order(graph)
        return graph

    def _add_constant(self, name: str, tensor: torch.Tensor) -> None:
        if name in self._constants or len(self._constants) > MOST_TENSORS:
            raise DamagedFileError("two weights have one name, or there are too many")
        self._constants[name] = tensor

    def _node(self, span: Span) -> None:
        texts: dict[int, list[str]] = {1: [], 2: [], 3: [], 4: []}
        attributes: dict[str, Any] = {}
        tensors: dict[str, torch.Tensor] = {}
        for number, held in span.fields():
            if not isinstance(held, Span):
                continue
            if number in texts:
                texts[number].append(held.text())
            elif number == 5:
                self._attribute(held, attributes, tensors)
        kind = "".join(texts[4])
        if kind == "Constant" and len(texts[2]) == 1:
            self._constant(texts[2][0], attributes, tensors)
            return
        attributes.update(tensors)
        if len(self._nodes) > MOST_NODES:
            raise DamagedFileError(f"it has more than {MOST_NODES:,} nodes")
        name = "".join(texts[3]) or (texts[2] or [""])[0]
        self._nodes.append(Node(kind, name, tuple(texts[1]), tuple(texts[2]), attributes))

    def _fold(self) -> None:
        """Compute the operators that exporters insert between stored weights and their layers."""
        remaining: list[Node] = []
        for node in self._nodes:
            known = [self._constants.get(name) for name in node.inputs]
            if node.kind in _FOLDED and node.inputs and all(each is not None for each in known):
                held = self._folded(node, known)
                self._source.budget.spend(held.numel() * held.element_size())
                self._add_constant(node.outputs[0], held)
            else:
                remaining.append(node)
        self._nodes = remaining

    def _folded(self, node: Node, known: list[torch.Tensor | None]) -> torch.Tensor:
        if self._source.outlines:
            if node.kind == "Unsqueeze" or known[0] is None:
                raise NotOutlinedError
            return known[0]
        from lib_upscalers.models.graphs.evaluation import run_node

        return run_node(node, known)[0]

    def _constant(
        self, name: str, attributes: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
    ) -> None:
        if "value" in tensors:
            self._add_constant(name, tensors["value"])
            return
        values = [attributes[key] for key in attributes if key.startswith("value_")]
        if len(values) != 1 or isinstance(values[0], str):
            raise NoNetworkError(f"its constant {printable(name)!r} is of an unknown kind")
        self._add_constant(name, self._source.number(values[0]))

    def _attribute(
        self, span: Span, attributes: dict[str, Any], tensors: dict[str, torch.Tensor]
    ) -> None:
        name, value = "", None
        listed: list[Any] = []
        for number, held in span.fields():
            if number == 1 and isinstance(held, Span):
                name = held.text()
            elif number == 5 and isinstance(held, Span):
                tensors["value"] = self._tensor(held)[1]
            elif number in (6, 11):
                raise NoNetworkError("its graph holds further graphs")
            else:
                value = _value(number, held, listed, value)
        if name not in tensors:
            attributes[name] = listed if value is None else value

    def _tensor(self, span: Span) -> tuple[str, torch.Tensor]:
        facts: dict[int, Any] = {}
        shape: list[int] = []
        numbers: list[Any] = []
        outside: dict[str, str] = {}
        for number, held in span.fields():
            if number == 1:
                shape.extend(held.numbers() if isinstance(held, Span) else [signed(held)])
            elif number in (4, 5, 7):
                numbers.extend(_list_values(number, held))
            elif number == 13 and isinstance(held, Span):
                key, value = _key_and_value(held)
                outside[key] = value
            else:
                facts[number] = held
        kind = _DTYPES.get(facts.get(2, 0))
        if kind is None:
            raise NoNetworkError("its weights are of an unknown type of numbers")
        dtype = self._source.dtype(kind)
        count = element_count(shape, max(self._source.size, 1 << 20))
        self._source.budget.spend(count * dtype.itemsize)
        name = facts[8].text() if isinstance(facts.get(8), Span) else ""
        if facts.get(14) == _EXTERNAL:
            flat = self._outside(outside, count, dtype)
        else:
            flat = self._inside(facts.get(9), numbers, count, dtype)
        return name, flat.reshape(shape)

    def _inside(
        self, raw: object, numbers: Sequence[Any], count: int, dtype: torch.dtype
    ) -> torch.Tensor:
        if isinstance(raw, Span) and raw.size == count * dtype.itemsize:
            return self._source.tensor(raw.begin, count, dtype)
        if isinstance(raw, Span) or len(numbers) != count:
            raise DamagedFileError("a tensor has another size than it should")
        return self._source.listed(numbers, dtype)

    def _outside(self, where: Mapping[str, str], count: int, dtype: torch.dtype) -> torch.Tensor:
        """Read weights from another file, which must lie in the same folder."""
        path = _file_beside(self._source.path, where.get("location", ""))
        check_regular(path)
        offset = _number(where.get("offset", "0"))
        size = _number(where.get("length", str(count * dtype.itemsize)))
        if size != count * dtype.itemsize:
            raise DamagedFileError("a tensor has another size than it should")
        with path.open("rb", buffering=0) as file:
            if self._source.outlines:
                return OutlineSource(file, path).tensor(offset, count, dtype)
            source = TensorSource(file, path, values=False)
            if self._source.values:
                import torch

                held = bytearray(source.read(offset, size))
                return torch.frombuffer(held, dtype=dtype) if held else torch.empty(0, dtype=dtype)
            return source.tensor(offset, count, dtype)


def _file_beside(path: Path, name: str) -> Path:
    plain = bool(name) and name not in (".", "..") and not set(name) & set("/\\:\0")
    beside = path.parent / name if plain else path
    if not plain or beside.resolve().parent != path.parent.resolve():
        raise NoNetworkError(
            f"its weights lie in {printable(name)!r}, and are read from its own folder alone"
        )
    return beside


def _number(text: str) -> int:
    if len(text) > 20:
        raise DamagedFileError("a number in it has too many digits")
    return int(text)


def _value(number: int, held: int | Span, listed: list[Any], value: Any) -> Any:  # noqa: ANN401
    """Return an attribute's value so far; those of lists are added to `listed`."""
    if number == 2 and isinstance(held, int):
        return as_float(held)
    if number == 3 and isinstance(held, int):
        return signed(held)
    if number == 4 and isinstance(held, Span):
        return held.text()
    if number == 7:
        listed.extend(held.floats() if isinstance(held, Span) else [as_float(held)])
    elif number == 8:
        listed.extend(held.numbers() if isinstance(held, Span) else [signed(held)])
    return value


def _list_values(number: int, held: int | Span) -> list[Any]:
    if number == 4:
        return held.floats() if isinstance(held, Span) else [as_float(held)]
    return held.numbers() if isinstance(held, Span) else [signed(held)]


def _key_and_value(span: Span) -> tuple[str, str]:
    held = {number: value.text() for number, value in span.fields() if isinstance(value, Span)}
    return held.get(1, ""), held.get(2, "")


def _name_and_shape(span: Span) -> tuple[str, tuple[int, ...]]:
    """Return the name of an input or output, and its shape; 0 where a side is free."""
    name, shape = "", list[int]()
    for number, held in span.fields():
        if number == 1 and isinstance(held, Span):
            name = held.text()
        elif number == 2 and isinstance(held, Span):
            shape = _shape(held)
    return name, tuple(shape)


def _shape(span: Span) -> list[int]:
    """Return a TypeProto's shape: tensor_type.shape.dim.dim_value."""
    found: list[int] = []
    for kind in _inside(span, 1):
        for shape in _inside(kind, 2):
            for side in _inside(shape, 1):
                sizes = [held for number, held in side.fields() if number == 1]
                found.append(sizes[0] if sizes and isinstance(sizes[0], int) else 0)
    return found[:8]


def _inside(span: Span, number: int) -> list[Span]:
    return [held for each, held in span.fields() if each == number and isinstance(held, Span)]
