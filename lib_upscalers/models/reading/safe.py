"""Read the safetensors format: the length of a JSON header, the header, the bytes of all tensors.

https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from lib_upscalers.models.reading.faults import DamagedFileError, NoNetworkError, printable
from lib_upscalers.models.reading.limits import MOST_TENSORS, element_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from lib_upscalers.models.reading.source import TensorSource

_LENGTH = struct.Struct("<Q")
# A header has about a hundred bytes a tensor; in Python's memory it takes twenty times its size.
_LONGEST_HEADER = 4 << 20
_LONGEST_NUMBER = 20
_METADATA = "__metadata__"
_DTYPES: Mapping[str, str] = {
    "BF16": "bfloat16",
    "BOOL": "bool",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "I8": "int8",
    "U8": "uint8",
}


class _Stated(NamedTuple):
    """A tensor as the header states it; the offsets count from the end of the header."""

    begin: int
    end: int
    name: str
    dtype: torch.dtype
    shape: list[int]
    elements: int


def read_safe(source: TensorSource) -> dict[str, torch.Tensor]:
    """Read a .safetensors file, with the checks that its own library makes.

    Raises:
        DamagedFileError: It is no such file, or not all of it; two tensors have one name or share
            bytes, or there are bytes that belong to none. Readers of foreign bytes may stumble in
            other ways, too.
    """
    (length,) = _LENGTH.unpack(source.read(0, _LENGTH.size))
    if length > _LONGEST_HEADER:
        raise DamagedFileError(f"its header is longer than {_LONGEST_HEADER >> 20} MiB")
    header = _parse(source.read(_LENGTH.size, length))
    first = _LENGTH.size + length
    stated = [_stated(name, about, source) for name, about in header.items() if name != _METADATA]
    if len(stated) > MOST_TENSORS:
        raise DamagedFileError(f"it names more than {MOST_TENSORS:,} tensors")
    _check_gapless(stated, source.size - first)
    for each in stated:
        source.budget.spend(each.end - each.begin)
    return {
        each.name: source.tensor(first + each.begin, each.elements, each.dtype).reshape(each.shape)
        for each in stated
    }


def _parse(text: bytes) -> dict[str, Any]:
    header = json.loads(
        text, parse_int=_integer, parse_float=_no_number, object_pairs_hook=_without_doubles
    )
    if not isinstance(header, dict):
        raise DamagedFileError("its header is no dictionary")
    return cast("dict[str, Any]", header)


def _integer(digits: str) -> int:
    """Return an integer; Python takes seconds for each of many digits."""
    if len(digits) > _LONGEST_NUMBER:
        raise DamagedFileError("its header has a number with too many digits")
    return int(digits)


def _no_number(_: str) -> float:
    raise DamagedFileError("its header has a number that is no whole one")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DamagedFileError("its header has a name twice")
    return made


def _stated(name: str, about: Any, source: TensorSource) -> _Stated:  # noqa: ANN401 - JSON
    kind = about["dtype"]
    if kind not in _DTYPES:
        raise NoNetworkError(f"a tensor is of the type {printable(kind)}, which is not known here")
    dtype = source.dtype(_DTYPES[kind])
    begin, end = about["data_offsets"]
    shape = about["shape"]
    if type(begin) is not int or type(end) is not int or not isinstance(shape, list):
        raise DamagedFileError("its header describes a tensor wrongly")
    count = element_count(cast("list[object]", shape), source.size)
    if begin < 0 or end - begin != count * dtype.itemsize:
        raise DamagedFileError("a tensor has another size than it should")
    return _Stated(begin, end, name, dtype, cast("list[int]", shape), count)


def _check_gapless(stated: list[_Stated], size: int) -> None:
    at = 0
    for each in sorted(stated, key=lambda each: (each.begin, each.end)):
        if each.begin < at:
            raise DamagedFileError("two tensors share bytes")
        if each.begin > at:
            raise DamagedFileError("it has bytes between its tensors that belong to none")
        at = each.end
    if at > size:
        raise DamagedFileError("it ends too early")
    if at < size:
        raise DamagedFileError("it goes on after its last tensor")
