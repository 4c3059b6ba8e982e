"""Parse the parameters of a layer in ncnn's text: numbers, lists, sides and shapes.

https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.reading.faults import DamagedFileError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST_NUMBER = 30
_ARRAYS = -23300


def parse_integer(text: str) -> int:
    """Return an integer, unless it has too many digits."""
    if len(text) > _LONGEST_NUMBER:
        raise DamagedFileError("a number in it has too many digits")
    return int(text)


def _number(text: str) -> float | int:
    if len(text) > _LONGEST_NUMBER:
        raise DamagedFileError("a number in it has too many digits")
    return float(text) if "." in text or "e" in text else int(text)


def parse_values(words: Sequence[str]) -> dict[int, Any]:
    """Return a layer's parameters by their number; those below -23300 are lists."""
    values: dict[int, Any] = {}
    for word in words:
        key, _, held = word.partition("=")
        number = parse_integer(key)
        if number <= _ARRAYS:
            values[_ARRAYS - number] = [_number(each) for each in held.split(",")[1:]]
        else:
            values[number] = _number(held)
    return values


def height_and_width(values: Mapping[int, Any], number: int, default: int) -> list[int]:
    """Return a parameter for height and width; that of the height is 10 higher."""
    width = int(values.get(number, default))
    return [int(values.get(number + 10, width)), width]


def pads_of(values: Mapping[int, Any]) -> list[int]:
    """Return the padding in ONNX's order: top, left, bottom, right."""
    left = int(values.get(4, 0))
    top = int(values.get(14, left))
    return [top, left, int(values.get(16, top)), int(values.get(15, left))]


def weight_shape(name: str, values: Mapping[int, Any], kernel: Sequence[int]) -> list[int]:
    """Return the shape of a layer's weights: channels that it gives, that it takes, the kernel.

    Raises:
        DamagedFileError: Their number fits no shape.
    """
    out, size = int(values.get(0, 0)), int(values.get(6, 0))
    each = out * math.prod(kernel)
    if each <= 0 or size <= 0 or size % each:
        raise DamagedFileError(f"the weights of its layer {printable(name)!r} have no shape")
    return [out, size // each, *kernel]
