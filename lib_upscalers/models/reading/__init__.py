"""Reading a network file without running anything that it brings.

The kind of a file is told from its bytes, so that a wrong ending does no harm. Each kind has its
reader here; none of them unpickles freely, and none runs TorchScript.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.reading.source import DamagedFileError, TensorSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")

# What a reader of foreign bytes can stumble over.
_STUMBLES = (
    ArithmeticError,
    AttributeError,
    DamagedFileError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_HEAD = 64


def read_state(path: Path, *, values: bool = True) -> Mapping[str, Any]:
    """Read what a network file holds, as it was saved: mostly names to tensors, maybe nested.

    Args:
        path: A file that ends in one of `SUFFIXES`.
        values: Read all numbers. Without them large tensors have the right shape and type but
            hold anything, and only a small part of the file is read.

    Returns:
        Tensors on the CPU, each in memory of its own, so that the file may change afterwards.

    Raises:
        ModelFileError: It is missing, cannot be read, is truncated, or holds no network.
        UnsafeModelError: Its pickle asks for more than tensors.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ModelFileError(
            f"Expected a network file, one of {', '.join(SUFFIXES)}, but got {path.name!r}."
        )
    try:
        if path.is_dir():
            raise ModelFileError(f"Expected a network file, but {str(path)!r} is a folder.")
        with path.open("rb", buffering=0) as file:
            return _read(TensorSource(file, path, values=values))
    except OSError as error:
        raise ModelFileError(
            f"Expected a network file that can be read, but {str(path)!r} cannot: "
            f"{error.strerror or error}."
        ) from error
    except _STUMBLES as error:
        raise ModelFileError(
            f"Expected a whole network file, but {str(path)!r} is damaged or is none "
            f"({error or type(error).__name__}): get it again."
        ) from error


def _read(source: TensorSource) -> Mapping[str, Any]:
    from lib_upscalers.models.reading.archive import read_archive
    from lib_upscalers.models.reading.legacy import read_legacy
    from lib_upscalers.models.reading.safe import read_safe

    head = source.read(0, min(_HEAD, source.size))
    if not head:
        raise DamagedFileError("it is empty")
    if head[8:9] == b"{":
        held = read_safe(source)
    elif head.startswith(b"PK"):
        held = read_archive(source)
    elif head.startswith(b"\x80"):
        held = read_legacy(source)
    else:
        raise DamagedFileError(_what_else(head))
    if not isinstance(held, dict):
        raise DamagedFileError(f"it holds a {type(held).__name__} and not named tensors")
    return held


def _what_else(head: bytes) -> str:
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS to the file"
    if head.lstrip().startswith(b"<"):
        return "it is a web page"
    return "it does not begin like one"
