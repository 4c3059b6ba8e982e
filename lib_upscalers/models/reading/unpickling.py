"""Unpickling tensors and plain containers, and nothing else.

A pickle is a program: it may call anything that it can name. Here it can name the few things
that a state dict is made of, and those are stand-ins of ours where they do something.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import IO, TYPE_CHECKING

from lib_upscalers.errors import UnsafeModelError
from lib_upscalers.models.reading.source import DamagedFileError, look_into

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    import torch

_STORAGES: Mapping[str, str] = {
    "BFloat16Storage": "bfloat16",
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "ShortStorage": "int16",
}


class TensorUnpickler(pickle.Unpickler):
    """Reads a pickle in which storages are named and lie elsewhere.

    Args:
        stream: The pickle.
        path: The file that it is part of, for texts.
        storage: Returns the storage of that key, with that number of elements of that dtype, as
            a tensor of one dimension.
    """

    def __init__(
        self,
        stream: IO[bytes],
        path: Path,
        storage: Callable[[str, torch.dtype, int], torch.Tensor],
    ) -> None:
        super().__init__(stream)
        self._path = path
        self._storage = storage

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401
        """Return what a name stands for.

        Raises:
            UnsafeModelError: It is no part of a state dict.
        """
        import torch

        # Bound methods and builtins: a pickle can set attributes of what it got, and they have
        # none that can be set.
        if global_name == "OrderedDict" and module_name in ("collections", "typing"):
            return OrderedDict
        if module_name == "torch" and global_name in _STORAGES:
            return getattr(torch, _STORAGES[global_name])
        if module_name == "torch._utils" and global_name == "_rebuild_tensor_v2":
            return self._tensor
        if module_name == "torch._utils" and global_name == "_rebuild_parameter":
            return self._parameter
        raise UnsafeModelError(
            f"Expected nothing but tensors, but {str(self._path)!r} wants to run "
            f"{module_name}.{global_name}, which could do anything. Do not use it, or get it as "
            "a .safetensors file from somebody you trust."
        )

    def persistent_load(self, pid: Any, /) -> torch.Tensor:  # noqa: ANN401
        """Return the storage that a persistent id names."""
        import torch

        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise DamagedFileError("its pickle names something that is no storage")
        _, dtype, key, _, count, *_ = pid
        if not (isinstance(dtype, torch.dtype) and isinstance(key, str) and type(count) is int):
            raise DamagedFileError("its pickle describes a storage wrongly")
        return self._storage(key, dtype, count)

    def _tensor(
        self,
        storage: torch.Tensor,
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
        *_: object,
    ) -> torch.Tensor:
        return look_into(storage, offset, size, stride)

    def _parameter(self, data: torch.Tensor, *_: object) -> torch.Tensor:
        return data
