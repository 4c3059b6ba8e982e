"""The safetensors format: the length of a JSON header, the header, the bytes of all tensors.

https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING

from lib_upscalers.models.reading.source import DamagedFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import torch

    from lib_upscalers.models.reading.source import TensorSource

_LENGTH = struct.Struct("<Q")
_LONGEST_HEADER = 100_000_000
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


def read_safe(source: TensorSource) -> dict[str, torch.Tensor]:
    """Read a .safetensors file.

    Raises:
        DamagedFileError: It is no such file, or not all of it. Readers of foreign bytes may
            stumble in other ways, too.
    """
    (length,) = _LENGTH.unpack(source.read(0, _LENGTH.size))
    if length > _LONGEST_HEADER:
        raise DamagedFileError("its header is too long")
    header = json.loads(source.read(_LENGTH.size, length))
    begin = _LENGTH.size + length
    return {
        name: _tensor(source, begin, about)
        for name, about in header.items()
        if name != "__metadata__"
    }


def _tensor(source: TensorSource, begin: int, about: dict[str, Any]) -> torch.Tensor:
    import torch

    dtype = getattr(torch, _DTYPES[about["dtype"]])
    start, stop = about["data_offsets"]
    shape = about["shape"]
    count = math.prod(shape)
    if start < 0 or stop - start != count * dtype.itemsize:
        raise DamagedFileError("a tensor has another size than it should")
    return source.tensor(begin + start, count, dtype).reshape(shape)
