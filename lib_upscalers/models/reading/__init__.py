"""Read a network file without executing anything in it.

The bytes decide what kind a file is, so that a wrong ending does no harm. Each kind has its reader
here; none unpickles without restriction, and none runs TorchScript. Each is bounded in memory and
in steps by the size of the file.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.reading.faults import DamagedFileError, NoNetworkError, printable
from lib_upscalers.models.reading.source import TensorSource, check_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")
# Files that hold a graph: see `lib_upscalers.models.graphs`. An ncnn network is two files.
GRAPH_SUFFIXES = (".onnx", ".param")
NETWORK_SUFFIXES = (*SUFFIXES, *GRAPH_SUFFIXES)

# What readers raise on foreign bytes.
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
    struct.error,
)
_HEAD = 64
_Held = TypeVar("_Held")
# The parts of the tar files of torch before 0.1.10, and bare pickles of protocol 0.
_OLDEST = (
    b"sys_info",
    b"storages",
    b"pickle\0",
    b"tensors\0",
    b"ctorch",
    b"(dp",
    b"(lp",
    b"ccopy_reg",
)


def read_state(path: Path, *, values: bool = True) -> Mapping[str, Any]:
    """Read the content of a network file as it was saved: mostly names to tensors, maybe nested.

    Args:
        path: A file that ends in one of `SUFFIXES`.
        values: Read all numbers. Without them large tensors have the right shape and type but any
            values, and only a small part of the file is read.

    Returns:
        Tensors on the CPU, each in memory of its own, so that the file may change afterwards.

    Raises:
        ModelFileError: It is missing, cannot be read, is truncated, or holds no network.
        UnsafeModelError: Its pickle asks for more than tensors.
    """
    path = Path(path)
    _check_ending(path)
    return with_read_errors(path, lambda: _read_file(path, values=values))


def read_outlines(path: Path) -> Mapping[str, Any]:
    """Read what `read_state` reads, with an `outline.Outline` for each tensor; torch is not needed.

    Raises:
        NotOutlinedError: That is not enough for this file.
        ModelError: As `read_state` does.
    """
    _check_ending(path)

    def read() -> Mapping[str, Any]:
        from lib_upscalers.models.reading.outline import OutlineSource

        with path.open("rb", buffering=0) as file:
            return _read(OutlineSource(file, path))

    return with_read_errors(path, read)


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise ModelFileError(
            f"Expected a network file, one of {', '.join(NETWORK_SUFFIXES)}, but got {path.name!r}."
        )


def _read_file(path: Path, *, values: bool) -> Mapping[str, Any]:
    with path.open("rb", buffering=0) as file:
        return _read(TensorSource(file, path, values=values))


def with_read_errors(path: Path, read: Callable[[], _Held]) -> _Held:
    """Return the result of `read`; turn what it raises on foreign bytes into errors for the user.

    Args:
        path: The file; it is checked to be one before `read` opens it.
        read: Reads it.

    Raises:
        ModelFileError: It is missing, cannot be read, is truncated, or holds no network.
        UnsafeModelError: Its pickle asks for more than tensors.
    """
    try:
        _check_kind(path)
        return read()
    except OSError as error:
        raise ModelFileError(
            f"Expected a network file that can be read, but {str(path)!r} cannot: "
            f"{error.strerror or error}."
        ) from error
    except NoNetworkError as error:
        raise ModelFileError(
            f"Expected the weights of an upscaler, but {str(path)!r} is none: {error}. Choose "
            "another file."
        ) from error
    except _STUMBLES as error:
        raise ModelFileError(
            f"Expected a whole network file, but {str(path)!r} is damaged or is none "
            f"({printable(error, 200) or type(error).__name__}): get it again."
        ) from error


def _check_kind(path: Path) -> None:
    try:
        check_regular(path)
    except DamagedFileError as error:
        raise ModelFileError(f"Expected a network file, but {str(path)!r} {error}.") from None


def _read(source: TensorSource) -> Mapping[str, Any]:
    from lib_upscalers.models.reading.archive import read_archive
    from lib_upscalers.models.reading.legacy import read_legacy
    from lib_upscalers.models.reading.pickle_values import as_named
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
    elif head.startswith(_OLDEST):
        raise NoNetworkError("torch before 0.4 wrote it, in a format that is no longer read")
    else:
        raise DamagedFileError(what_else(head))
    named = as_named(held)
    if named is None:
        raise NoNetworkError(f"it holds a {type(held).__name__} and not named tensors")
    return named


def what_else(head: bytes) -> str:
    """Return what a file is that is no network, as far as its first bytes show."""
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS to the file"
    if head.lstrip().startswith(b"<"):
        return "it is a web page"
    return "it does not begin like one"
